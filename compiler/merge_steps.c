// merge_steps.c: several steps of one kind as one: their rows one behind another, operands and results laid together.
#include "compiler/merge.h"
#include "compiler/parts.h"
#include "mdx/map.h"

// ---- Kinds

static void add(Text *key, const void *at, size_t bytes) {
    text_str(key, (Str){at, bytes});
}

static void add_number(Text *key, uint64_t number) {
    add(key, &number, sizeof number);
}

// Values that are read whole, or by their place in a file or the plan, must be the same; others of one shape.
static void add_value(const Lowered *lowered, uint32_t number, Text *key) {
    if (number == NO_VALUE) {
        add_number(key, number);
        return;
    }
    const Value *value = &lowered->values.at[number];
    add_number(key, value->place);
    add_number(key, value->place == IN_ARENA ? 0 : number);
    add_number(key, value->width);
    add_number(key, value->dtype);
}

static void add_bytes(Text *key, const uint32_t *at, size_t count) {
    add_number(key, at ? hash_bytes(at, count * sizeof *at, 1) : 0);
    add_number(key, at ? hash_bytes(at, count * sizeof *at, 2) : 0);
}

static bool varies(const Lowered *lowered, const Step *step) {
    if (step->fused) return lowered->values.at[step->fused->results[0].value].varies;
    return lowered->values.at[step->logits ? step->logits->metrics[0].out : step->out].varies;
}

static bool fused_kind(const Lowered *lowered, const Fused *fused, Text *key) {
    const RowCode *code = &lowered->codes.at[fused->code];
    add_number(key, fused->code);
    for (uint32_t k = 0; k < code->operand_count; k++) {
        const RowBinding *operand = &fused->operands[k];
        add_value(lowered, operand->value, key);
        bool fixed = code->operands[k].fixed;
        if (fixed) add_number(key, operand->value), add_number(key, operand->row);
        uint32_t span = code->operands[k].span;
        if (span) add_bytes(key, operand->blocks, code->width / span);
    }
    for (uint32_t k = 0; k < code->result_count; k++) add_value(lowered, fused->results[k].value, key);
    return true;
}

static bool logits_kind(const Lowered *lowered, const Logits *logits, Text *key) {
    add_number(key, logits->vocab);
    for (uint32_t i = 0; i < logits->source_count; i++) {
        add_value(lowered, logits->sources[i].x, key);
        add_number(key, logits->sources[i].weight);
    }
    for (uint32_t i = 0; i < logits->metric_count; i++) {
        const LogitsMetric *m = &logits->metrics[i];
        const uint32_t parts[] = {(uint32_t)m->op, m->sources[0], m->source_count > 1 ? m->sources[1] : 0, m->ids, m->first, m->tile, m->second, m->finish, m->first_column};
        add(key, parts, sizeof parts);
        add(key, m->initial, (m->states + m->second_states) * sizeof *m->initial);
    }
    return true;
}

static bool attention_kind(const Lowered *lowered, const Step *step, Text *key) {
    add(key, step->attr.words, sizeof step->attr.words);
    for (int i = 0; i < 3; i++) add_value(lowered, step->in[i], key);
    add_number(key, step->keys.rows != NULL);
    add_number(key, step->values.rows != NULL);
    if (step->keys.rows) add_value(lowered, step->keys.other, key);
    if (step->values.rows) add_value(lowered, step->values.other, key);
    return true;
}

static bool product_kind(const Lowered *lowered, const Step *step, Text *key) {
    add_value(lowered, step->in[0], key);
    add_number(key, step->in[1]);
    add_number(key, lowered->values.at[step->out].width);
    return true;
}

bool merge_kind(const Lowered *lowered, const Step *step, Text *key) {
    if (!step->rows) return false;
    add_number(key, step->fused ? OP_COUNT : step->logits ? OP_COUNT + 1 : step->op);
    add_number(key, varies(lowered, step));
    if (step->fused) return fused_kind(lowered, step->fused, key);
    if (step->logits) return logits_kind(lowered, step->logits, key);
    if (op_info[step->op].rows == ROWS_ATTENTION) return attention_kind(lowered, step, key);
    return step_is_product(step) && product_kind(lowered, step, key);
}

