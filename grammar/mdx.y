// mdx.y: tokens to syntax tree; no meaning. Which functions, sites and metrics there are is not known here.
%require "3.8"
%define api.pure full
%define api.prefix {mdx_}
%define api.value.type union
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {void *scanner}
%parse-param {Parse *parse}

%code requires {
#include "compiler/parse.h"
}

%code provides {
int mdx_lex(MDX_STYPE *value, Span *location, void *scanner);
}

%code {
#define YYLLOC_DEFAULT(result, rhs, n)                                             \
    (result) = (n) ? parse_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))                \
                   : parse_span(parse, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end)
#define YYMAXDEPTH 4000

static void mdx_error(Span *location, void *scanner, Parse *parse, const char *message);

static AstList one(Parse *parse, Ast *ast) {
    AstList list = {0};
    list_push(parse->arena, &list, ast);
    return list;
}

static AstList more(Parse *parse, AstList list, Ast *ast) {
    list_push(parse->arena, &list, ast);
    return list;
}

static Ast *labelled(Ast *ast, Str label, Span span) {
    ast->label = label;
    ast->label_span = span;
    return ast;
}
}

%token T_FILE T_SET
%token T_EXPERIMENT "experiment" T_MODEL "model" T_PROMPTS "prompts" T_HOOK "hook" T_MAPPER "mapper"
       T_SUBSPACE "subspace" T_SWEEP "sweep" T_PATCH "patch" T_RUN "run" T_METRIC "metric" T_REPORT "report"
       T_INCLUDE "include"
%token T_FROM "from" T_TO "to" T_ON "on" T_WITH "with" T_IN "in" T_PER "per" T_STEP "step"
%token T_NAME "a name" T_NUMBER "a number" T_STRING "a text in quotes"
%token T_ARROW "<-" T_DOTS ".."

%left '+' '-'
%left '*' '/'
%precedence NEGATE

%nterm <Ast *> name names_item expr term place item argument values
%nterm <AstList> items arguments names with
%nterm <Stmt> statement mapper_clauses

%%
start
  : T_FILE statements
  | T_SET values                     { parse->set_value = $values; }
  ;

statements
  : %empty
  | statements statement             { parse_statement(parse, $statement); }
  | statements error                 // skips to the next word that begins a statement
  ;

statement
  : experiment name                  { $$ = (Stmt){.kind = STMT_experiment, .span = @$, .name = $name->text, .name_span = @name}; }
  | model name '=' expr              { $$ = (Stmt){.kind = STMT_model, .span = @$, .name = $name->text, .name_span = @name, .value = $expr}; }
  | prompts name '=' expr            { $$ = (Stmt){.kind = STMT_prompts, .span = @$, .name = $name->text, .name_span = @name, .value = $expr}; }
  | hook name '=' place              { $$ = (Stmt){.kind = STMT_hook, .span = @$, .name = $name->text, .name_span = @name, .value = $place}; }
  | subspace name '=' expr           { $$ = (Stmt){.kind = STMT_subspace, .span = @$, .name = $name->text, .name_span = @name, .value = $expr}; }
  | metric name '=' expr             { $$ = (Stmt){.kind = STMT_metric, .span = @$, .name = $name->text, .name_span = @name, .value = $expr}; }
  | mapper name '=' expr mapper_clauses {
        $$ = $mapper_clauses;
        $$.kind = STMT_mapper, $$.span = @$, $$.name = $name->text, $$.name_span = @name, $$.value = $expr;
    }
  | sweep name "in" values           { $$ = (Stmt){.kind = STMT_sweep, .span = @$, .name = $name->text, .name_span = @name, .value = $values}; }
  | patch name '=' place "<-" expr   { $$ = (Stmt){.kind = STMT_patch, .span = @$, .name = $name->text, .name_span = @name, .target = $place, .value = $expr}; }
  | run name '=' names_item[of] "on" names_item[over] with {
        $$ = (Stmt){.kind = STMT_run, .span = @$, .name = $name->text, .name_span = @name, .value = $of, .on = $over, .with = $with};
    }
  | report expr                      { $$ = (Stmt){.kind = STMT_report, .span = @$, .value = $expr}; }
  | include T_STRING                 { $$ = (Stmt){.kind = STMT_include, .span = @$, .value = parse_string(parse, @2)}; }
  ;

