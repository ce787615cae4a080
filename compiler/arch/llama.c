// llama.c: LlamaForCausalLM: config.json, and the forward pass with its sites.
//
// Source of every formula: transformers, models/llama/modeling_llama.py.
#include "compiler/forward.h"
#include "compiler/model.h"

enum { MOST_LAYERS = 1000, MOST_HEADS = 1 << 12, MOST_WIDTH = 1 << 20, MOST_VOCAB = 1 << 24, MOST_CONTEXT = 1 << 28 };

bool llama_read(const char *path, const cJSON *config, Model *out, Error *err);
void llama_build(Forward *forward);

// ---- config.json

static bool read_llama3(const char *path, const cJSON *scaling, Rope *rope, Error *err) {
    rope->llama3 = true;
    TRY(json_f64(path, scaling, "factor", 1, 1e6, &rope->factor, err));
    TRY(json_f64(path, scaling, "low_freq_factor", 1e-3, 1e6, &rope->low_freq_factor, err));
    TRY(json_f64(path, scaling, "high_freq_factor", 1e-3, 1e6, &rope->high_freq_factor, err));
    TRY(json_u32(path, scaling, "original_max_position_embeddings", 1, MOST_CONTEXT, &rope->original_context, err));
    if (rope->high_freq_factor <= rope->low_freq_factor)
        FAIL(err, ERR_INPUT, "%s: 'high_freq_factor' is %g, expected more than 'low_freq_factor', which is %g", path,
             rope->high_freq_factor, rope->low_freq_factor);
    return true;
}

// The kind of scaling stands under "rope_type" or, in older files, "type".
static bool read_scaling(const char *path, const cJSON *scaling, Rope *rope, Error *err) {
    if (!cJSON_IsObject(scaling))
        FAIL(err, ERR_INPUT, "%s: the RoPE parameters are %s, expected an object", path, json_kind(scaling));
    const char *key = json_member(scaling, "rope_type") ? "rope_type" : "type";
    Str type = STR("default");
    if (json_member(scaling, key)) TRY(json_str(path, scaling, key, &type, err));
    if (str_is(type, "default")) return true;
    if (str_is(type, "llama3")) return read_llama3(path, scaling, rope, err);
    FAIL(err, ERR_INPUT, "%s: RoPE scaling of type '%.*s' is not supported; supported: default, llama3", path,
         STR_ARG(type));
}

// transformers 5 keeps everything in "rope_parameters", older files have "rope_theta" and "rope_scaling".
static bool read_rope(const char *path, const cJSON *config, Rope *rope, Error *err) {
    const cJSON *parameters = json_member(config, "rope_parameters");
    const cJSON *scaling = parameters ? parameters : json_member(config, "rope_scaling");
    const cJSON *holder = parameters && json_member(parameters, "rope_theta") ? parameters : config;
    rope->theta = 10000;
    if (json_member(holder, "rope_theta")) TRY(json_f64(path, holder, "rope_theta", 1e-3, 1e12, &rope->theta, err));
    const cJSON *partial = json_member(holder, "partial_rotary_factor");
    if (partial && !(cJSON_IsNumber(partial) && partial->valuedouble == 1))
        FAIL(err, ERR_INPUT, "%s: a 'partial_rotary_factor' other than 1 is not supported", path);
    return !scaling || read_scaling(path, scaling, rope, err);
}

static bool read_sizes(const char *path, const cJSON *config, Model *out, Error *err) {
    TRY(json_u32(path, config, "num_hidden_layers", 1, MOST_LAYERS, &out->layers, err));
    TRY(json_u32(path, config, "hidden_size", 1, MOST_WIDTH, &out->d, err));
    TRY(json_u32(path, config, "intermediate_size", 1, MOST_WIDTH, &out->ffn, err));
    TRY(json_u32(path, config, "vocab_size", 1, MOST_VOCAB, &out->vocab, err));
    TRY(json_u32(path, config, "num_attention_heads", 1, MOST_HEADS, &out->heads, err));
    out->kv_heads = out->heads;
    if (json_member(config, "num_key_value_heads"))
        TRY(json_u32(path, config, "num_key_value_heads", 1, MOST_HEADS, &out->kv_heads, err));
    if (out->heads % out->kv_heads)
        FAIL(err, ERR_INPUT, "%s: 'num_key_value_heads' is %u, which does not divide 'num_attention_heads', %u", path,
             out->kv_heads, out->heads);
    out->d_head = out->d / out->heads;
    if (json_member(config, "head_dim")) {
        TRY(json_u32(path, config, "head_dim", 1, MOST_WIDTH, &out->d_head, err));
    } else if (out->d % out->heads) {
        FAIL(err, ERR_INPUT, "%s: 'num_attention_heads' is %u, which does not divide 'hidden_size', %u", path,
             out->heads, out->d);
    }
    if (out->d_head % 2)
        FAIL(err, ERR_INPUT, "%s: heads of %u values cannot be rotated in pairs, expected an even size", path, out->d_head);
    if ((uint64_t)out->heads * out->d_head > MOST_WIDTH)
        FAIL(err, ERR_INPUT, "%s: %u heads of %u values are too wide, expected at most %d in all", path, out->heads,
             out->d_head, MOST_WIDTH);
    out->context = 2048;
    if (json_member(config, "max_position_embeddings"))
        TRY(json_u32(path, config, "max_position_embeddings", 1, MOST_CONTEXT, &out->context, err));
    return true;
}

