"""cases_patches.py: runs with writes: logits and KL against the clean run, and states behind the writes."""
import numpy as np

from fixture import Fixture
from hf import LAYER_SITES, Model, Write
from numbers_of import entropy, kl, kl_allowed, logit_allowed


class Patch:
    """As in a spec: site, layer, positions, and the value as a function of `it` and read(model or run, site, …)."""

    def __init__(self, site, layer, where, value, heads=None):
        self.site, self.layer, self.where, self.value, self.heads = site, layer, where, value, heads


class Study:
    """Runs of one model on some prompts. `models` may be read in patches, under their names, and so may `runs`.

    States are those of transformers in float32. A small KL is the difference of numbers near each other: there float32
    itself is wrong by up to 1e-3 of it, so KL comes from the `exact` study, the same runs in float64.
    """

    def __init__(self, case, target, models, file, chat, limit, exact=False):
        self.out = Fixture(case)
        self.exact = self if exact else Study(case, target, models, file, chat, limit, exact=True)
        self.models = {name: Model(name, exact) for name in models}
        self.prompts = {name: m.prompts(file, chat, limit) for name, m in self.models.items()}
        self.target, self.runs = self.models[target], {}
        self.own = self.prompts[target]
        for name, model in self.models.items():  # a patched run reads them, and one run cannot start inside another
            for p in self.prompts[name]:
                model.run_clean(p.ids)

    def reader(self, i):
        def read(of, site, layer, where, heads=None):
            model = of if of in self.models else self.target.name
            prompt = self.prompts[model][i]
            trace = self.runs[of][i] if of in self.runs else self.models[of].run_clean(prompt.ids)
            return trace.get(site, layer, heads)[prompt.at(where)]
        return read

    def run(self, patches, ids=()):
        """Traces of the prompts, with `ids` appended, under the patches."""
        traces = []
        for i, p in enumerate(self.own):
            read = self.reader(i)
            writes = [Write(w.site, w.layer, w.heads, p.at(w.where), lambda it, w=w: w.value(it, read))
                      for w in patches]
            tokens = p.ids + list(ids)
            traces.append(self.target.run(tokens, writes) if writes else self.target.run_clean(tokens))
        return traces

    def keep(self, name, patches):
        """Makes a run readable by the patches of others."""
        self.runs[name] = self.run(patches)
        if self.exact is not self:
            self.exact.keep(name, patches)
        return self.runs[name]

    def clean(self):
        return self.run([])

    def states(self, file, point, what, traces, site, layer, where):
        rows = [(p.at(where), t.get(site, layer)[p.at(where)]) for p, t in zip(self.own, traces)]
        self.out.states(file, point, what, [p.id for p in self.own], rows)

    def kl_rows(self, patches, where="end"):
        """KL against the clean run, of each prompt the mean over its positions, and what rounding may change."""
        values, allowed = [], []
        for p, t, c in zip(self.own, self.run(patches), self.clean()):
            logits, clean = t.get("logits")[p.at(where)], c.get("logits")[p.at(where)]
            rows = [kl(a, b) for a, b in zip(logits, clean)]
            largest = max(np.abs(logits).max(), np.abs(clean).max())
            values.append(float(np.mean(rows)))
            allowed.append(float(np.mean([kl_allowed(x, largest) for x in rows])))
        return values, allowed

    def kl(self, metric, run, point, cells, patches, where="end", at=""):
        values, allowed = self.exact.kl_rows(patches, where)
        self.out.number(metric, point, float(np.mean(values)), float(np.mean(allowed)))
        for p, value, most in zip(self.own, values, allowed):
            self.out.value(metric, f"kl({run}, clean{at})", cells, p.id, value, most)


class Sheet:
    """Adds runs to the fixture of a study: logits at the end, KL. `sweeps`: those that values.csv has, in order."""

    def __init__(self, study, sweeps):
        self.study, self.sweeps = study, sweeps

    def add(self, name, patches, logits=True, **point):
        traces = self.study.run(patches)
        inside = ", ".join(f"{k}={v}" for k, v in point.items())
        what = f"{self.study.target.name} with {name}" + (f" ({inside})" if inside else "") + " logits"
        if logits:
            self.study.states(name, point, what, traces, "logits", 0, "end")
        self.study.kl(f"kl_{name}", f"with_{name}", point, self.cells(point), patches)
        return traces

    def cells(self, point):
        return [point.get(s, "") for s in self.sweeps]


# ---- tuned, with states of base

