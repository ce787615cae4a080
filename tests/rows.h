// rows.h: row kernels interpreted: what each operation means, in a plain loop over the columns of one row.
//
// A value carries how far a device may be from it. Operations that are rounded once are exact and must be met bit for
// bit; only e^x, logarithms and the order of a sum leave room, which is followed through all that comes after. Where
// the room decides a comparison, anything may come out.
#pragma once

#include <float.h>
#include <math.h>

#include "mdx/row.h"

typedef struct {
    double x, room; // room: INFINITY when everything is right
} Near;

typedef struct {
    const RowCode *code;
    const DType *types;
    const RowPointer *pointers;
    uint64_t columns, base, row;
    Near *values; // [instrs][columns, at least 1]
} Rows;

typedef Near Interpret(const Rows *rows, const RowInstr *instr, uint64_t c);

// ---- Numbers

static inline double rows_rounded(const RowInstr *instr, double x) {
    return instr->wide ? x : (double)(float)x;
}

static inline double rows_ulp(bool wide, double x) {
    double least = wide ? 0x1p-1074 : 0x1p-149, ulp = fabs(x) * (wide ? DBL_EPSILON : (double)FLT_EPSILON);
    return ulp > least ? ulp : least;
}

// x, rounded; what is not exact is rounded elsewhere too, and no longer known when it leaves the range.
static inline Near rows_near(const RowInstr *instr, double x, double room) {
    Near out = {rows_rounded(instr, x), 0};
    if (room == 0) return out;
    out.room = room + rows_ulp(instr->wide, x);
    double most = instr->wide ? DBL_MAX : (double)FLT_MAX;
    if (!(fabs(x) + out.room < most)) out.room = INFINITY;
    return out;
}

static inline Near rows_at(const Rows *rows, uint16_t value, uint64_t c) {
    uint64_t stride = rows->columns ? rows->columns : 1;
    return rows->values[value * stride + (rows->code->instrs[value].columns ? c : 0)];
}

static inline Near rows_in(const Rows *rows, const RowInstr *instr, uint32_t k, uint64_t c) {
    return rows_at(rows, instr->in[k], c);
}

#define INTERPRET(name)                                                                                                \
    static inline Near interpret_##name(__attribute__((unused)) const Rows *rows,                                      \
                                        __attribute__((unused)) const RowInstr *instr,                                 \
                                        __attribute__((unused)) uint64_t c)
#define A rows_in(rows, instr, 0, c)
#define B rows_in(rows, instr, 1, c)
#define C rows_in(rows, instr, 2, c)

// ---- From outside

static inline double rows_element(DType dtype, const void *at, uint64_t i) {
    float x;
    if (dtype == DTYPE_f64) return ((const double *)at)[i];
    if (dtype == DTYPE_i32) return ((const int32_t *)at)[i];
    dtype_to_f32(dtype, (const unsigned char *)at + i * dtype_info[dtype].bytes, &x, 1);
    return (double)x;
}

static inline double rows_operand(const Rows *rows, uint32_t k, uint64_t column) {
    const RowOperand *operand = &rows->code->operands[k];
    const RowPointer *pointer = &rows->pointers[k];
    uint64_t row = operand->fixed ? 0 : operand->mapped ? pointer->map[rows->row] : rows->row;
    return rows_element(rows->types[k], pointer->at, row * pointer->stride + column);
}

INTERPRET(load) {
    const RowOperand *operand = &rows->code->operands[instr->operand];
    if (operand->columns == COLUMNS_LOCAL) c %= rows->code->block;
    if (operand->columns == COLUMNS_BLOCKS) {
        uint32_t span = rows->pointers[instr->operand].blocks[c / operand->span];
        if (span == ROW_NONE) return (Near){0, 0};
        c = (uint64_t)span * operand->span + c % operand->span;
    }
    return (Near){rows_rounded(instr, rows_operand(rows, instr->operand, c)), 0};
}

INTERPRET(number) {
    return (Near){rows_rounded(instr, rows_operand(rows, instr->operand, 0)), 0};
}

INTERPRET(constant) {
    return (Near){rows_rounded(instr, instr->constant), 0};
}

// ---- Arithmetic

INTERPRET(add) {
    return rows_near(instr, A.x + B.x, A.room + B.room);
}

INTERPRET(sub) {
    return rows_near(instr, A.x - B.x, A.room + B.room);
}

static inline double rows_part(double factor, double room) {
    return room == 0 ? 0 : fabs(factor) * room;
}