bool llama_read(const char *path, const cJSON *config, Model *out, Error *err) {
    TRY(read_sizes(path, config, out, err));
    out->norm_eps = 1e-6;
    if (json_member(config, "rms_norm_eps")) TRY(json_f64(path, config, "rms_norm_eps", 0, 1, &out->norm_eps, err));
    TRY(read_rope(path, config, &out->rope, err));
    TRY(json_bool(path, config, "tie_word_embeddings", false, &out->tied, err));
    TRY(json_bool(path, config, "attention_bias", false, &out->attention_bias, err));
    TRY(json_bool(path, config, "mlp_bias", false, &out->mlp_bias, err));
    Str act = STR("silu");
    if (json_member(config, "hidden_act")) TRY(json_str(path, config, "hidden_act", &act, err));
    if (!str_is(act, "silu"))
        FAIL(err, ERR_INPUT, "%s: 'hidden_act' is '%.*s', supported: silu", path, STR_ARG(act));
    return true;
}

// ---- The forward pass

static Node *project(Forward *f, Node *x, uint32_t layer, const char *name, uint32_t width, bool bias) {
    Node *y = forward_linear(f, x, width, "model.layers.%u.%s.weight", layer, name);
    return bias ? forward_bias(f, y, "model.layers.%u.%s.bias", layer, name) : y;
}

static Node *attention(Forward *f, Node *x, uint32_t l) {
    const Model *m = f->model;
    uint32_t q_width = m->heads * m->d_head, kv_width = m->kv_heads * m->d_head;
    Node *h = forward_norm(f, x, "model.layers.%u.input_layernorm.weight", l);
    Node *q = forward_site(f, SITE_q_pre, l, project(f, h, l, "self_attn.q_proj", q_width, m->attention_bias));
    Node *k = forward_site(f, SITE_k_pre, l, project(f, h, l, "self_attn.k_proj", kv_width, m->attention_bias));
    Node *v = forward_site(f, SITE_v, l, project(f, h, l, "self_attn.v_proj", kv_width, m->attention_bias));
    q = forward_site(f, SITE_q, l, forward_rope(f, q, m->heads));
    k = forward_site(f, SITE_k, l, forward_rope(f, k, m->kv_heads));
    Node *z = forward_site(f, SITE_z, l, forward_attention(f, q, k, v));
    return forward_site(f, SITE_attn_out, l, project(f, z, l, "self_attn.o_proj", m->d, m->attention_bias));
}

static Node *mlp(Forward *f, Node *x, uint32_t l) {
    const Model *m = f->model;
    Node *h = forward_norm(f, x, "model.layers.%u.post_attention_layernorm.weight", l);
    Node *gate = project(f, h, l, "mlp.gate_proj", m->ffn, m->mlp_bias);
    Node *up = project(f, h, l, "mlp.up_proj", m->ffn, m->mlp_bias);
    Node *act = forward_site(f, SITE_mlp_act, l, forward_swiglu(f, gate, up));
    return forward_site(f, SITE_mlp_out, l, project(f, act, l, "mlp.down_proj", m->d, m->mlp_bias));
}

void llama_build(Forward *f) {
    Node *x = forward_site(f, SITE_embed, 0, forward_embed(f, "model.embed_tokens.weight"));
    for (uint32_t l = 0; l < f->model->layers; l++) {
        x = forward_site(f, SITE_resid_mid, l, forward_add(f, x, attention(f, x, l)));
        x = forward_site(f, SITE_resid_post, l, forward_add(f, x, mlp(f, x, l)));
    }
    x = forward_site(f, SITE_final_norm, 0, forward_norm(f, x, "model.norm.weight"));
    const char *unembedding = f->model->tied ? "model.embed_tokens.weight" : "lm_head.weight";
    forward_site(f, SITE_logits, 0, forward_linear(f, x, f->model->vocab, "%s", unembedding));
}
