"""cases_maps.py: maps and subspaces: W and b, and what they make of states that they were not fitted on."""
import json
import os

import numpy as np

import fits
from cases_patches import Patch, Sheet, Study
from fixture import HERE, Fixture, point_name, value_name
from hf import REPO, Model
from safetensors.numpy import save

PROMPTS = os.path.join(REPO, "examples", "prompts")
NAMES = ("base", "tuned")


class Pool:
    """States of both models, in float64 from exact runs, prompt by prompt."""

    def __init__(self, limits):
        self.models = {name: Model(name, exact=True) for name in NAMES}
        self.prompts = {}
        for file, limit in limits.items():
            with open(os.path.join(PROMPTS, file + ".jsonl"), encoding="utf-8") as f:
                lines = [json.loads(line) for line in f][:limit]
            for name, model in self.models.items():
                self.prompts[name, file] = [model.prompt(line, True) for line in lines]

    def read(self, name, file, site, layer, where, heads=None, limit=None):
        """For each prompt its positions and its states."""
        out = []
        for p in self.prompts[name, file][:limit]:
            at = p.at(where)
            out.append((at, self.models[name].run_clean(p.ids).get(site, layer, heads)[at]))
        return out

    def ids(self, file):
        return [p.id for p in self.prompts["tuned", file]]


def rows(read):
    return np.concatenate([x for _, x in read])


def apply(f, read):
    return [(at, f(x)) for at, x in read]


class Maps:
    """Fits on train, shows on val."""

    def __init__(self, case, pool):
        self.out, self.pool = Fixture(case), pool

    def add(self, name, point, fitted, val):
        """A map, and the states that it makes of `val`; gives the map as a function."""
        w, b = fitted
        full = name + (f"[{','.join(f'{k}={value_name(v)}' for k, v in point.items())}]" if point else "")
        self.out.map(full, w, b)
        self.show(name, point, f"{name}(...)", apply(lambda x: x @ w + b, val))
        return lambda x: x @ w + b

    def show(self, file, point, what, states):
        inside = f" ({point_name(point)})" if point else ""
        self.out.states(file, point, what + inside, self.pool.ids("val"), states)


# ---- Every combination of arguments, with many rows and with few

def grid(case, train, where, few=False):
    pool = Pool({"train": train, "val": 3})
    maps = Maps(case, pool)
    read = lambda name, file: pool.read(name, file, "z", 3, where, [1])
    x, y, val = rows(read("base", "train")), rows(read("tuned", "train")), read("base", "val")
    for scale in (False, True):
        for rank in (2, None):
            point = {"scale": str(scale).lower(), "rank": rank or "full"}
            maps.add("plain", point, fits.procrustes(x, y, scale, rank=rank), val)
            for shrink in (0, 0.05):
                for name, floor in (("white", 1e-6), ("floored", 0.1)):
                    if few and rank and not shrink and name == "white":
                        continue  # all singular values are equal: which two are the leading ones is anyone's choice
                    fitted = fits.procrustes(x, y, scale, True, shrink, floor, rank)
                    maps.add(name, {**point, "shrink": shrink}, fitted, val)
    maps.add("average", {}, fits.mean(x.shape[1], y), val)
    maps.add("bare", {}, fits.procrustes(2 * x - y, y, whiten=True, floor=0), val)
    maps.out.save()


# ---- Other widths, sites and layers

def wide(case):
    pool = Pool({"train": 40, "val": 3})
    maps = Maps(case, pool)
    attn = lambda name, file: pool.read(name, file, "attn_out", 4, ("first", 4))
    act = lambda name, file: pool.read(name, file, "mlp_act", 4, ("first", 4))
    z = lambda file, where, limit=None: pool.read("tuned", file, "z", 1, where, limit=limit)
    v = lambda file, where, limit=None: pool.read("tuned", file, "v", 2, where, limit=limit)
    base, tuned = rows(attn("base", "train")), rows(attn("tuned", "train"))
    maps.add("scaled", {}, fits.procrustes(base, tuned, scale=True), attn("base", "val"))
    study = maps.add("study", {}, fits.procrustes(base, tuned, True, True, 0.05), attn("base", "val"))
    inner = fits.procrustes(rows(act("base", "train")), tuned, True, True, 0.05, 0.01)
    maps.add("inner", {}, inner, act("base", "val"))
    dozen = rows(z("train", "all", 12)), rows(v("train", "all", 12))
    values = maps.add("values", {}, fits.procrustes(*dozen, rank=20), z("val", "end"))
    outer = maps.add("outer", {}, fits.procrustes(*reversed(dozen), scale=True), v("val", "end"))
    maps.add("centre", {}, fits.mean(352, rows(v("train", ("first", 4)))), act("base", "val"))
    maps.show("twice", {}, "values(outer(...))", apply(lambda x: values(outer(x)), v("val", "end")))
    half = [(at, y + 0.5 * (study(x) - y)) for (_, x), (at, y) in zip(attn("base", "val"), attn("tuned", "val"))]
    maps.show("half", {}, "half of study(...)", half)
    maps.out.save()


