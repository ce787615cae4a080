// graph_print.c: the graph as text, one node a line, and for Graphviz.
#include "compiler/graph.h"

static void write_blocks(const Blocks *blocks, const uint32_t *const *lists, Text *out) {
    if (!blocks->size) return;
    const uint32_t *list = lists[blocks->list];
    text_str(out, STR(" heads"));
    for (uint32_t i = 1; i <= list[0]; i++) text_add(out, "%s%u", i == 1 ? " " : ",", list[i]);
}

static const char *pairs_word(const Attr *attr) {
    return attr->pairs.source ? " resampled" : attr->pairs.target ? " shuffled" : "";
}

void attr_write(Op op, const Attr *attr, const Str *texts, const uint32_t *const *lists, Text *out) {
    switch (op) {
    case OP_weight: text_add(out, " %.*s", STR_ARG(texts[attr->weight.tensor])); break;
    case OP_constant:
        text_char(out, ' ');
        text_number(out, attr->constant.value);
        break;
    case OP_rms_norm:
        text_str(out, STR(" eps "));
        text_number(out, attr->norm.eps);
        break;
    case OP_bias:
        if (attr->bias.row) text_add(out, " row %u", attr->bias.row);
        break;
    case OP_rope: text_add(out, " heads %u", attr->rope.heads); break;
    case OP_attention: text_add(out, " heads %u/%u", attr->attention.heads, attr->attention.kv_heads); break;
    case OP_columns: write_blocks(&attr->columns.blocks, lists, out); break;
    case OP_rows: text_add(out, " at s%u", attr->rows.selection); break;
    case OP_write:
    case OP_splice:
        text_add(out, " at s%u", attr->write.selection);
        write_blocks(&attr->write.blocks, lists, out);
        break;
    case OP_sums:
    case OP_sums_more: text_add(out, " of %llu rows from %llu on", (unsigned long long)attr->sums.count, (unsigned long long)attr->sums.first); break;
    case OP_fit_procrustes:
        text_str(out, str_of(attr->procrustes.scale ? " scale" : ""));
        text_str(out, str_of(attr->procrustes.whiten ? " whiten" : ""));
        if (attr->procrustes.whiten) text_add(out, " shrink %g floor %g", attr->procrustes.shrink, attr->procrustes.floor);
        if (attr->procrustes.rank) text_add(out, " rank %u", attr->procrustes.rank);
        text_str(out, str_of(attr->procrustes.complete ? " complete" : ""));
        text_str(out, str_of(pairs_word(attr)));
        break;
    case OP_fit_ridge:
        text_add(out, "%s held %llu", attr->ridge.standardize ? "" : " raw", (unsigned long long)attr->ridge.held);
        if (attr->ridge.rank) text_add(out, " rank %u", attr->ridge.rank);
        text_str(out, str_of(pairs_word(attr)));
        break;
    case OP_fit_cluster:
        text_add(out, " %s where it is %u", op_info[attr->cluster.fit].name, attr->cluster.number);
        text_str(out, str_of(pairs_word(attr)));
        break;
    case OP_choose: text_add(out, " from %u on", attr->choose.from); break;
    case OP_map_of:
        if (attr->map_of.part) text_add(out, " part %u", attr->map_of.part);
        break;
    case OP_kmeans:
    case OP_random_rotation: text_add(out, " seed %llu", (unsigned long long)attr->random.seed); break;
    case OP_basis_joint:
    case OP_basis_logits: text_add(out, " rank %u", attr->pca.rank); break;
    case OP_basis_pca: text_add(out, " rank %u%s", attr->pca.rank, attr->pca.center ? "" : " not centred"); break;
    case OP_margin:
        if (attr->margin.named) text_add(out, " of %u and %u", attr->margin.best, attr->margin.other);
        break;
    case OP_rank: text_add(out, " of %u", attr->rank.token); break;
    case OP_reduce: {
        static const char *const names[] = {
#define MDX_REDUCTION(name, arguments, what) #name,
#include "mdx/reduction.def"
        };
        text_add(out, " %s", names[attr->reduce.reduction]);
        if (attr->reduce.reduction == REDUCE_quantile) text_add(out, " %g", attr->reduce.p);
        if (attr->reduce.draws) text_str(out, STR(" of draws"));
        break;
    }
    case OP_r2:
    case OP_cka:
    case OP_correlation:
        if (attr->measure.how) text_str(out, str_of(op == OP_cka ? " debiased" : " of ranks"));
        if (attr->measure.draws) text_str(out, STR(" of draws"));
        break;
    case OP_interval: text_str(out, str_of(attr->interval.basic ? " basic" : " percentile")); break;
    default: break; // the others have nothing that their inputs do not show
    }
}

static void print_inputs(const Node *node, Text *out) {
    const char *between = "(";
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++) {
        text_add(out, "%s%%%u", between, node->in[i]->id);
        between = ", ";
    }
    if (node->in[0]) text_char(out, ')');
}

static void print_leaf(const Graph *graph, const Node *node, Text *out) {
    const Tables *tables = graph->tables;
    if (node->op == OP_weight) {
        const PlanFile *file = &tables->files.at[node->attr.weight.file];
        text_add(out, " %.*s", STR_ARG(file->name));
    }
    if (node->op == OP_axis) text_add(out, " %.*s", STR_ARG(tables->exp->axes.at[node->attr.axis.axis].name));
}

