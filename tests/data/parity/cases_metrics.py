"""cases_metrics.py: every metric, every reduction, arithmetic between them."""
import numpy as np

import numbers_of as of
from cases_patches import Patch, Study
from fixture import Fixture

REDUCE = {
    "mean": np.mean, "sum": np.sum, "median": np.median, "min": np.min, "max": np.max, "count": len,
    "std": lambda x: np.std(x, ddof=1) if len(x) > 1 else None,
}


def reduced(how, values):
    """`how` is a name, or ("quantile", p). Undefined when a value is."""
    if None in values:
        return None
    result = np.quantile(values, how[1]) if isinstance(how, tuple) else REDUCE[how](values)
    return None if result is None else float(result)


class Values:
    """One value a prompt, each with what rounding may change. Arithmetic keeps both."""

    def __init__(self, values, allowed):
        self.values, self.allowed = values, allowed

    def apply(self, f, *others):
        parts = (self,) + others
        values = [f(*v) for v in zip(*(p.values for p in parts))]
        # The change of a formula under the largest change of each of its parts.
        allowed = []
        for row in zip(*(zip(p.values, p.allowed) for p in parts)):
            plain = [v for v, _ in row]
            shifted = [[v + (a if j == i else 0) for j, (v, a) in enumerate(row)] for i in range(len(row))]
            allowed.append(sum(abs(f(*v) - f(*plain)) for v in shifted))
        return Values(values, allowed)


def over_prompts(study, one):
    """one(prompt, i) gives rows of (value, allowed); a prompt's value is their mean."""
    values, allowed = [], []
    for i, p in enumerate(study.own):
        rows = one(p, i)
        undefined = any(v is None for v, _ in rows)
        values.append(None if undefined else float(np.mean([v for v, _ in rows])))
        allowed.append(float(np.mean([a for _, a in rows])))
    return Values(values, allowed)


class Measured:
    """The metrics of a run, or of two, at positions. Runs are lists of patches; everything is float64."""

    def __init__(self, study):
        self.study = study.exact

    def logits(self, run, i, where):
        return self.traces(run)[i].get("logits")[self.study.own[i].at(where)]

    def traces(self, run, ids=()):
        return self.study.run(run, ids)

    def of_rows(self, run, where, value, exact=False):
        traces = self.traces(run)

        def one(p, i):
            rows = traces[i].get("logits")[p.at(where)]
            return [(value(row), 1e-9 if exact else of.logit_allowed(value(row), np.abs(row).max())) for row in rows]
        return over_prompts(self.study, one)

    def kl(self, p_run, q_run, where="end"):
        p_traces, q_traces = self.traces(p_run), self.traces(q_run)

        def one(p, i):
            a, b = (t[i].get("logits")[p.at(where)] for t in (p_traces, q_traces))
            largest = max(np.abs(a).max(), np.abs(b).max())
            return [(of.kl(x, y), of.kl_allowed(of.kl(x, y), largest)) for x, y in zip(a, b)]
        return over_prompts(self.study, one)

    def logp(self, run, text, each=False):
        ids = self.study.target.text_ids(text)
        traces = self.traces(run, ids)

        def one(p, i):
            first = len(p.ids) - 1
            rows = traces[i].get("logits")[first:first + len(ids)]
            value, by = of.logp(rows, ids), len(ids) if each else 1
            return [(value / by, of.logit_allowed(value, np.abs(rows).max(), len(ids)) / by)]
        return over_prompts(self.study, one)

    def states(self, metric, x, y):
        """x(i) and y(i): the states of a prompt."""
        def one(p, i):
            rows = [metric(a, b) for a, b in zip(x(i), y(i))]
            return [(v, 1e-5 * abs(v or 0) + 1e-7) for v in rows]
        return over_prompts(self.study, one)


class Table:
    """Puts metrics into the fixture. `cells`: of the sweeps that values.csv has."""

    def __init__(self, out, study):
        self.out, self.ids = out, [p.id for p in study.own]

    def add(self, name, how, expression, values, point=None, cells=(), scale=1.0, shift=0.0):
        """name = how(expression) * scale + shift"""
        result = reduced(how, values.values)
        for i, value, allowed in zip(self.ids, values.values, values.allowed):
            self.out.value(name, expression, list(cells), i, value, allowed)
        total = sum(values.allowed) if how == "sum" else max(values.allowed)
        result = None if result is None else result * scale + shift
        self.number(name, point, result, total * abs(scale))
        return result, total

    def number(self, name, point, value, allowed):
        self.out.number(name, point or {}, value, allowed + 1e-12)


# ---- tuned