// ---- Values beside each other

// The whole that all the values are part of; made when there is none.
static uint32_t common_whole(Lowered *lowered, const uint32_t *values, uint32_t count) {
    Arena *scratch = arena_open();
    U32List wholes = {0};
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t whole = parts_whole(lowered, values[i]).value;
        bool have = false;
        for (size_t k = wholes.len; k-- > 0 && !have;) have = wholes.at[k] == whole;
        if (have) continue;
        list_push(scratch, &wholes, whole);
        rows += lowered->values.at[whole].rows;
    }
    uint32_t common = wholes.at[0];
    if (wholes.len > 1) {
        Value like = lowered->values.at[common];
        common = parts_new(lowered, &like, rows);
        for (size_t k = 0, row = 0; k < wholes.len; k++) {
            parts_put(lowered, wholes.at[k], common, row);
            row += lowered->values.at[wholes.at[k]].rows;
        }
    }
    arena_close(scratch);
    return common;
}

// Rows of several operands as rows of one.
typedef struct {
    uint32_t value;
    const uint32_t *map; // NULL: the same row
} Operand;

// Rows that follow each other are a part of the whole by themselves.
static Operand plain_operand(Lowered *lowered, uint32_t value, const uint32_t *map, uint64_t rows) {
    uint64_t first = map[0];
    if (!rows_are_run(map, rows)) return (Operand){value, map};
    const Value *whole = &lowered->values.at[value];
    if (whole->place != IN_ARENA) return first ? (Operand){value, map} : (Operand){value, NULL};
    return (Operand){parts_rows(lowered, value, first, rows), NULL};
}

// values[i] is read by rows[i] rows through maps[i].
static Operand join_operands(Lowered *lowered, const uint32_t *values, const uint32_t *const *maps, const uint64_t *rows, uint32_t count) {
    bool arena = lowered->values.at[values[0]].place == IN_ARENA;
    uint32_t whole = arena ? common_whole(lowered, values, count) : values[0];
    uint64_t total = 0, next = 0;
    for (uint32_t i = 0; i < count; i++) total += rows[i];
    uint32_t *map = arena_many(lowered->arena, uint32_t, total);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t first = arena ? parts_whole(lowered, values[i]).row : 0;
        for (uint64_t r = 0; r < rows[i]; r++) {
            uint64_t row = maps[i] ? maps[i][r] : r;
            map[next++] = row == ROW_NONE ? ROW_NONE : (uint32_t)(first + row);
        }
    }
    return plain_operand(lowered, whole, map, total);
}

// The results of the parts as rows of one new value.
static uint32_t join_results(Lowered *lowered, const uint32_t *values, uint32_t count) {
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) rows += lowered->values.at[values[i]].rows;
    Value like = lowered->values.at[values[0]];
    uint32_t whole = parts_new(lowered, &like, rows);
    for (uint32_t i = 0, row = 0; i < count; i++) {
        parts_put(lowered, values[i], whole, row);
        row += (uint32_t)lowered->values.at[values[i]].rows;
    }
    return whole;
}

// ---- Steps of each kind

typedef struct {
    Lowered *lowered;
    Arena *scratch;
    const Step *const *steps;
    uint32_t count;
    uint64_t *rows;    // [count] of the steps
    uint64_t total;
    uint32_t *values;  // [count], to be filled in
    const uint32_t **maps;
    uint32_t *lists;   // [count] where the list of keys of each begins
} Merge;

static Operand merged_operand(Merge *m) {
    return join_operands(m->lowered, m->values, m->maps, m->rows, m->count);
}

static const uint32_t *join_maps(const Merge *m) {
    uint32_t *map = arena_many(m->lowered->arena, uint32_t, m->total), *next = map;
    for (uint32_t i = 0; i < m->count; i++)
        for (uint64_t r = 0; r < m->rows[i]; r++) *next++ = m->maps[i] ? m->maps[i][r] : (uint32_t)r;
    return map;
}

