// compile.c: from the checked spec to a plan, and every stage on the way as text.
#include "api/session.h"
#include "runtime/cache.h"

bool session_streams(Mdx *mdx, Error *err) {
    const Experiment *exp = mdx->exp;
    if (!exp) FAIL(err, ERR_INPUT, "no spec was read");
    if (mdx->streams) return true;
    StreamModel *models = arena_many(mdx->arena, StreamModel, exp->models.len);
    PromptsFile *prompts = arena_many(mdx->arena, PromptsFile, exp->prompts.len);
    for (size_t i = 0; i < exp->models.len; i++) models[i] = (StreamModel){exp->models.at[i].folder.at, exp->models.at[i].name};
    for (size_t i = 0; i < exp->prompts.len; i++) {
        const PromptsDef *def = &exp->prompts.at[i];
        prompts[i] = (PromptsFile){def->path.at, def->text_field, def->id_field, def->id_required, def->limit, def->chat};
    }
    mdx->streams = streams_open(mdx->arena, models, exp->models.len, prompts, exp->prompts.len,
                                mdx->device_options.cache ? cache_folder(mdx->arena) : NULL);
    mdx->facts = streams_facts(mdx->streams);
    return true;
}

bool session_disabled(const Mdx *mdx, const char *pass) {
    for (size_t i = 0; i < mdx->passes.disabled.len; i++)
        if (str_is(mdx->passes.disabled.at[i], pass) || str_is(mdx->passes.disabled.at[i], "all")) return true;
    return false;
}

// Tiles and points of one patch at one place are one.
static bool same_patch(const Fire *a, const Fire *b) {
    return a->write->span.begin == b->write->span.begin && a->write->span.source == b->write->span.source;
}

// A patch that changes nothing that is reported is a mistake more often than not.
static void warn_unread(Mdx *mdx) {
    const Tables *tables = mdx->tables;
    bool *seen = arena_many(mdx->arena, bool, tables->fires.len + 1);
    for (size_t i = 0; i < tables->fires.len; i++) {
        const Fire *fire = &tables->fires.at[i], *unread = NULL;
        size_t places = 0, missed = 0;
        for (size_t k = i; k < tables->fires.len && !seen[i]; k++) {
            if (!same_patch(fire, &tables->fires.at[k])) continue;
            bool read = tables->fires.at[k].read && tables->fires.at[k].read->count;
            if (k > i) seen[k] = true;
            places++;
            if (!read && !missed++) unread = &tables->fires.at[k];
        }
        if (!unread) continue;
        Text text = text_open(mdx->arena);
        text_add(&text, "patch %.*s writes %.*s in %.*s, which nothing that is reported reads", STR_ARG(fire->write->name),
                 STR_ARG(unread->write->place.name), STR_ARG(unread->run->name));
        if (places > 1) text_add(&text, " (so at %zu of %zu points)", missed, places);
        session_warning(mdx, fire->write->span, text.at);
    }
}

bool session_graph(Mdx *mdx, Error *err) {
    if (mdx->graph_made) return true;
    TRY(session_streams(mdx, err));
    session_phase(mdx, "reading prompts");
    TRY(session_overlap(mdx, err));
    mdx->tables = tables_open(mdx->arena, mdx->exp, &mdx->spec.sources, &mdx->facts);
    mdx->tables->share = !session_disabled(mdx, "share");
    Graph built = graph_open(mdx->tables);
    mdx->build.batch_rows = mdx->device->batch_rows;
    TRY(build(&built, &mdx->build, err));
    graph_find_read(&built);
    session_phase(mdx, "optimising");
    mdx->graph = passes_run(&built, &mdx->passes, &mdx->dumps);
    TRY(fires_check(&mdx->graph, mdx->arena, &mdx->fired, err));
    warn_unread(mdx);
    mdx->graph_made = true;
    return true;
}

static bool plan_in_parts(Mdx *mdx, uint32_t parts, Plan *out, Error *err) {
    Graph batched = parts > 1 ? graph_batched(&mdx->graph, parts, !mdx->device_options.strict) : mdx->graph;
    const DeviceApi *device = mdx->device;
    bool merge = !mdx->apart && !session_disabled(mdx, "batch");
    bool widens = device->beside && (device->strict || !mdx->device_options.strict); // a wider product may sum in another order
    LowerOptions options = {.fuse = device->fuses && !session_disabled(mdx, "fuse"), .merge = merge, .beside = merge && widens,
                            .merge_rows = device->batch_rows, .resident = mdx->keep, .states = session_states(mdx), .window = device->window};
    mdx->parts = parts;
    return lower(&batched, &options, mdx->arena, out, err);
}