// The word that begins a statement also ends the silence that follows an error.
experiment: "experiment" { yyerrok; };
model:      "model"      { yyerrok; };
prompts:    "prompts"    { yyerrok; };
hook:       "hook"       { yyerrok; };
mapper:     "mapper"     { yyerrok; };
subspace:   "subspace"   { yyerrok; };
sweep:      "sweep"      { yyerrok; };
patch:      "patch"      { yyerrok; };
run:        "run"        { yyerrok; };
metric:     "metric"     { yyerrok; };
report:     "report"     { yyerrok; };
include:    "include"    { yyerrok; };

mapper_clauses
  : %empty                           { $$ = (Stmt){0}; }
  | mapper_clauses "from" expr       { $$ = $1; $$.from = $expr; }
  | mapper_clauses "to" expr         { $$ = $1; $$.to = $expr; }
  | mapper_clauses "on" names_item   { $$ = $1; $$.on = $names_item; }
  | mapper_clauses "in" expr         { $$ = $1; $$.inside = $expr; }
  | mapper_clauses "per" expr        { $$ = $1; $$.per = $expr; }
  ;

with
  : %empty                           { $$ = (AstList){0}; }
  | "with" names                     { $$ = $names; }
  ;

names
  : names_item                       { $$ = one(parse, $names_item); }
  | names ',' names_item             { $$ = more(parse, $1, $names_item); }
  ;

names_item: name;

name: T_NAME                         { $$ = parse_name(parse, @1); };

values
  : item
  ;

item
  : expr
  | expr[first] ".." expr[last]      {
        AstList kids = more(parse, one(parse, $first), $last);
        $$ = parse_node(parse, AST_range, @$, STR(""), kids);
    }
  | expr[first] ".." expr[last] "step" expr[by] {
        AstList kids = more(parse, more(parse, one(parse, $first), $last), $by);
        $$ = parse_node(parse, AST_range, @$, STR(""), kids);
    }
  ;

items
  : item                             { $$ = one(parse, $item); }
  | items ',' item                   { $$ = more(parse, $1, $item); }
  ;

expr
  : expr '+' expr                    { $$ = parse_pair(parse, AST_add, $1, $3); }
  | expr '-' expr                    { $$ = parse_pair(parse, AST_sub, $1, $3); }
  | expr '*' expr                    { $$ = parse_pair(parse, AST_mul, $1, $3); }
  | expr '/' expr                    { $$ = parse_pair(parse, AST_div, $1, $3); }
  | '-' expr %prec NEGATE            { $$ = parse_node(parse, AST_negate, @$, STR(""), one(parse, $2)); }
  | place
  ;

place
  : term
  | term[of] '@' term[where]         { $$ = parse_node(parse, AST_at, @$, STR(""), more(parse, one(parse, $of), $where)); }
  ;

term
  : name
  | T_NUMBER                         { $$ = parse_number(parse, @1); }
  | T_STRING                         { $$ = parse_string(parse, @1); }
  | '(' expr ')'                     { $$ = $expr; $$->span = @$; }
  | '[' ']'                          { $$ = parse_node(parse, AST_list, @$, STR(""), (AstList){0}); }
  | '[' items ']'                    { $$ = parse_node(parse, AST_list, @$, STR(""), $items); }
  | name '(' ')'                     { $$ = parse_node(parse, AST_call, @$, $name->text, (AstList){0}); }
  | name '(' arguments ')'           { $$ = parse_node(parse, AST_call, @$, $name->text, $arguments); }
  | term '.' name                    { $$ = parse_node(parse, AST_member, @$, $name->text, one(parse, $1)); }
  | term '[' items ']'               {
        AstList kids = one(parse, $1);
        for (size_t i = 0; i < $items.len; i++) list_push(parse->arena, &kids, $items.at[i]);
        $$ = parse_node(parse, AST_index, @$, STR(""), kids);
    }
  ;

