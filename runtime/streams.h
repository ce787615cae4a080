// streams.h: prompts as tokens, for each tokenizer that asks: what the compiler calls Facts.
#pragma once

#include "mdx/facts.h"
#include "runtime/prompts.h"
#include "runtime/tokenizer/tokenizer.h"

typedef struct {
    const char *folder; // of the model
    Str name;           // for messages
} StreamModel;

typedef struct Streams Streams;

// Nothing is read before it is asked for. The result lives in the arena. `cache`: the folder where tokens are kept, or
// NULL.
Streams *streams_open(Arena *arena, const StreamModel *models, size_t model_count, const PromptsFile *prompts, size_t prompts_count,
                      const char *cache);
void streams_close(Streams *streams);
Facts streams_facts(Streams *streams);

// The tokenizer of a model, opened on first use; NULL on error.
Tokenizer *streams_tokenizer(Streams *streams, uint32_t model, Error *err);
// The texts of a prompts definition, read on first use; NULL on error.
const PromptTexts *streams_prompts(Streams *streams, uint32_t prompts, Error *err);
