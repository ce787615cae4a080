// checker.h: what the files check*.c share. Nothing outside includes it.
#pragma once

#include "compiler/check.h"

typedef struct Def Def;

// A definition of the spec, and its instances by point of the structural axes that reach it.
struct Def {
    const Stmt *stmt;
    Str name;            // empty: a report, which nothing can name
    uint32_t index;      // within its kind: of exp->models, exp->prompts, exp->axes or exp->metrics
    LIST(Def *) uses;    // definitions that it names
    AxisSet axes;        // axes that reach it; an axis reaches itself
    uint32_t depth;      // of its expressions, with those of the definitions that they name
    enum { DEF_new, DEF_open, DEF_done } visit;
    bool used;           // something that is reported needs it
    bool applied;        // a patch that a run uses
    void **instances;    // by point of its structural axes; kind: RunInst, MapInst, BasisInst or Expr
    bool *made;
};

typedef struct {
    Arena *arena;
    Diags *diags;
    const Spec *spec;
    Experiment *exp;
    LIST(Def *) defs;
    StrMap names; // to index of defs
    bool too_deep; // definitions must not be followed
} Checker;

// Where an expression stands: which values the structural axes have, and what it may refer to.
typedef struct {
    Checker *checker;
    const uint32_t *values; // by axis: the value's index, for structural axes
    uint32_t prompts;       // on which `base.hook` is read, or NO_PROMPTS
    const Place *it;        // in a patch: the place that is written
    const RunInst *run;     // in a patch: the run that uses it
} Scope;

// ---- check_names.c
Def *def_named(const Checker *checker, Str name);
// The definition that a name, a call or a member stands for, going by where it stands; NULL when it is none.
Def *ast_definition(const Checker *checker, const Ast *ast);
void names_collect(Checker *checker);                     // fills defs; duplicates and reserved names are errors
void names_link(Checker *checker);                        // uses, axes; cycles are errors
void unknown_name(Checker *checker, const Ast *name, const char *expected); // an error with a suggestion
const char *def_noun(const Def *def);

// ---- check_axes.c
void axes_read(Checker *checker);                         // sweep statements to exp->axes
bool is_pick(const Ast *ast);                             // a call of pick
void picks_check(Checker *checker);                       // each has a thing for each value of its sweep
void axes_classify(Checker *checker);                     // which are structural
const Axis *axis_named(const Checker *checker, Str name);

// ---- check_args.c: values that are known when checking
// What an expression stands for once the structural axes have their values, and what pick picks at these; itself when it
// names none.
const Ast *ast_value(const Scope *scope, const Ast *ast);
// A diagnostic at `ast` that also says which value of a sweep led to it.
Diag *scope_error(const Scope *scope, const Ast *ast, const char *format, ...) PRINTF_LIKE(3, 4);
bool number_value(const Scope *scope, const Ast *ast, double *out);           // an error when it is no number
bool whole_value(const Scope *scope, const Ast *ast, const char *what, int64_t *out);
bool args_check(const Scope *scope, const Signature *signature, const Ast *call, Arg out[MOST_PARAMS]);
// Which row of a table a call names; an error with a suggestion otherwise. `what` is "mapper", "metric" …
bool row_named(const Scope *scope, const Ast *call, const Signature *rows, size_t count, const char *what, uint32_t *row);
Def *def_value(const Scope *scope, const Ast *ast, StmtKind kind);            // a name of that kind, or an error

// ---- check_place.c
typedef struct {
    Def *subject;         // model or run in front, or NULL
    const Ast *subject_ast;
    Place place;          // widths as the model has them, when there is one
} PlaceRead;
bool positions_check(const Scope *scope, const Ast *ast, Positions *out);
// A place of the spec. `model` (an index, or -1 for none) is used when no subject stands in front.
bool place_check(const Scope *scope, const Ast *ast, int64_t model, PlaceRead *out);
bool is_place(const Scope *scope, const Ast *ast);

// ---- check_expr.c
Expr *expr_check(const Scope *scope, const Ast *ast);     // NULL after an error
Expr *expr_of_type(const Scope *scope, const Ast *ast, Type type);

// ---- check_map.c: a fresh instance of a definition at the point of a scope. NULL after an error.
typedef void *Make(const Scope *scope, Def *def);
Make map_make, basis_make;

// ---- check_def.c: instances of definitions at the point of a scope. NULL after an error.
void sources_check(Checker *checker);                     // models and prompts
RunInst *run_instance(const Scope *scope, Def *def);
const RunInst *clean_run(const Scope *scope, uint32_t model, uint32_t prompts, Span span);
MapInst *map_instance(const Scope *scope, Def *def);
BasisInst *basis_instance(const Scope *scope, Def *def);
Expr *metric_instance(const Scope *scope, Def *def);
Str def_instance_name(const Scope *scope, const Def *def); // "one[layer=3, head=2]", for printouts
Str def_path(Checker *checker, const Stmt *stmt, Str path); // of a file that a statement names
bool def_looked_at(Checker *checker, Span span, Str shown, Str path, const char *what); // an error when it is not there
void defs_check(Checker *checker);                        // all of them, at all their points
void reports_check(Checker *checker);

// ---- check_report.c, check_figure.c
typedef void ReportCheck(Checker *checker, const Def *def, const Ast *const args[MOST_PARAMS], Report *report);
ReportCheck report_plot, report_heat;
// Whether a reported metric is one number a point; an error otherwise. `what` is "a table", "a plot" …
bool metric_is_number(Checker *checker, const Ast *ast, const MetricDef *metric, const char *what);
bool is_file_name(Str name);                              // letters, digits, _ and -
// "NAME_lo", "NAME_hi": the name of a metric that bounds another.
Str bound_name(Arena *arena, Str metric, Bound bound);

// ---- the tables, with their signatures read
extern const size_t source_count, mapper_count, inside_count, per_count, subspace_count, metric_count, reduction_count,
    interval_count, choice_count, state_count, value_count, position_count, report_count;
const Signature *source_rows(void);
const Signature *mapper_rows(void);
const Signature *inside_rows(void);
const Signature *per_rows(void);
const Signature *subspace_rows(void);
const Signature *metric_rows(void);
const Signature *reduction_rows(void);
const Signature *interval_rows(void);
const Signature *choice_rows(void);
const Signature *state_rows(void);
const Signature *value_rows(void);
const Signature *position_rows(void);
const Signature *report_rows(void);
// Tables of what can be called in an expression, beside the mappers of the spec.
enum { FUNCTION_metric, FUNCTION_reduction, FUNCTION_interval, FUNCTION_choice, FUNCTION_state, FUNCTION_value, FUNCTION_TABLES };
typedef struct {
    const Signature *(*rows)(void);
    const size_t *count;
} FunctionTable;
extern const FunctionTable function_tables[FUNCTION_TABLES];
const Signature *function_named(Str name); // NULL: there is none
const Def *interval_sweep(const Checker *checker, const Stmt *stmt); // the sweep that a metric's interval is over; or NULL
extern const StmtKind source_kind[];
extern const Type metric_type[];
typedef enum { FIT_none, FIT_sides, FIT_pairs, FIT_other, FIT_may } MapFit; // what a mapper is fitted on (mapper.def)
extern const MapFit mapper_fit[];
