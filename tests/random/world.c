// world.c: small models with random weights, written as Hugging Face folders.
//
// Widths are no multiples of a vector; steppe and taiga have one shape and one tokenizer; delta has another tokenizer
// on the same width; mesa another width.
#include <math.h>

#include "chance.h"
#include "mdx/file.h"
#include "runtime/safetensors.h"
#include "world.h"

const WorldModel world_models[WORLD_MODELS] = {
    {"steppe", 3, 20, 4, 2, 6, 28, 0, 0, false, false, false},
    {"taiga", 3, 20, 4, 2, 6, 28, 0, 0, false, false, false},
    {"delta", 4, 20, 3, 1, 4, 24, 1, 1, true, true, true},
    {"mesa", 2, 16, 2, 2, 8, 20, 0, 2, true, false, false},
};

const WorldPrompts world_prompts[WORLD_PROMPTS] = {
    {"few", {"abcdefgh", "hg fe", "dabcab"}},
    {"uneven", {"a", "abcdefghabch", "cd", "gab efh"}},
    {"twins", {"gfedh", "gfedc", "gfedh", "acf", "gfecab"}},
    {"train", {"habc", "dcba", "fe dab", "gghh", "abab", "cdef", "he ad", "bcd gf", "ffae", "hcgab", "bbeeh", "gadf"}},
    {"one", {"fab deh"}}, // the last: ONE_PROMPT
};

const char *const world_tokens[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
const size_t world_token_count = COUNT(world_tokens);
const char *const world_answers[] = {"a", "gh", "cab", "d e"};
const size_t world_answer_count = COUNT(world_answers);

// ---- Tokenizers: letters and a blank; the second also joins some pairs, and begins with BOS

enum { BOS, USER, END, FIRST_LETTER, LETTERS = 8, BLANK = FIRST_LETTER + LETTERS, FIRST_PAIR };

static const char pairs[][2] = {{'a', 'b'}, {'c', 'd'}, {'e', 'f'}};

uint32_t world_prompt_count(const WorldPrompts *prompts) {
    uint32_t count = 0;
    while (count < COUNT(prompts->texts) && prompts->texts[count]) count++;
    return count;
}

uint32_t world_least_tokens(const WorldPrompts *prompts, uint32_t tokenizer) {
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < COUNT(prompts->texts) && prompts->texts[i]; i++) {
        const char *text = prompts->texts[i];
        size_t tokens = strlen(text);
        for (size_t k = 0; tokenizer && text[k]; k++)
            for (size_t p = 0; p < COUNT(pairs); p++) tokens -= text[k] == pairs[p][0] && text[k + 1] == pairs[p][1];
        least = MIN(least, tokens);
    }
    return (uint32_t)least;
}

uint32_t world_token_id(Str token) {
    return FIRST_LETTER + (uint32_t)(token.at[0] - 'a');
}

static void add_special(Text *out, const char *name, int id) {
    text_add(out,
             "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":"
             "false,\"special\":true}",
             id ? "," : "", id, name);
}

