// model.h: a model's shape, from its config.json: all that the compiler knows of a model.
#pragma once

#include "mdx/error.h"
#include "mdx/json.h"

typedef struct Model Model;
typedef struct Forward Forward; // compiler/forward.h

typedef struct {
    const char *name;  // row of arch.def
    const char *class; // as config.json calls it
    uint64_t lacks;    // bit of each site (site.def) that it does not offer
    bool (*read)(const char *path, const cJSON *config, Model *out, Error *err);
    void (*build)(Forward *forward);
} Arch;

// Rotary position embedding: angle of pair i at position t is t * inv_freq[i], inv_freq[i] = theta^(-2i/size).
typedef struct {
    double theta;
    bool llama3; // frequencies rescaled as Llama 3.1 does; the members below are its parameters
    double factor, low_freq_factor, high_freq_factor;
    uint32_t original_context;
} Rope;

struct Model {
    const Arch *arch;
    uint32_t layers, d, heads, kv_heads, d_head, ffn, vocab;
    uint32_t context; // positions that it was trained for
    double norm_eps;
    Rope rope;
    bool tied;           // the unembedding is the embedding
    bool attention_bias; // q, k, v and output projections have a bias
    bool mlp_bias;
};

// Reads FOLDER/config.json. False with the path, the member and what was expected.
bool model_read(const char *folder, Model *out, Error *err);
// The inverse frequencies of the model's RoPE: d_head / 2 floats, computed in float32 as transformers does
// (modeling_rope_utils: default and llama3).
float *model_inv_freq(const Model *model, Arena *arena);