class Chat:
    def __init__(self, case):
        self.study = Study(case, "tuned", ["base", "tuned"], "chat.jsonl", True, 4)
        self.out = self.study.out
        self.table, self.m = Table(self.out, self.study), Measured(self.study)
        self.flat = [Patch("logits", 0, "all", lambda it, read: 0 * it)]
        self.single = Study(case, "tuned", ["tuned"], "chat.jsonl", True, 1)

    def steer(self, alpha):
        value = lambda it, read: it + np.float32(alpha) * read("base", "mlp_out", 2, ("first", 3))
        return [Patch("attn_out", 2, ("first", 3), value)]

    def state(self, name, site, layer, where):
        """Of a model in its clean run."""
        model, prompts = self.study.exact.models[name], self.study.exact.prompts[name]
        return lambda i: model.run_clean(prompts[i].ids).get(site, layer)[prompts[i].at(where)]

    def run_state(self, run, site, layer, where):
        traces, own = self.m.traces(run), self.study.own
        return lambda i: traces[i].get(site, layer)[own[i].at(where)]

    def rows(self, state):
        return np.concatenate([state(i) for i in range(len(self.study.own))])

    def number_of(self, name, point, x, y):
        value = of.r2(self.rows(x), self.rows(y))
        self.table.number(name, point, value, 1e-4 * abs(value or 0))

    # -- What no sweep reaches: its cell of alpha is empty

    def still(self):
        add = lambda name, how, expression, values: self.table.add(name, how, expression, values, cells=[""])
        m, flat, token = self.m, self.flat, self.study.target.token
        add("kl_self", "mean", "kl(clean, clean)", m.kl([], []))
        add("kl_flat", "mean", "kl(flat, clean)", m.kl(flat, []))
        text = "Бұл сұрақтың жауабы: "
        add("logp_mean", "mean", f'logp(clean, "{text}")', m.logp([], text))
        other = m.logp([], "Иә").apply(lambda a, b: a - b, m.logp([], "Жоқ"))
        add("logp_other", "mean", 'logp(clean, "Иә") - logp(clean, "Жоқ")', other)
        add("logp_flat", "mean", 'logp_per_token(flat, "Бұл")', m.logp(flat, "Бұл", each=True))
        add("margin_three", "mean", "margin(clean, at: first(3))", m.of_rows([], ("first", 3), of.margin))
        named = m.of_rows([], "end", lambda x: of.margin(x, token("Б"), token("А")))
        add("margin_named", "mean", 'margin(clean, best: "Б", other: "А")', named)
        add("margin_flat", "mean", "margin(flat)", m.of_rows(flat, "end", of.margin))
        for name, run, patches in (("rank_end", "clean", []), ("rank_flat", "flat", flat)):
            ranks = m.of_rows(patches, "end", lambda x: of.rank(x, token("Б")), exact=True)
            add(name, "mean", f'rank({run}, token: "Б")', ranks)
        add("argmax_end", "max", "argmax(clean)", m.of_rows([], "end", np.argmax, exact=True))
        add("argmax_flat", "mean", "argmax(flat)", m.of_rows(flat, "end", np.argmax, exact=True))
        add("entropy_all", "mean", "entropy(clean, at: all)", m.of_rows([], "all", of.entropy))
        add("entropy_flat", "mean", "entropy(flat)", m.of_rows(flat, "end", of.entropy))

    def still_states(self):
        add = lambda name, how, expression, values: self.table.add(name, how, expression, values, cells=[""])
        h = {name: self.state(name, "resid_post", 3, "end") for name in ("base", "tuned")}
        three = {name: self.state(name, "resid_post", 3, ("first", 3)) for name in ("base", "tuned")}
        cosines = self.m.states(of.cosine, h["tuned"], h["base"])
        add("cosine_end", "mean", "cosine(tuned.h, base.h, on: p)", cosines)
        add("cosine_three", "min", "cosine(tuned.three, base.three, on: p)",
            self.m.states(of.cosine, three["tuned"], three["base"]))
        none = self.m.states(of.cosine, lambda i: 0 * h["tuned"](i), h["base"])
        add("cosine_none", "mean", "cosine(0 * tuned.h, base.h, on: p)", none)
        add("ratio_end", "mean", "norm_ratio(tuned.h, base.h, on: p)",
            self.m.states(of.norm_ratio, h["tuned"], h["base"]))
        self.number_of("r2_end", {}, h["base"], h["tuned"])
        self.number_of("r2_three", {}, lambda i: 0.9 * three["base"](i), three["tuned"])
        self.number_of("r2_constant", {}, h["tuned"], self.state("tuned", "embed", 0, "end"))
        # mixed = sum(1 - cosine / 3) * 2 + mean(entropy * margin): two terms of one metric
        left = cosines.apply(lambda c: 1 - c / 3)
        right = self.m.of_rows([], "end", of.entropy).apply(lambda a, b: a * b, self.m.of_rows([], "end", of.margin))
        terms = {"1 - cosine(tuned.h, base.h, on: p) / 3": left, "entropy(clean) * margin(clean)": right}
        for expression, part in terms.items():
            for i, value, allowed in zip(self.table.ids, part.values, part.allowed):
                self.out.value("mixed", expression, [""], i, value, allowed)
        self.table.number("mixed", {}, sum(left.values) * 2 + float(np.mean(right.values)),
                          sum(left.allowed) * 2 + max(right.allowed))
        single = Table(self.out, self.single)
        entropy = Measured(self.single).of_rows([], "end", of.entropy)
        single.add("std_single", "std", "entropy(single)", entropy, cells=[""])
        single.add("mean_single", "mean", "entropy(single)", entropy, cells=[""])

    # -- One point of alpha

    def kls(self, alpha):
        steered, point = self.steer(alpha), {"alpha": alpha}
        add = lambda name, how, expression, values: self.table.add(name, how, expression, values, point, [alpha])
        kl, back = self.m.kl(steered, []), self.m.kl([], steered)
        mean, mean_allowed = add("kl_mean", "mean", "kl(steered, clean)", kl)
        mean_back, back_allowed = add("kl_back", "mean", "kl(clean, steered)", back)
        add("kl_three", "mean", "kl(steered, clean, at: first(3))", self.m.kl(steered, [], ("first", 3)))
        add("kl_all", "mean", "kl(p: steered, q: clean, at: all)", self.m.kl(steered, [], "all"))
        for name, how in (("third", ("quantile", 0.3)), ("lowest", ("quantile", 0)), ("highest", ("quantile", 1)),
                          *((name, name) for name in ("std", "median", "min", "max", "sum", "count"))):
            add(f"kl_{name}", how, "kl(steered, clean)", kl)
        difference = kl.apply(lambda a, b: a - 2 * b, back)
        add("difference", "mean", "kl(steered, clean) - 2 * kl(clean, steered)", difference)
        allowed = 100 * (mean_allowed + 2 * back_allowed) / mean_back
        self.table.number("share", point, 100 * (mean - mean_back) / mean_back, allowed)
        self.table.number("scaled", point, -mean * alpha + 4 / 4 - 1, mean_allowed * alpha)
        self.table.number("endless", point, None, 0)

    def steered_runs(self, alpha):
        steered, point, m, token = self.steer(alpha), {"alpha": alpha}, self.m, self.study.target.token
        add = lambda name, how, expression, values: self.table.add(name, how, expression, values, point, [alpha])
        add("logp_word", "mean", 'logp(steered, "Иә")', m.logp(steered, "Иә"))
        each = m.logp(steered, "The answer is no.", each=True)
        add("logp_each", "median", 'logp_per_token(steered, "The answer is no.")', each)
        add("margin_end", "mean", "margin(steered)", m.of_rows(steered, "end", of.margin))
        back = m.of_rows(steered, "all", lambda x: of.margin(x, token("А"), token("Б")))
        add("margin_back", "mean", 'margin(steered, best: "А", other: "Б", at: all)', back)
        ranks = m.of_rows(steered, "all", lambda x: of.rank(x, token(" б")), exact=True)
        add("rank_all", "mean", 'rank(steered, token: " б", at: all)', ranks)
        add("argmax_all", "sum", "argmax(steered, at: all)", m.of_rows(steered, "all", np.argmax, exact=True))
        add("entropy_end", "mean", "entropy(steered)", m.of_rows(steered, "end", of.entropy))
        z = [self.run_state(run, "z", 4, "all") for run in (steered, [])]
        expression = "cosine(steered.layers[4].z @ all, clean.layers[4].z @ all)"
        add("cosine_run", "mean", expression, m.states(of.cosine, *z))
        at = "resid_post", 3, ("first", 3)
        three = self.run_state(steered, *at), self.state("base", *at)
        add("ratio_three", "max", "norm_ratio(steered.three, base.three, on: p)", m.states(of.norm_ratio, *three))
        self.number_of("r2_run", point, *(self.run_state(run, "mlp_out", 4, "all") for run in (steered, [])))


