// world.h: the small models and prompts that random specs are about.
#pragma once

#include "mdx/error.h"

enum { TOKENIZERS = 2, WORLD_MODELS = 4, WORLD_PROMPTS = 5, ONE_PROMPT = WORLD_PROMPTS - 1, WORLD_VOCAB = 37 };

typedef struct {
    const char *name;
    uint32_t layers, d, heads, kv_heads, d_head, ffn, tokenizer, shape; // equal shapes: states go from one to the other
    bool tied, biased, half;                                            // half: stored as BF16, else as F32
} WorldModel;

typedef struct {
    const char *name;
    const char *texts[16];
} WorldPrompts;

extern const WorldModel world_models[WORLD_MODELS];
extern const WorldPrompts world_prompts[WORLD_PROMPTS];
extern const char *const world_tokens[]; // texts that are one token of every tokenizer
extern const size_t world_token_count;
extern const char *const world_answers[]; // texts of one or several tokens
extern const size_t world_answer_count;

uint32_t world_prompt_count(const WorldPrompts *prompts);
// Tokens of the shortest text, without BOS and template.
uint32_t world_least_tokens(const WorldPrompts *prompts, uint32_t tokenizer);
// Id of a text of world_tokens.
uint32_t world_token_id(Str token);

// Writes the models and prompts to `folder`. `nudge`: 0, or a seed: every weight is moved by up to one part in two
// millions, so that a run shows how much a result says of rounding.
bool world_write(const char *folder, uint32_t nudge, Error *err);