static const char bos_in_front[] =
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},{\"Sequence\":{"
    "\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\","
    "\"type_id\":1}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}}";

static Str tokenizer_json(Arena *arena, uint32_t tokenizer) {
    Text out = text_open(arena);
    text_str(&out, STR("{\"version\":\"1.0\",\"added_tokens\":["));
    add_special(&out, "<s>", BOS);
    add_special(&out, "<u>", USER);
    add_special(&out, "<e>", END);
    text_add(&out,
             "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_"
             "offsets\":true,\"use_regex\":true},\"post_processor\":%s,\"decoder\":{\"type\":\"ByteLevel\",\"add_"
             "prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"vocab\":{"
             "\"<s>\":%d,\"<u>\":%d,\"<e>\":%d",
             tokenizer ? bos_in_front : "null", BOS, USER, END);
    for (int i = 0; i < LETTERS; i++) text_add(&out, ",\"%c\":%d", 'a' + i, FIRST_LETTER + i);
    text_add(&out, ",\"\u0120\":%d", BLANK);
    for (size_t p = 0; tokenizer && p < COUNT(pairs); p++)
        text_add(&out, ",\"%.2s\":%d", pairs[p], FIRST_PAIR + (int)p);
    text_str(&out, STR("},\"merges\":["));
    for (size_t p = 0; tokenizer && p < COUNT(pairs); p++)
        text_add(&out, "%s[\"%c\",\"%c\"]", p ? "," : "", pairs[p][0], pairs[p][1]);
    text_str(&out, STR("]}}"));
    return text_view(&out);
}

static Str tokenizer_config(Arena *arena, uint32_t tokenizer) {
    return str_format(arena,
                      "{%s\"eos_token\":\"<e>\",\"chat_template\":\"{%% for m in messages %%}<u>{{ m['content'] }}{%% "
                      "endfor %%}<e>%s\"}",
                      tokenizer ? "\"bos_token\":\"<s>\"," : "", tokenizer ? "" : "<u>");
}

// ---- Models

static Str config_json(Arena *arena, const WorldModel *m) {
    return str_format(arena,
                      "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_act\":\"silu\","
                      "\"hidden_size\":%u,\"intermediate_size\":%u,\"num_hidden_layers\":%u,\"num_attention_heads\":%u,"
                      "\"num_key_value_heads\":%u,\"head_dim\":%u,\"max_position_embeddings\":64,\"rms_norm_eps\":1e-5,"
                      "\"rope_theta\":100.0,\"attention_bias\":%s,\"mlp_bias\":%s,\"tie_word_embeddings\":%s,"
                      "\"vocab_size\":%d}",
                      m->d, m->ffn, m->layers, m->heads, m->kv_heads, m->d_head, m->biased ? "true" : "false",
                      m->biased ? "true" : "false", m->tied ? "true" : "false", WORLD_VOCAB);
}

typedef struct {
    Arena *arena;
    const WorldModel *model;
    Random values, moves, nudges; // taiga is steppe, moved
    uint32_t nudge;
    LIST(Tensor) tensors;
} Maker;

// x as a number of the type: bfloat16 is the front half of float32.
static float as_stored(const WorldModel *model, double x) {
    union {
        float f;
        uint32_t bits;
    } u = {.f = (float)x};
    if (model->half) u.bits &= 0xffff0000u;
    return u.f;
}

static float value_of(Maker *maker, double mean, double deviation) {
    double x = mean + deviation * random_normal(&maker->values);
    if (strcmp(maker->model->name, "taiga") == 0) x += 0.4 * deviation * random_normal(&maker->moves);
    float stored = as_stored(maker->model, x);
    return maker->nudge ? (float)(stored * (1 + 0x1p-21 * random_even(&maker->nudges))) : stored;
}

static void add_tensor(Maker *maker, Str name, uint32_t rows, uint32_t columns, double mean, double deviation) {
    size_t count = (size_t)MAX(rows, 1u) * columns;
    bool half = !maker->nudge && maker->model->half;
    DType dtype = half ? DTYPE_bf16 : DTYPE_f32;
    float *wide = arena_many(maker->arena, float, count);
    uint16_t *narrow = arena_many(maker->arena, uint16_t, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        wide[i] = value_of(maker, mean, deviation);
        memcpy(&bits, &wide[i], sizeof bits);
        narrow[i] = (uint16_t)(bits >> 16);
    }
    Tensor tensor = {.name = name, .dtype = dtype, .rank = rows ? 2 : 1, .bytes = count * dtype_info[dtype].bytes};
    tensor.shape[0] = rows ? rows : columns;
    tensor.shape[1] = rows ? columns : 0;
    tensor.data = half ? (const void *)narrow : wide;
    list_push(maker->arena, &maker->tensors, tensor);
}

static void add_norm(Maker *maker, Str name) {
    add_tensor(maker, name, 0, maker->model->d, 1, 0.3);
}

static void add_linear(Maker *maker, uint32_t layer, const char *name, uint32_t out, uint32_t in, double gain) {
    Arena *arena = maker->arena;
    add_tensor(maker, str_format(arena, "model.layers.%u.%s.weight", layer, name), out, in, 0, gain / sqrt(in));
    if (maker->model->biased)
        add_tensor(maker, str_format(arena, "model.layers.%u.%s.bias", layer, name), 0, out, 0, 0.3);
}

static void add_layer(Maker *maker, uint32_t l) {
    const WorldModel *m = maker->model;
    uint32_t q = m->heads * m->d_head, kv = m->kv_heads * m->d_head;
    add_norm(maker, str_format(maker->arena, "model.layers.%u.input_layernorm.weight", l));
    add_linear(maker, l, "self_attn.q_proj", q, m->d, 1.3);
    add_linear(maker, l, "self_attn.k_proj", kv, m->d, 1.3);
    add_linear(maker, l, "self_attn.v_proj", kv, m->d, 1);
    add_linear(maker, l, "self_attn.o_proj", m->d, q, 1);
    add_norm(maker, str_format(maker->arena, "model.layers.%u.post_attention_layernorm.weight", l));
    add_linear(maker, l, "mlp.gate_proj", m->ffn, m->d, 1);
    add_linear(maker, l, "mlp.up_proj", m->ffn, m->d, 1);
    add_linear(maker, l, "mlp.down_proj", m->d, m->ffn, 1);
}

static bool write_text(Arena *arena, Str folder, const char *name, Str text, Error *err) {
    return file_write(path_join(arena, folder, str_of(name)).at, text, err);
}

static bool write_model(Arena *arena, Str root, const WorldModel *model, uint32_t nudge, Error *err) {
    Str folder = path_join(arena, root, str_of(model->name));
    Maker maker = {arena, model, random_open(100 + model->shape), random_open(200), random_open(300 + nudge),
                   nudge, {0}};
    add_tensor(&maker, STR("model.embed_tokens.weight"), WORLD_VOCAB, model->d, 0, 0.8);
    for (uint32_t l = 0; l < model->layers; l++) add_layer(&maker, l);
    add_norm(&maker, STR("model.norm.weight"));
    if (!model->tied) add_tensor(&maker, STR("lm_head.weight"), WORLD_VOCAB, model->d, 0, 2.5 / sqrt(model->d));
    return folder_make(folder.at, err) && write_text(arena, folder, "config.json", config_json(arena, model), err) &&
           write_text(arena, folder, "tokenizer.json", tokenizer_json(arena, model->tokenizer), err) &&
           write_text(arena, folder, "tokenizer_config.json", tokenizer_config(arena, model->tokenizer), err) &&
           safetensors_write(path_join(arena, folder, STR("model.safetensors")).at, maker.tensors.at, maker.tensors.len,
                             STR(""), err);
}

static bool write_prompts(Arena *arena, Str root, const WorldPrompts *prompts, Error *err) {
    Text lines = text_open(arena);
    for (size_t i = 0; i < COUNT(prompts->texts) && prompts->texts[i]; i++)
        text_add(&lines, "{\"text\": \"%s\"}\n", prompts->texts[i]);
    return write_text(arena, root, str_format(arena, "%s.jsonl", prompts->name).at, text_view(&lines), err);
}

bool world_write(const char *folder, uint32_t nudge, Error *err) {
    Arena *arena = arena_open();
    Str root = str_of(folder);
    bool ok = folder_make(folder, err);
    for (size_t i = 0; ok && i < WORLD_MODELS; i++) ok = write_model(arena, root, &world_models[i], nudge, err);
    for (size_t i = 0; ok && i < WORLD_PROMPTS; i++) ok = write_prompts(arena, root, &world_prompts[i], err);
    arena_close(arena);
    return ok;
}