INTERPRET(mul) {
    Near a = A, b = B;
    return rows_near(instr, a.x * b.x, rows_part(a.x, b.room) + rows_part(b.x, a.room) + rows_part(a.room, b.room));
}

INTERPRET(div) {
    Near a = A, b = B;
    double x = a.x / b.x, room = a.room + rows_part(x, b.room), least = fabs(b.x) - b.room;
    return rows_near(instr, x, room == 0 ? 0 : least > 0 ? room / least : INFINITY);
}

INTERPRET(negate) {
    return (Near){-A.x, A.room};
}

INTERPRET(greater) {
    return (Near){A.x > B.x ? A.x : B.x, fmax(A.room, B.room)};
}

INTERPRET(smaller) {
    return (Near){A.x < B.x ? A.x : B.x, fmax(A.room, B.room)};
}

static inline bool rows_tie(Near a, Near b) {
    double room = a.room + b.room;
    return room > 0 && !(fabs(a.x - b.x) > room);
}

INTERPRET(above) {
    return (Near){A.x > B.x, rows_tie(A, B) ? INFINITY : 0};
}

INTERPRET(choose) {
    Near out = A.x != 0 ? B : C;
    if (rows_tie(A, (Near){0, 0})) out.room = INFINITY;
    return out;
}

INTERPRET(exp) {
    Near a = A;
    double x = exp(a.x), limit = instr->wide ? 709.78271289338397 : 88.722839111672998;
    double room = a.room == 0 ? 0 : a.room == INFINITY ? INFINITY : exp(a.x + a.room) - x;
    if (a.x == 0 || isnan(a.x) || isinf(a.x) || a.x < -800 || a.x > 800) return rows_near(instr, x, room);
    if (fabs(a.x - limit) < 1e-4) room = INFINITY;
    return a.x > limit ? rows_near(instr, x, room) : rows_near(instr, x, room + rows_ulp(instr->wide, x));
}

INTERPRET(log) {
    Near a = A;
    double x = log(a.x), least = a.x - a.room;
    if (a.room == 0 && (!isfinite(x) || x == 0)) return (Near){x, 0};
    return rows_near(instr, x, least > 0 ? a.room / least + rows_ulp(instr->wide, x) : INFINITY);
}

INTERPRET(sqrt) {
    Near a = A;
    double x = sqrt(a.x), least = a.x - a.room;
    return rows_near(instr, x, a.room == 0 ? 0 : least > 0 ? a.room / sqrt(least) : INFINITY);
}

INTERPRET(widen) {
    return A;
}

// What is not known exactly may be rounded to a neighbour.
static inline Near rows_short(DType dtype, Near a) {
    float x = (float)a.x, back;
    uint16_t bits;
    dtype_from_f32(dtype, &x, &bits, 1);
    dtype_to_f32(dtype, &bits, &back, 1);
    double spacing = dtype == DTYPE_bf16 ? fmax(fabs(a.x) * 0x1p-7, 0x1p-133) : fmax(fabs(a.x) * 0x1p-10, 0x1p-24);
    return (Near){(double)back, a.room == 0 ? 0 : isinf(back) ? INFINITY : a.room + spacing};
}

INTERPRET(bf16) {
    return rows_short(DTYPE_bf16, A);
}

INTERPRET(f16) {
    return rows_short(DTYPE_f16, A);
}

INTERPRET(narrow) {
    return rows_near(instr, A.x, A.room);
}

// ---- By column

INTERPRET(spread) {
    return A;
}

INTERPRET(rotate) {
    uint64_t size = rows->code->block, block = c / size;
    Near x = A, cosine = B, sine = C, partner = rows_at(rows, instr->in[0], (block ^ 1) * size + c % size);
    double kept = rows_rounded(instr, x.x * cosine.x), crossed = rows_rounded(instr, partner.x * sine.x);
    double room = rows_part(x.x, cosine.room) + rows_part(cosine.x, x.room) + rows_part(x.room, cosine.room) +
                  rows_part(partner.x, sine.room) + rows_part(sine.x, partner.room) +
                  rows_part(sine.room, partner.room);
    if (room > 0) room += rows_ulp(instr->wide, kept) + rows_ulp(instr->wide, crossed);
    return rows_near(instr, block % 2 ? kept + crossed : kept - crossed, room);
}

INTERPRET(select) {
    const RowOperand *flag = &rows->code->operands[instr->operand];
    const RowPointer *pointer = &rows->pointers[instr->operand];
    bool named = pointer->map[rows->row] != ROW_NONE;
    if (flag->columns == COLUMNS_BLOCKS) named &= pointer->blocks[c / flag->span] != ROW_NONE;
    return named ? A : B;
}