arguments
  : argument                         { $$ = one(parse, $argument); }
  | arguments ',' argument           { $$ = more(parse, $1, $argument); }
  ;

argument
  : item
  | T_NAME ':' item                  { $$ = labelled($item, parse_text(parse, @1), @1); }
  | word ':' item                    { $$ = labelled($item, parse_text(parse, @1), @1); }
  ;

// Words of the language that are no names elsewhere may name an argument: cka(…, on: val).
word: "from" | "to" | "on" | "with" | "in" | "step";

%%

// Called when the parser's own stack is full: everything else goes through yyreport_syntax_error.
static void mdx_error(Span *location, void *scanner, Parse *parse, const char *message) {
    (void)scanner, (void)message;
    parse->broken = true;
    diag_error(parse->diags, *location, "nested too deeply");
}

// What would have been right, in the user's words; NULL when that is too much to say.
static const char *expectation(const yysymbol_kind_t *expected, int count) {
    bool number = false, statement = false;
    for (int i = 0; i < count; i++) {
        number |= expected[i] == YYSYMBOL_T_NUMBER;
        statement |= expected[i] == YYSYMBOL_T_MODEL;
    }
    if (number) return "an expression";
    return statement ? "a statement" : NULL;
}

static void help_expected(Parse *parse, Diag *diag, const yysymbol_kind_t *expected, int count) {
    const char *words = expectation(expected, count);
    if (words && *words == 'a' && count > 4) {
        if (strcmp(words, "a statement") != 0) diag_help(parse->diags, diag, "expected %s here", words);
        return;
    }
    Text text = text_open(parse->arena);
    for (int i = 0; i < count && count <= 4; i++) {
        const char *name = yysymbol_name(expected[i]);
        const char *quote = *name == '\'' || strncmp(name, "a ", 2) == 0 ? "" : "'";
        text_add(&text, "%s%s%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", quote, name, quote);
    }
    if (text.len) diag_help(parse->diags, diag, "expected %s here", text.at);
}

static void unknown_statement(Parse *parse, Span span) {
    StrList words = {0};
    for (int i = 0; i < STMT_KINDS; i++) list_push(parse->arena, &words, str_of(stmt_info[i].name));
    Str text = parse_text(parse, span);
    Diag *diag = diag_error(parse->diags, span, "'%.*s' begins no statement", STR_ARG(text));
    diag_suggest(parse->diags, diag, text, &words, 0);
}

static int yyreport_syntax_error(const yypcontext_t *context, void *scanner, Parse *parse) {
    (void)scanner;
    enum { MOST = 64 };
    parse->broken = true;
    yysymbol_kind_t expected[MOST];
    int count = yypcontext_expected_tokens(context, expected, MOST);
    yysymbol_kind_t got = yypcontext_token(context);
    Span span = *yypcontext_location(context);
    const char *words = expectation(expected, count);
    if (got == YYSYMBOL_T_NAME && words && strcmp(words, "a statement") == 0 && count <= STMT_KINDS + 1) {
        unknown_statement(parse, span);
        return 0;
    }
    Diag *diag;
    bool next = got >= YYSYMBOL_T_EXPERIMENT && got <= YYSYMBOL_T_INCLUDE && parse->last_end;
    if (got == YYSYMBOL_YYEOF)
        diag = diag_error(parse->diags, span, "the text ends too early");
    else if (next) // the mistake stands before the word that begins the next statement
        diag = diag_error(parse->diags, parse_span(parse, parse->last_end, parse->last_end), "the statement ends too early");
    else
        diag = diag_error(parse->diags, span, "unexpected '%.*s'", STR_ARG(parse_text(parse, span)));
    help_expected(parse, diag, expected, count);
    return 0;
}