// What a plan must fit: the GPU's memory, with the weights; else the host's, where what the process has already and what the
// device takes whatever the plan counts too, and weights, which are mapped files, do not.
typedef struct {
    uint64_t bytes, fixed; // bytes 0: not known
    bool own;              // of the device
} Budget;

static Budget budget_of(Mdx *mdx) {
    const DeviceApi *device = mdx->device;
    uint64_t own = device->free_bytes ? device->free_bytes(&mdx->device_options) : 0;
    if (own) return (Budget){mdx->memory && mdx->memory < own ? mdx->memory : own - own / 32, 0, true};
    if (!mdx->used) mdx->used = memory_used();
    uint64_t fixed = mdx->used + (device->fixed_bytes ? device->fixed_bytes(&mdx->device_options) : 0);
    return (Budget){mdx->memory ? mdx->memory : mdx->used + memory_available(), fixed, false};
}

static uint64_t need_of(const Mdx *mdx, const Budget *budget, const Plan *plan) {
    return budget->fixed + plan->arena_bytes + (budget->own ? mdx->device->plan_bytes(plan) : 0);
}

static bool plan_fits(const Mdx *mdx, const Budget *budget, const Plan *plan) {
    return !budget->bytes || need_of(mdx, budget, plan) <= budget->bytes;
}

static const char *who_allows(const Mdx *mdx, const Budget *budget) {
    if (mdx->memory && mdx->memory == budget->bytes) return "--memory";
    return budget->own ? "the GPU" : "the machine";
}

// A GPU has no more memory than it has; of the machine's another share may be asked for.
static bool too_large(Mdx *mdx, const Budget *budget, Error *err) {
    Text have = text_open(mdx->arena), need = text_open(mdx->arena);
    const char *who = who_allows(mdx, budget);
    memory_write(budget->bytes, &have);
    memory_write(need_of(mdx, budget, &mdx->plan), &need);
    Str more = strcmp(who, "the GPU") == 0 ? STR("") : str_format(mdx->arena, "give --memory=%s, ", need.at);
    FAIL(err, ERR_INPUT, "%s allows %s, and the smallest micro-batches need %s; %sshorten the prompts or lower --batch-points",
         who, have.at, need.at, more.at);
}

static bool plan_that_fits(Mdx *mdx, Error *err);

// When not even one prompt fits with the points that are computed together.
static bool plan_point_by_point(Mdx *mdx, Error *err) {
    mdx->build.batch_points = 1;
    mdx->apart = true;
    mdx->graph_made = false;
    return session_graph(mdx, err) && plan_that_fits(mdx, err);
}

// The plan with the fewest micro-batches that fits the memory.
static bool plan_that_fits(Mdx *mdx, Error *err) {
    const Budget budget = budget_of(mdx);
    uint32_t most = graph_most_parts(&mdx->graph), least = MAX(MIN(mdx->least_parts, most), 1u), low = least, high = least;
    TRY(plan_in_parts(mdx, high, &mdx->plan, err));
    if (plan_fits(mdx, &budget, &mdx->plan)) return true;
    while (!plan_fits(mdx, &budget, &mdx->plan) && high < most) { // low does not fit
        low = high;
        high = MIN(2 * high, most);
        TRY(plan_in_parts(mdx, high, &mdx->plan, err));
    }
    bool fits = plan_fits(mdx, &budget, &mdx->plan);
    if (!fits && mdx->build.batch_points == AUTO_POINTS) return plan_point_by_point(mdx, err);
    if (!fits) return too_large(mdx, &budget, err);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        Plan plan;
        TRY(plan_in_parts(mdx, middle, &plan, err));
        fits = plan_fits(mdx, &budget, &plan);
        if (fits) mdx->plan = plan;
        *(fits ? &high : &low) = middle;
    }
    mdx->parts = high;
    return true;
}