static void print_node(const Graph *graph, const Node *node, Text *out) {
    const Tables *tables = graph->tables;
    text_add(out, "%%%u = %s", node->id, op_info[node->op].name);
    print_inputs(node, out);
    print_leaf(graph, node, out);
    attr_write(node->op, &node->attr, tables->texts.at, (const uint32_t *const *)tables->lists.at, out);
    text_add(out, " : %s ", dtype_info[node->dtype].name);
    space_write(&tables->spaces, node->space, out);
    if (node->width != 1 || node->space->kind == SPACE_tokens) text_add(out, " x %u", node->width);
    if (node->name.len) text_add(out, "  ; %.*s", STR_ARG(node->name));
    if (span_known(node->span)) {
        text_str(out, STR("  @ "));
        span_render(tables->sources, node->span, out);
    }
    text_char(out, '\n');
}

static const char *const output_names[] = {
    [OUT_metric] = "metric", [OUT_values] = "values",       [OUT_states] = "states",
    [OUT_map] = "map",       [OUT_centroids] = "centroids", [OUT_norm] = "norm_match",
    [OUT_probe] = "probe"};

static void print_output(const Graph *graph, const GraphOutput *output, Text *out) {
    const Experiment *exp = graph->tables->exp;
    const Str names[] = {
        [OUT_metric] = output->kind == OUT_metric ? exp->metrics.at[output->index].name : STR(""),
        [OUT_values] = output->kind == OUT_values ? graph->tables->terms.at[output->index].text : STR(""),
        [OUT_states] = output->kind == OUT_states ? exp->captures.at[output->index].name : STR(""),
        [OUT_map] = output->kind == OUT_map ? exp->maps.at[output->index]->name : STR(""),
        [OUT_norm] = output->kind == OUT_norm ? exp->maps.at[output->index]->name : STR(""),
        [OUT_probe] = str_of(output->index % 2 ? "with its own values" : "without patches"),
    };
    text_add(out, "%s %.*s", output_names[output->kind], STR_ARG(names[output->kind]));
    AxisSet structural = axes_structural(exp, output->axes);
    for (uint32_t a = 0; a < exp->axes.len; a++) {
        if (!(structural >> a & 1)) continue;
        text_add(out, " %.*s=", STR_ARG(exp->axes.at[a].name));
        axis_value_write(&exp->axes.at[a], point_value(exp, structural, output->point, a), out);
    }
    text_add(out, " = %%%u\n", output->node->id);
}

// Which selections the printed nodes name, so that "at s3" can be read.
static void print_selections(const Graph *graph, Text *out) {
    const Spaces *spaces = &graph->tables->spaces;
    bool *named = arena_many(out->arena, bool, spaces->selections.len + 1);
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->op == OP_rows) named[node->attr.rows.selection] = true;
        if (node->op == OP_write || node->op == OP_splice) named[node->attr.write.selection] = true;
    }
    for (size_t i = 0; i < spaces->selections.len; i++) {
        if (!named[i]) continue;
        const Selection *s = spaces->selections.at[i];
        const StreamInfo *info = &spaces->streams.at[s->stream];
        text_add(out, "s%zu = %.*s:", i, STR_ARG(info->name));
        uint32_t shown = 0;
        for (uint32_t p = 0; p < info->stream->count && shown < 12; p++)
            for (uint32_t t = info->stream->start[p]; t < info->stream->start[p + 1] && shown < 12; t++)
                if (selection_has(s, t)) text_add(out, " %u.%u", p, t - info->stream->start[p]), shown++;
        text_add(out, "%s\n", shown < s->count ? " ..." : "");
    }
}

void graph_print(const Graph *graph, Text *out) {
    print_selections(graph, out);
    for (size_t i = 0; i < graph->nodes.len; i++) print_node(graph, graph->nodes.at[i], out);
    for (size_t i = 0; i < graph->outputs.len; i++) print_output(graph, &graph->outputs.at[i], out);
}

void graph_dot(const Graph *graph, Text *out) {
    const Tables *tables = graph->tables;
    text_str(out, STR("digraph experiment {\n  node [shape=box, fontname=monospace];\n"));
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->op == OP_weight) continue; // every linear has one; without them the graph can be read
        Text label = text_open(out->arena);
        text_add(&label, "%%%u %s", node->id, op_info[node->op].name);
        attr_write(node->op, &node->attr, tables->texts.at, (const uint32_t *const *)tables->lists.at, &label);
        if (node->name.len) text_add(&label, "\n%.*s", STR_ARG(node->name));
        text_char(&label, '\n');
        space_write(&tables->spaces, node->space, &label);
        text_add(out, "  n%u [label=", node->id);
        text_json(out, text_view(&label));
        text_str(out, STR("];\n"));
        for (size_t k = 0; k < OP_MOST_INPUTS && node->in[k]; k++)
            if (node->in[k]->op != OP_weight) text_add(out, "  n%u -> n%u;\n", node->in[k]->id, node->id);
    }
    text_str(out, STR("}\n"));
}