static RowBinding merge_operand(Merge *m, uint32_t k, RowOperand *rule) {
    RowBinding binding = m->steps[0]->fused->operands[k];
    if (rule->fixed) return binding;
    for (uint32_t i = 0; i < m->count; i++) {
        m->values[i] = m->steps[i]->fused->operands[k].value;
        m->maps[i] = m->steps[i]->fused->operands[k].map;
    }
    if (rule->flag) {
        binding.map = rule->mapped ? join_maps(m) : NULL;
        return binding;
    }
    Operand operand = merged_operand(m);
    binding.value = operand.value;
    binding.map = operand.map;
    rule->mapped = operand.map != NULL;
    return binding;
}

static RowBinding merge_result(Merge *m, uint32_t k, bool mapped) {
    for (uint32_t i = 0; i < m->count; i++) m->values[i] = m->steps[i]->fused->results[k].value;
    RowBinding binding = {.value = join_results(m->lowered, m->values, m->count)};
    if (!mapped) return binding;
    uint32_t *map = arena_many(m->lowered->arena, uint32_t, m->total), *next = map;
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t first = (uint32_t)m->lowered->values.at[m->values[i]].base_row;
        const uint32_t *own = m->steps[i]->fused->results[k].map;
        for (uint64_t r = 0; r < m->rows[i]; r++) *next++ = own[r] == ROW_NONE ? ROW_NONE : first + own[r];
    }
    binding.map = map;
    return binding;
}

// Operands may be read through maps now that were not: another code, equal but for that.
static void merge_fused(Merge *m, Step *out) {
    RowCode code = m->lowered->codes.at[out->fused->code];
    RowOperand *rules = arena_copy(m->lowered->arena, code.operands, code.operand_count * sizeof *rules);
    RowBinding *operands = arena_many(m->lowered->arena, RowBinding, code.operand_count);
    RowBinding *results = arena_many(m->lowered->arena, RowBinding, code.result_count);
    for (uint32_t k = 0; k < code.operand_count; k++) operands[k] = merge_operand(m, k, &rules[k]);
    for (uint32_t k = 0; k < code.result_count; k++) results[k] = merge_result(m, k, code.results[k].mapped);
    code.operands = rules;
    Fused *fused = arena_new(m->lowered->arena, Fused);
    *fused = (Fused){lowered_code(m->lowered, &code), operands, results};
    out->fused = fused;
}

static void merge_logits(Merge *m, Step *out) {
    Logits *logits = arena_copy(m->lowered->arena, out->logits, sizeof *logits);
    LogitsSource *sources = arena_copy(m->lowered->arena, logits->sources, logits->source_count * sizeof *sources);
    LogitsMetric *metrics = arena_copy(m->lowered->arena, logits->metrics, logits->metric_count * sizeof *metrics);
    for (uint32_t s = 0; s < logits->source_count; s++) {
        for (uint32_t i = 0; i < m->count; i++) {
            m->values[i] = m->steps[i]->logits->sources[s].x;
            m->maps[i] = m->steps[i]->logits->sources[s].map;
        }
        Operand x = merged_operand(m);
        sources[s].x = x.value;
        sources[s].map = x.map;
    }
    for (uint32_t k = 0; k < logits->metric_count; k++) {
        for (uint32_t i = 0; i < m->count; i++) {
            m->values[i] = m->steps[i]->logits->metrics[k].out;
            m->maps[i] = m->steps[i]->logits->metrics[k].ids_map;
        }
        metrics[k].out = join_results(m->lowered, m->values, m->count);
        if (metrics[k].ids != NO_VALUE) metrics[k].ids_map = join_maps(m);
    }
    logits->sources = sources;
    logits->metrics = metrics;
    out->logits = logits;
}