# ---- Ridge regression and the maps that others are compared with

def controls(case):
    pool = Pool({"train": 40, "val": 3})
    maps, tens = Maps(case, pool), [0.1, 1, 10, 100]
    read = lambda name, file: pool.read(name, file, "z", 3, ("first", 4), [1])
    attn = lambda name, file: pool.read(name, file, "attn_out", 4, ("first", 4))
    x, y, val = rows(read("base", "train")), rows(read("tuned", "train")), read("base", "val")
    a, b = rows(attn("base", "train")), rows(attn("tuned", "train"))
    held = 4 * 8  # the last fifth of 40 prompts
    first = fits.ridge(x, y, held, tens)[0][:2]
    one = maps.add("chosen", {}, first, val)
    maps.add("raw", {}, fits.ridge(x, y, held, [0.01], standardize=False)[0][:2], val)
    maps.add("low", {}, fits.ridge(x, y, held, [1], rank=3)[0][:2], val)
    maps.add("wide", {}, fits.ridge(a, y, held, [1, 10, 100])[0][:2], attn("base", "val"))
    maps.add("tall", {}, fits.ridge(x, b, held, [1, 10, 100])[0][:2], val)
    maps.add("same", {}, fits.moments(a, b)[:2], attn("base", "val"))
    maps.add("spun", {}, fits.random_rotation(x, y, 5), val)
    maps.add("down", {}, fits.random_rotation(a, y, 6), attn("base", "val"))
    maps.add("mixed", {}, fits.ridge(x, fits.shuffled(y, 4, 7), held, tens)[0][:2], val)
    maps.add("turned", {}, fits.procrustes(x, fits.shuffled(y, 4, 8), scale=True), val)
    # A map fitted on what another makes of the source, and one applied behind the other.
    maps.add("second", {}, fits.ridge(one(x), y, held, [10])[0][:2], apply(one, val))
    maps.out.save()


# ---- Fitted inside subspaces

def insides(case):
    pool = Pool({"train": 40, "val": 3})
    maps = Maps(case, pool)
    h = lambda name, file: pool.read(name, file, "z", 3, ("first", 4), [1])
    attn = lambda name, file: pool.read(name, file, "attn_out", 4, ("first", 4))
    a, b, x, y = (np.asarray(rows(read(name, "train")), np.float64) for read in (attn, h) for name in NAMES)
    val, small = attn("base", "val"), h("base", "val")
    ridge = lambda value: lambda p, q: fits.ridge(p, q, 32, [value])[0]
    rigid = lambda p, q: fits.procrustes(p, q, scale=True)
    white = lambda p, q: fits.procrustes(p, q, True, True, 0.05)
    weights = [pool.models[name].net.lm_head.weight.detach().double().numpy() for name in NAMES]
    logits = [fits.joint(w, w, 6, center=False) for w in weights]
    both = fits.joint(*weights, 6, center=False)
    maps.add("each", {}, fits.inside(a, b, (fits.pca(a, 6), fits.pca(b, 6)), ridge(10), "mean"), val)
    maps.add("source", {}, fits.inside(a, b, (fits.pca(a, 5),) * 2, rigid, "zero"), val)
    maps.add("target", {}, fits.inside(a, b, (fits.pca(b, 5),) * 2, white, "keep"), val)
    maps.add("joint", {}, fits.inside(a, b, (fits.joint(a, b, 7),) * 2, rigid, "mean"), val)
    maps.add("down", {}, fits.inside(a, y, (fits.pca(a, 4), fits.pca(y, 4)), ridge(1), "mean"), val)
    maps.add("whole", {}, fits.procrustes(x, y, scale=True), small)
    maps.add("read", {}, fits.inside(a, b, logits, ridge(10), "mean"), val)
    maps.add("shared", {}, fits.inside(a, b, (both, both), rigid, "keep"), val)
    maps.add("mixed", {}, fits.inside(a, fits.shuffled(b, 4, 1), (fits.pca(a, 6), fits.pca(b, 6)), ridge(10), "mean"), val)
    maps.out.save()


# ---- Fitted on each part of the rows