static inline bool rows_is_column(const Rows *rows, double number, uint64_t c) {
    return number == (double)(rows->base + c);
}

INTERPRET(except) {
    Near out = rows_is_column(rows, B.x, c) ? C : A;
    if (B.room > 0) out.room = INFINITY;
    return out;
}

// ---- Reductions

INTERPRET(sum) {
    long double total = 0, size = 0;
    double room = 0;
    bool whole = true;
    for (c = 0; c < rows->columns; c++) {
        total += A.x;
        size += isfinite(A.x) ? fabsl(A.x) : 0;
        room += A.room;
        whole &= A.x == floor(A.x);
    }
    double most = instr->wide ? DBL_MAX / 2 : (double)FLT_MAX / 2,
           step = instr->wide ? DBL_EPSILON : (double)FLT_EPSILON;
    if (size > most) return (Near){(double)total, INFINITY};
    if (room == 0 && (!isfinite((double)total) || (whole && (double)size * step < 1))) return (Near){(double)total, 0};
    return rows_near(instr, (double)total, room + (double)size * step * (double)(rows->columns + 1));
}

INTERPRET(largest) {
    Near out = {-INFINITY, 0};
    for (c = 0; c < rows->columns; c++) {
        if (A.x > out.x) out.x = A.x;
        out.room = fmax(out.room, A.room);
    }
    out.x += 0; // of zeros: 0
    return out;
}

INTERPRET(which) {
    Near out = {-1, 0};
    for (c = 0; c < rows->columns; c++) {
        if (rows_tie(A, B)) out.room = INFINITY;
        if (out.x < 0 && A.x == B.x) out.x = (double)(rows->base + c);
    }
    return out;
}

INTERPRET(pick) {
    Near out = {0, 0};
    for (c = 0; c < rows->columns; c++) {
        if (B.room > 0) return (Near){0, INFINITY};
        if (rows_is_column(rows, B.x, c)) out = A;
    }
    return out;
}

#undef A
#undef B
#undef C

static Interpret *const interpreters[ROW_COUNT] = {
#define MDX_ROW(name, inputs, shape, what) [ROW_##name] = interpret_##name,
#include "mdx/row.def"
};

// ---- Running and comparing

static inline void rows_interpret(Rows *rows) {
    for (uint32_t i = 0; i < rows->code->instr_count; i++) {
        const RowInstr *instr = &rows->code->instrs[i];
        uint64_t stride = rows->columns ? rows->columns : 1, count = instr->columns ? rows->columns : 1;
        for (uint64_t c = 0; c < count; c++) rows->values[i * stride + c] = interpreters[instr->op](rows, instr, c);
    }
}

static inline bool rows_met(Near want, double got) {
    if (want.room == INFINITY) return true;
    if (isnan(want.x)) return isnan(got);
    return got == want.x || (want.room > 0 && fabs(got - want.x) <= want.room);
}

// What a device left in the results, rows first … end - 1: empty when that is right, else the first difference.
static inline Str rows_differ(const RowCode *code, const DType *types, const RowPointer *pointers, uint64_t columns,
                              uint64_t base, uint64_t first, uint64_t end, Arena *arena) {
    Rows rows = {code, types, pointers, code->width ? code->width : columns, base, 0, NULL};
    rows.values = arena_many(arena, Near, (size_t)(code->instr_count + 1) * (rows.columns + 1));
    for (rows.row = first; rows.row < end; rows.row++) {
        rows_interpret(&rows);
        for (uint32_t k = 0; k < code->result_count; k++) {
            const RowPointer *result = &pointers[code->operand_count + k];
            const RowInstr *instr = &code->instrs[code->results[k].value];
            uint64_t row = code->results[k].mapped ? result->map[rows.row] : rows.row;
            for (uint64_t c = 0; row != ROW_NONE && c < (instr->columns ? rows.columns : 1); c++) {
                Near want = rows_at(&rows, code->results[k].value, c);
                double got = rows_element(instr->wide ? DTYPE_f64 : DTYPE_f32, result->at, row * result->stride + c);
                if (!rows_met(want, got))
                    return str_format(arena,
                                      "result %u, row %llu, column %llu: %.17g, not %.17g (%.3g apart, %.3g allowed)",
                                      k, (unsigned long long)rows.row, (unsigned long long)c, got, want.x,
                                      fabs(got - want.x), want.room);
            }
        }
    }
    return (Str){0};
}