// Steps with the same list share it; a list of rows of another value stands behind it.
static KeyRows merge_keys(Merge *m, size_t offset_of_keys, size_t input, uint32_t *in) {
    KeyRows out = {.other = NO_VALUE};
    uint32_t *begin = arena_many(m->lowered->arena, uint32_t, m->total), *own = arena_many(m->lowered->arena, uint32_t, m->total);
    const KeyRows **keys = arena_many(m->scratch, const KeyRows *, m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        keys[i] = (const KeyRows *)(const void *)((const char *)m->steps[i] + offset_of_keys);
        m->values[i] = m->steps[i]->in[input];
    }
    common_whole(m->lowered, m->values, m->count);
    bool listed = keys[0]->rows != NULL;
    uint32_t *others = arena_many(m->scratch, uint32_t, m->count);
    for (uint32_t i = 0; i < m->count && listed; i++) others[i] = keys[i]->other;
    if (listed) common_whole(m->lowered, others, m->count);
    *in = parts_whole(m->lowered, m->values[0]).value; // now: the second may have laid the first beside others
    if (listed) out.other = parts_whole(m->lowered, others[0]).value;
    LIST(uint32_t) list = {0};
    uint64_t next = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t first = (uint32_t)parts_whole(m->lowered, m->values[i]).row, list_at = (uint32_t)list.len, same = i;
        for (uint32_t k = 0; k < i && listed && same == i; k++)
            if (keys[k]->rows == keys[i]->rows && parts_whole(m->lowered, m->values[k]).row == first) same = k;
        if (same < i) list_at = m->lists[same];
        m->lists[i] = list_at;
        uint32_t own_first = listed ? (uint32_t)parts_whole(m->lowered, others[i]).row : 0, used = 0;
        for (uint64_t r = 0; r < m->rows[i]; r++, next++) {
            begin[next] = keys[i]->begin[r] + (listed ? list_at : first);
            own[next] = listed ? keys[i]->own[r] + own_first : 0;
            used = MAX(used, keys[i]->begin[r] + m->steps[i]->count[r]);
        }
        for (uint32_t k = 0; k < used && listed && same == i; k++) {
            uint32_t row = keys[i]->rows[k];
            list_push(m->lowered->arena, &list, row & OTHER_ROW ? row : row + first);
        }
    }
    out.begin = begin;
    if (listed) out.rows = list.at, out.own = own;
    return out;
}

static void merge_attention(Merge *m, Step *out) {
    for (uint32_t i = 0; i < m->count; i++) m->values[i] = m->steps[i]->in[0], m->maps[i] = m->steps[i]->map[0];
    Operand q = merged_operand(m);
    out->in[0] = q.value;
    out->map[0] = q.map;
    out->keys = merge_keys(m, offsetof(Step, keys), 1, &out->in[1]);
    out->values = merge_keys(m, offsetof(Step, values), 2, &out->in[2]);
    for (uint32_t i = 0; i < m->count; i++) m->maps[i] = m->steps[i]->count;
    out->count = join_maps(m);
    for (uint32_t i = 0; i < m->count; i++) m->values[i] = m->steps[i]->out;
    out->out = join_results(m->lowered, m->values, m->count);
}

static void merge_product(Merge *m, Step *out) {
    for (uint32_t i = 0; i < m->count; i++) m->values[i] = m->steps[i]->in[0], m->maps[i] = m->steps[i]->map[0];
    Operand x = merged_operand(m);
    out->in[0] = x.value;
    out->map[0] = x.map;
    for (uint32_t i = 0; i < m->count; i++) m->values[i] = m->steps[i]->out;
    out->out = join_results(m->lowered, m->values, m->count);
}

Step merge_steps(Lowered *lowered, const Step *const *steps, uint32_t count) {
    Step out = *steps[0];
    if (count == 1) return out;
    Merge m = {.lowered = lowered, .scratch = arena_open(), .steps = steps, .count = count};
    m.rows = arena_many(m.scratch, uint64_t, count);
    m.values = arena_many(m.scratch, uint32_t, count);
    m.maps = arena_many(m.scratch, const uint32_t *, count);
    m.lists = arena_many(m.scratch, uint32_t, count);
    out.flops = 0;
    for (uint32_t i = 0; i < count; i++) {
        m.total += m.rows[i] = steps[i]->rows;
        out.flops += steps[i]->flops;
    }
    out.rows = m.total;
    if (out.fused)
        merge_fused(&m, &out);
    else if (out.logits)
        merge_logits(&m, &out);
    else if (op_info[out.op].rows == ROWS_ATTENTION)
        merge_attention(&m, &out);
    else
        merge_product(&m, &out);
    arena_close(m.scratch);
    return out;
}