def metrics_chat(case):
    chat = Chat(case)
    chat.still()
    chat.still_states()
    for alpha in (0.5, 2):
        chat.kls(alpha)
        chat.steered_runs(alpha)
    chat.out.save()


# ---- stories and toy

def metrics_raw(case):
    out = Fixture(case)
    text = " and the dog was happy"
    stories = Study(case, "stories", ["stories"], "raw.jsonl", False, 5)
    add, m, token = Table(out, stories).add, Measured(stories), stories.target.token
    half = [Patch("z", 2, "all", lambda it, read: 0.5 * it)]
    add("told_logp", "mean", f'logp(told, "{text}")', m.logp([], text))
    # The patch is of the prompt's own tokens: the study runs prompt and text, and writes where the prompt is.
    add("altered_logp", "mean", f'logp(altered, "{text}")', m.logp(half, text))
    add("altered_each", "mean", f'logp_per_token(altered, "{text}")', m.logp(half, text, each=True))
    add("told_kl", "mean", "kl(altered, told, at: last(1))", m.kl(half, [], ("last", 1)))
    ranks = m.of_rows([], "end", lambda x: of.rank(x, token(" the")), exact=True)
    add("told_rank", "median", 'rank(told, token: " the")', ranks)
    add("told_margin", "std", "margin(altered, at: [0])", m.of_rows(half, 0, of.margin))

    toy = Study(case, "toy", ["toy"], "raw.jsonl", False, 5)
    add, m, token = Table(out, toy).add, Measured(toy), toy.target.token
    other = [Patch("k", 1, "end", lambda it, read: 2 * it, [0])]
    add("brief_logp", "mean", 'logp(brief, "Доп")', m.logp([], "Доп"))
    add("patched_logp", "mean", 'logp(patched, "Доп суға")', m.logp(other, "Доп суға"))
    add("brief_kl", "mean", "kl(patched, brief)", m.kl(other, []))
    ranks = m.of_rows(other, ("last", 1), lambda x: of.rank(x, token("a")), exact=True)
    add("brief_rank", "mean", 'rank(patched, token: "a", at: last)', ranks)
    add("brief_argmax", "mean", "argmax(patched, at: [-1])", m.of_rows(other, -1, np.argmax, exact=True))
    runs = m.traces(other), m.traces([])
    states = [lambda i, t=t, l=l: t[i].get("z", l)[toy.own[i].at("end")] for t, l in zip(runs, (1, 0))]
    expression = "cosine(patched.layers[1].z @ end, brief.layers[0].z @ end)"
    add("brief_cosine", "mean", expression, m.states(of.cosine, *states))
    out.stream("p/stories", stories.own)
    out.stream("p/toy", toy.own)
    out.save()