def clusters(case):
    pool = Pool({"train": 40, "val": 3})
    maps = Maps(case, pool)
    h = lambda name, file: pool.read(name, file, "z", 3, ("last", 4), [1])
    attn = lambda name, file: pool.read(name, file, "attn_out", 4, ("last", 4))
    a, b, x, y = (np.asarray(rows(read(name, "train")), np.float64) for read in (attn, h) for name in NAMES)
    held, tens = np.arange(160) >= 128, [1, 10, 100]
    chosen = lambda p, q, which: fits.ridge(p, q, int((which & held).sum()), tens)[0][:2]
    rigid = lambda p, q, which: fits.procrustes(p, q, scale=True)

    def inner(p, q, which):
        left, right = fits.pca(a, 6), fits.pca(b, 6)
        w, shift = fits.ridge(p @ left, q @ right, 0, [10])[0][:2]
        return left @ w @ right.T, shift @ right.T + b.mean(0) @ (np.eye(len(right)) - right @ right.T)

    def add(name, source, target, k, seed, fit, val):
        centroids = fits.kmeans(source, k, seed)
        w, shift = fits.per(source, target, centroids, fit)
        maps.out.tensor(f"maps/{name}.safetensors", "centroids", f"centroids of map {name}", centroids, 1e-4)
        maps.out.map(name, w, shift)
        maps.show(name, {}, f"{name}(...)", apply(lambda x: fits.apply_per(x, centroids, w, shift), val))

    add("ridged", x, y, 3, 1, chosen, h("base", "val"))
    add("rigid", a, b, 2, 0, rigid, attn("base", "val"))
    add("inner", a, b, 3, 2, inner, attn("base", "val"))
    add("mixed", x, fits.shuffled(y, 4, 7), 3, 1, chosen, h("base", "val"))
    add("centre", a, y, 4, 0, lambda p, q, which: fits.mean(p.shape[1], q), attn("base", "val"))
    add("one", x, y, 1, 0, chosen, h("base", "val"))
    maps.out.save()


# ---- Subspaces

def subspaces(case):
    pool = Pool({"train": 20, "val": 2})
    runs = Study(case, "tuned", NAMES, os.path.join(PROMPTS, "val.jsonl"), True, 2)
    maps, sheet = Maps(case, pool), Sheet(runs, ["k", "alpha"])
    maps.out = runs.out
    two = ("first", 2)
    h = lambda name, file: pool.read(name, file, "resid_post", 3, two)
    base, tuned = rows(h("base", "train")), rows(h("tuned", "train"))
    for k in (1, 2):
        spread, change = fits.pca(tuned, k), fits.pca(tuned - base, k)
        inside = apply(lambda x: fits.project(spread, x), h("base", "val"))
        maps.show("spread", {"k": k}, "project(spread, ...)", inside)
        raw = fits.pca(tuned, k, center=False)
        maps.show("raw", {"k": k}, "project(raw, ...)", apply(lambda x: fits.project(raw, x), h("base", "val")))
        gap = [(at, y - x) for (_, x), (at, y) in zip(h("tuned", "val"), h("base", "val"))]
        maps.show("change", {"k": k}, "project(change, ...)", apply(lambda x: fits.project(change, x), gap))
        sheet.add("ablate", [Patch("resid_post", 3, two, lambda it, read: it - fits.project(spread, it))], k=k)
        for alpha in (0.5, 1):
            steer = lambda it, read: it + alpha * fits.project(change, read("base", "resid_post", 3, two) - it)
            sheet.add("steer", [Patch("resid_post", 3, two, steer)], k=k, alpha=alpha)
    toward = fits.difference(tuned, base)
    maps.show("toward", {}, "without toward", apply(lambda x: x - fits.project(toward, x), h("tuned", "val")))
    head = fits.pca(rows(pool.read("base", "train", "z", 2, "end", [1, 3])), 3)
    other = pool.read("tuned", "val", "z", 2, "end", [3, 1])
    maps.show("head", {}, "project(head, ...)", apply(lambda x: fits.project(head, x), other))
    maps.out.save()


# ---- A map of another program

def from_file(case):
    rng = np.random.Generator(np.random.PCG64(7))
    w, b = rng.standard_normal((32, 32)) / 6, rng.standard_normal(32).astype(np.float16) / 4
    with open(os.path.join(HERE, "map.safetensors"), "wb") as f:
        f.write(save({"W": w, "b": b}))
    pool = Pool({"val": 3})
    runs = Study(case, "tuned", NAMES, os.path.join(PROMPTS, "val.jsonl"), True, 3)
    maps, place = Maps(case, pool), ("z", 3, ("first", 4), [1])
    maps.out = runs.out
    mapped = apply(lambda x: x @ w + b.astype(np.float64), pool.read("base", "val", *place))
    maps.show("read", {}, "read(...)", mapped)
    patch = Patch("z", 3, ("first", 4), lambda it, read: read("base", *place) @ w + b.astype(np.float64), [1])
    Sheet(runs, []).add("mapped", [patch])
    maps.out.save()


CASES = {
    "maps-many": lambda case: grid(case, 40, ("first", 4)),
    "maps-few": lambda case: grid(case, 12, "end", few=True),
    "maps-wide": wide,
    "maps-controls": controls,
    "maps-inside": insides,
    "maps-clusters": clusters,
    "subspaces": subspaces,
    "from-file": from_file,
}