def patches_tuned(case):
    study = Study(case, "tuned", ["base", "tuned"], "chat.jsonl", True, 2)
    sheet = Sheet(study, ["site", "stream", "layer", "outer"])
    for site in LAYER_SITES:
        sheet.add("zero", [Patch(site, 3, "end", lambda it, read: 0)], site=site)
        sheet.add("other", [Patch(site, 3, "end", lambda it, read: 0.7 * read("base", site, 3, "end"))], site=site)
        more = Patch(site, 3, "end", lambda it, read: it + 0.3 * read("base", site, 3, "end"))
        sheet.add("more", [more], logits=False, site=site)
    for site in ("resid_pre", "resid_post"):
        for layer in (0, -1):
            value = lambda it, read: 0.7 * read("base", site, layer, "end")
            sheet.add("edge", [Patch(site, layer, "end", value)], stream=site, layer=layer)
    for site in ("embed", "final_norm"):
        sheet.add("ends", [Patch(site, 0, "end", lambda it, read: 0.7 * read("base", site, 0, "end"))], outer=site)
    sheet.add("bent", [Patch("logits", 0, "end", lambda it, read: 0.5 * it)])
    study.out.stream("p/tuned", study.own)
    study.out.stream("p/base", study.prompts["base"])
    study.out.save()


# ---- stories, with heads

def patches_stories(case):
    study = Study(case, "stories", ["stories"], "raw.jsonl", False, 3)
    sheet = Sheet(study, ["site", "outer", "qs", "kvs", "one", "alpha"])
    me = "stories"
    for site in LAYER_SITES:
        sheet.add("zero", [Patch(site, 2, "end", lambda it, read: 0)], site=site)
        sheet.add("lower", [Patch(site, 2, "end", lambda it, read: 0.7 * read(me, site, 1, "end"))], site=site)
        for alpha in (-1, 0.3):
            value = lambda it, read: it + np.float32(alpha) * read(me, site, 4, "end")
            sheet.add("more", [Patch(site, -3, "end", value)], logits=False, site=site, alpha=alpha)
    for site in ("embed", "final_norm", "logits"):
        sheet.add("half", [Patch(site, 0, "end", lambda it, read: 0.5 * it)], outer=site)
    for name, sweep, sites in (("q_one", "qs", ("q_pre", "q", "z")), ("k_one", "kvs", ("k_pre", "k", "v"))):
        for site in sites:
            for one in (0, 3, -1):
                sheet.add(name, [Patch(site, 2, "end", lambda it, read: 0, [one])], **{sweep: site, "one": one})
    for site in ("q_pre", "q", "z"):
        value = lambda it, read: it + 0.5 * read(me, site, 2, "end", [6, 5])
        sheet.add("q_two", [Patch(site, 1, "end", value, [0, 3])], qs=site)
    for site in ("k_pre", "k", "v"):
        value = lambda it, read: 0.7 * read(me, site, 2, "end", [1, 2])
        sheet.add("k_two", [Patch(site, 1, "end", value, [3, 0])], kvs=site)
    sheet.add("across", [Patch("z", 1, "end", lambda it, read: read(me, "k", 3, "end"), [2, 3, 4, 5])])
    sheet.add("whole", [Patch("z", 1, "end", lambda it, read: it - read(me, "q", 3, "end"))])
    study.out.save()


# ---- toy, with positions and several patches

PLACES = {"end": "end", "first(2)": ("first", 2), "all": "all", "[3]": 3, "[-2]": -2, "last(3)": ("last", 3), "[0]": 0}


def toy_positions(study, sheet):
    for name, where in PLACES.items():
        for site in ("resid_pre", "k", "z", "mlp_act"):
            value = lambda it, read: it + 0.3 * read("toy", site, 1, where)
            patches = [Patch(site, 0, where, value)]
            sheet.add("there", patches, at=name, site=site)
            for metric, of, at in (("kl_first", ("first", 2), "first(2)"), ("kl_all", "all", "all")):
                point = {"at": name, "site": site}
                study.kl(metric, "with_there", point, sheet.cells(point), patches, of, f", at: {at}")
        traces = sheet.add("kill", [Patch("k", 1, where, lambda it, read: 0, [1])], at=name)
        study.states("killed", {"at": name}, f"toy with kill (at={name}) layers[1].k", traces, "k", 1, "all")
    sheet.add("shift", [Patch("resid_post", 0, "end", lambda it, read: 0.7 * read("toy", "resid_post", 1, 3))])
    sheet.add("swap", [Patch("v", 1, ("first", 2), lambda it, read: read("toy", "k", 1, ("last", 2)))])


