// tables.c: the tables of functions with their signatures read, once a process.
#include <pthread.h>

#include "compiler/checker.h"

// Each table becomes an array of signatures that is filled in on first use.
#define ROW(name, arguments, what) {#name, arguments, what, {{{0}, 0, 0, 0, {0}, {0}}}, 0},
#define TABLE(table)                                                                                         \
    const size_t table##_count = COUNT(table##_table);                                                       \
    const Signature *table##_rows(void) {                                                                    \
        pthread_once(&tables_once, tables_read);                                                             \
        return table##_table;                                                                                \
    }

static Signature source_table[] = {
#define MDX_SOURCE(kind, name, arguments, what) ROW(name, arguments, what)
#include "compiler/source.def"
};
static Signature mapper_table[] = {
#define MDX_MAPPER(name, arguments, fitted, what) ROW(name, arguments, what)
#include "compiler/mapper.def"
};
static Signature subspace_table[] = {
#define MDX_SUBSPACE(name, arguments, what) ROW(name, arguments, what)
#include "compiler/subspace.def"
};
static Signature inside_table[] = {
#define MDX_INSIDE(name, arguments, what) ROW(name, arguments, what)
#include "compiler/inside.def"
};
static Signature per_table[] = {
#define MDX_PER(name, arguments, what) ROW(name, arguments, what)
#include "compiler/per.def"
};
static Signature metric_table[] = {
#define MDX_METRIC(name, arguments, gives, what) ROW(name, arguments, what)
#include "compiler/metric.def"
};
static Signature reduction_table[] = {
#define MDX_REDUCTION(name, arguments, what) ROW(name, arguments, what)
#include "mdx/reduction.def"
};
static Signature interval_table[] = {
#define MDX_INTERVAL(name, arguments, what) ROW(name, arguments, what)
#include "compiler/interval.def"
};
static Signature choice_table[] = {
#define MDX_CHOICE(name, arguments, what) ROW(name, arguments, what)
#include "compiler/choice.def"
};
static Signature state_table[] = {
#define MDX_STATE(name, arguments, what) ROW(name, arguments, what)
#include "compiler/state.def"
};
static Signature value_table[] = {
#define MDX_VALUE(name, arguments, what) ROW(name, arguments, what)
#include "compiler/value.def"
};
static Signature position_table[] = {
#define MDX_POSITION(name, arguments, tokens, what) ROW(name, arguments, what)
#include "compiler/position.def"
};
static Signature report_table[] = {
#define MDX_REPORT(name, arguments, what) ROW(name, arguments, what)
#include "compiler/report.def"
};

const StmtKind source_kind[] = {
#define MDX_SOURCE(kind, name, arguments, what) STMT_##kind,
#include "compiler/source.def"
};
const MapFit mapper_fit[] = {
#define MDX_MAPPER(name, arguments, fitted, what) FIT_##fitted,
#include "compiler/mapper.def"
};
#define VALUES TYPE_values
#define NUMBER TYPE_number
const Type metric_type[] = {
#define MDX_METRIC(name, arguments, gives, what) gives,
#include "compiler/metric.def"
};

static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void table_read(Signature *rows, size_t count) {
    for (size_t i = 0; i < count; i++) rows[i] = signature_read(rows[i].name, rows[i].text, rows[i].what);
}

static void tables_read(void) {
    table_read(source_table, COUNT(source_table));
    table_read(mapper_table, COUNT(mapper_table));
    table_read(subspace_table, COUNT(subspace_table));
    table_read(inside_table, COUNT(inside_table));
    table_read(per_table, COUNT(per_table));
    table_read(metric_table, COUNT(metric_table));
    table_read(reduction_table, COUNT(reduction_table));
    table_read(interval_table, COUNT(interval_table));
    table_read(choice_table, COUNT(choice_table));
    table_read(state_table, COUNT(state_table));
    table_read(value_table, COUNT(value_table));
    table_read(position_table, COUNT(position_table));
    table_read(report_table, COUNT(report_table));
}

TABLE(source)
TABLE(mapper)
TABLE(subspace)
TABLE(inside)
TABLE(per)
TABLE(metric)
TABLE(reduction)
TABLE(interval)
TABLE(choice)
TABLE(state)
TABLE(value)
TABLE(position)
TABLE(report)

const FunctionTable function_tables[FUNCTION_TABLES] = {
    [FUNCTION_metric] = {metric_rows, &metric_count},
    [FUNCTION_reduction] = {reduction_rows, &reduction_count},
    [FUNCTION_interval] = {interval_rows, &interval_count},
    [FUNCTION_choice] = {choice_rows, &choice_count},
    [FUNCTION_state] = {state_rows, &state_count},
    [FUNCTION_value] = {value_rows, &value_count},
};

const Signature *function_named(Str name) {
    for (size_t t = 0; t < FUNCTION_TABLES; t++)
        for (size_t i = 0; i < *function_tables[t].count; i++)
            if (str_is(name, function_tables[t].rows()[i].name)) return &function_tables[t].rows()[i];
    return NULL;
}

void functions_print(Text *out) {
    const struct {
        const char *title;
        const Signature *rows;
        size_t count;
    } tables[] = {
        {"Models and prompts", source_rows(), source_count},
        {"Positions, behind @ or at:", position_rows(), position_count},
        {"Mappers", mapper_rows(), mapper_count},
        {"What a mapper is fitted inside, behind in", inside_rows(), inside_count},
        {"What a mapper is fitted on each part of, behind per", per_rows(), per_count},
        {"Subspaces", subspace_rows(), subspace_count},
        {"States", state_rows(), state_count},
        {"What stands for one of several", value_rows(), value_count},
        {"Metrics", metric_rows(), metric_count},
        {"Reductions", reduction_rows(), reduction_count},
        {"Intervals", interval_rows(), interval_count},
        {"Choices", choice_rows(), choice_count},
        {"Reports", report_rows(), report_count},
    };
    for (size_t t = 0; t < COUNT(tables); t++) {
        text_add(out, "%s%s\n", t ? "\n" : "", tables[t].title);
        for (size_t i = 0; i < tables[t].count; i++)
            text_add(out, "  %s(%s)\n      %s\n", tables[t].rows[i].name, tables[t].rows[i].text, tables[t].rows[i].what);
    }
}