bool session_plan(Mdx *mdx, Error *err) {
    if (mdx->plan_made) return true;
    TRY(session_graph(mdx, err));
    session_phase(mdx, "planning");
    TRY(plan_that_fits(mdx, err));
    const char *wrong = mdx->passes.verify ? plan_verify(&mdx->plan, mdx->arena) : NULL;
    if (wrong) BUG(wrong);
    mdx->plan_made = true;
    return true;
}

// ---- Stages as text

static bool emit_ast(Mdx *mdx, Text *out, Error *err) {
    (void)err;
    ast_print(&mdx->spec.statements, out);
    return true;
}

static bool emit_exp(Mdx *mdx, Text *out, Error *err) {
    if (!mdx->exp) FAIL(err, ERR_INPUT, "no spec was read");
    experiment_print(mdx->exp, out);
    return true;
}

static bool emit_graph(Mdx *mdx, Text *out, Error *err) {
    TRY(session_graph(mdx, err));
    graph_print(&mdx->graph, out);
    return true;
}

static bool emit_dot(Mdx *mdx, Text *out, Error *err) {
    TRY(session_graph(mdx, err));
    graph_dot(&mdx->graph, out);
    return true;
}

static bool emit_plan(Mdx *mdx, Text *out, Error *err) {
    TRY(session_plan(mdx, err));
    plan_print(&mdx->plan, &mdx->spec.sources, out);
    return true;
}

static bool emit_kernels(Mdx *mdx, Text *out, Error *err) {
    TRY(session_plan(mdx, err));
    if (!mdx->device->fuses) FAIL(err, ERR_INPUT, "the device %s runs no row kernels; try --device=cpu", mdx->device->name);
    kernels_print(&mdx->plan, out);
    return true;
}

static bool emit_llvm(Mdx *mdx, Text *out, Error *err) {
    TRY(session_plan(mdx, err));
    OpenFiles files;
    Execution execution = {.plan = &mdx->plan, .api = mdx->device, .options = mdx->device_options};
    bool ok = execute_open(&mdx->plan, mdx->arena, &files, err) && execute_print(&execution, &files, mdx->arena, out, err);
    execute_close(&files);
    return ok;
}

// ---- Tables of the program itself: mdx --passes, --ops, --functions, --devices

static bool emit_passes(Mdx *mdx, Text *out, Error *err) {
    (void)mdx, (void)err;
    passes_print(out);
    return true;
}

static bool emit_ops(Mdx *mdx, Text *out, Error *err) {
    (void)mdx, (void)err;
    for (int i = 0; i < OP_COUNT; i++) text_add(out, "%-16s %u  %s\n", op_info[i].name, op_info[i].inputs, op_info[i].what);
    return true;
}

static bool emit_functions(Mdx *mdx, Text *out, Error *err) {
    (void)mdx, (void)err;
    functions_print(out);
    return true;
}

static bool emit_devices(Mdx *mdx, Text *out, Error *err) {
    (void)mdx, (void)err;
    for (size_t i = 0; i < device_count; i++) text_add(out, "%-8s %s\n", device_apis[i]->name, device_apis[i]->what);
    return true;
}

static const struct {
    const char *name;
    bool (*emit)(Mdx *mdx, Text *out, Error *err);
} stages[] = {
    {"ast", emit_ast},       {"exp", emit_exp}, {"graph", emit_graph},         {"plan", emit_plan},       {"dot", emit_dot},
    {"passes", emit_passes}, {"ops", emit_ops}, {"functions", emit_functions}, {"devices", emit_devices},
    {"kernels", emit_kernels}, {"llvm", emit_llvm},
};

const char *mdx_emit(Mdx *mdx, const char *as) {
    for (size_t i = 0; i < COUNT(stages); i++) {
        if (strcmp(as, stages[i].name) != 0) continue;
        Error err;
        Text out = text_open(mdx->arena);
        if (stages[i].emit(mdx, &out, &err)) return out.at;
        session_failed(mdx, &err);
        return NULL;
    }
    session_refuse(mdx, "there is no stage '%s'; it can be ast, exp, graph, dot, plan, kernels or llvm", as);
    return NULL;
}

const char *mdx_dumps(const Mdx *mdx) {
    return mdx->dumps.at;
}

const char *mdx_sites(Mdx *mdx, const char *folder) {
    Model model;
    Error err;
    if (!model_read(folder, &model, &err)) {
        session_failed(mdx, &err);
        return NULL;
    }
    Text out = text_open(mdx->arena);
    sites_print(&model, &out);
    return out.at;
}