def toy_pairs(study, sheet):
    early = Patch("resid_mid", 0, "all", lambda it, read: 1.5 * it)
    late = Patch("z", 1, "end", lambda it, read: it + 0.3 * read("toy", "z", 0, "end", [3, 0]), [0, 3])
    plus = Patch("attn_out", 1, "end", lambda it, read: it + 0.5 * read("toy", "attn_out", 0, "end"))
    times = Patch("attn_out", 1, "end", lambda it, read: -2 * it)
    head_1 = Patch("q", 1, "end", lambda it, read: 0, [1])
    head_4 = Patch("q", 1, "end", lambda it, read: it - 0.5 * read("toy", "q", 0, "end", [4, 2]), [4, 1])
    below = Patch("resid_pre", 1, "end", lambda it, read: 2 * it)
    above = Patch("resid_post", 0, "end", lambda it, read: it / 4 - read("toy", "embed", 0, "end"))
    traces = {"pair": sheet.add("pair", [early, late])}
    sheet.add("plus_times", [plus, times])
    sheet.add("times_plus", [times, plus])
    sheet.add("heads", [head_1, head_4])
    traces["names"] = sheet.add("names", [below, above])
    whole = Patch("z", 1, "all", lambda it, read: it + 0.5 * read("toy", "z", 0, "all"))
    pair = Patch("mlp_out", 1, ("last", 2), lambda it, read: it - read("toy", "mlp_out", 0, ("first", 2)))
    sheet.add("part", [whole, pair])
    study.keep("with_pair", [early, late])
    study.keep("with_early", [early])
    relay = Patch("mlp_out", 1, "end", lambda it, read: read("with_pair", "mlp_out", 1, "end"))
    deep = Patch("resid_mid", 1, ("last", 2), lambda it, read: it + read("with_early", "resid_mid", 1, ("last", 2)))
    sheet.add("relay", [relay])
    sheet.add("deep", [deep, late])
    return traces


def patches_toy(case):
    study = Study(case, "toy", ["toy"], "raw.jsonl", False, 3)
    sheet = Sheet(study, ["at", "site"])
    toy_positions(study, sheet)
    traces = toy_pairs(study, sheet)
    for site in ("attn_out", "resid_mid", "resid_pre", "z", "q", "mlp_out", "resid_post"):
        study.states("seen", {"seen": site}, f"toy with pair layers[1].{site}", traces["pair"], site, 1, "end")
    study.states("written", {}, "toy with early layers[0].resid_mid", study.runs["with_early"], "resid_mid", 0, 0)
    names = ("lower_name", "resid_post", 0), ("upper_name", "resid_pre", 1), ("untouched", "mlp_out", 0)
    for file, site, layer in names:
        study.states(file, {}, f"toy with names layers[{layer}].{site}", traces["names"], site, layer, "end")
    rows = []
    for p, t, c in zip(study.own, traces["names"], study.clean()):
        at = p.at(("last", 2))
        rows.append((at, 2 * t.get("resid_pre", 1)[at] - c.get("embed")[at] / 3))
    study.out.states("formula", {}, "the formula of states", [p.id for p in study.own], rows)
    study.out.save()


# ---- toy, with values that do not hang on what they replace

def replaced(case):
    study = Study(case, "toy", ["toy"], "raw.jsonl", False, 2)
    apart = Patch("resid_mid", 0, "all", lambda it, read: 1.25 * it)

    def add(name, patches, cells, **point):
        inside = ", ".join(f"{k}={v}" for k, v in point.items())
        study.states(name, point, f"toy with {name} ({inside}) logits", study.run(patches), "logits", 0, "end")
        rows = [t.get("logits")[-1] for t in study.exact.run(patches)]
        values = [entropy(x) for x in rows]
        allowed = [logit_allowed(entropy(x), np.abs(x).max()) for x in rows]
        study.out.number(f"entropy_{name}", point, float(np.mean(values)), float(max(allowed)))
        for p, value, most in zip(study.own, values, allowed):
            study.out.value(f"entropy_{name}", f"entropy(with_{name})", cells, p.id, value, most)

    for site in LAYER_SITES:
        add("none", [apart, Patch(site, 1, "end", lambda it, read: 0)], [site, "", "", ""], site=site)
        for alpha in (-1, 0.25):
            some = Patch(site, 1, "all", lambda it, read: alpha)
            add("some", [apart, some], [site, "", "", alpha], site=site, alpha=alpha)
    for site in ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post"):
        other = Patch(site, 1, "end", lambda it, read: read("toy", "embed", 0, 0))
        add("other", [apart, other], ["", "", site, ""], stream=site)
        add("alone", [other], ["", "", site, ""], stream=site)
    for site in ("embed", "final_norm", "logits"):
        for alpha in (-1, 0.25):
            outside = Patch(site, 0, "all", lambda it, read: alpha / 2)
            add("outside", [outside], ["", site, "", alpha], outer=site, alpha=alpha)
    study.out.save()


CASES = {"replaced": replaced, "patches-tuned": patches_tuned, "patches-stories": patches_stories,
         "patches-toy": patches_toy}