# ---- Texts that are easily cut otherwise

def tokens(case):
    out = Fixture(case)
    for chat, names in ((True, ("base", "tuned")), (False, ("base", "tuned", "stories", "toy"))):
        for name in names:
            word = "chat" if chat else "raw"
            study = Study(case, name, [name], "odd.jsonl", chat, None)
            at = ("last" if name in ("tuned", "toy") else "first", 1)
            values = Measured(study).of_rows([], at, of.entropy)
            Table(out, study).add(f"entropy_{word}_{name}", "mean", f"entropy({word}_{name}, at: {at[0]}(1))", values)
            out.stream(f"{word}/{name}", study.own)
    out.save()


# ---- Logits of any size

def extremes(case):
    study = Study(case, "toy", ["toy"], "raw.jsonl", False, 3)
    table, m = Table(study.out, study), Measured(study)

    def add(name, expression, values, shift=None):
        near = Values(values.values, [1e-5 * abs(v) + 1e-5 for v in values.values])
        point, cell = ({}, "") if shift is None else ({"shift": shift}, shift)
        table.add(name, "mean", expression, near, point, [cell])

    steep = [Patch("logits", 0, "end", lambda it, read: 1e6 * it)]
    add("entropy_steep", "entropy(with_steep)", m.of_rows(steep, "end", of.entropy))
    add("kl_steep", "kl(with_steep, clean)", m.kl(steep, []))
    add("kl_flatter", "kl(clean, with_steep)", m.kl([], steep))
    for shift in (0, 1e8, 1e20):
        level = [Patch("logits", 0, "end", lambda it, read: 0 * it + shift)]
        add("entropy_level", "entropy(with_level)", m.of_rows(level, "end", of.entropy), shift)
        add("kl_level", "kl(with_level, clean)", m.kl(level, []), shift)
        add("kl_back", "kl(clean, with_level)", m.kl([], level), shift)
    study.out.save()


CASES = {"tokens": tokens, "extremes": extremes, "metrics-chat": metrics_chat, "metrics-raw": metrics_raw}
