"""cases_stats.py: CKA and its relatives from their definitions; intervals from draws that are really taken."""
import os

import numpy as np
from scipy import stats

import fits
import numbers_of as of
from cases_maps import PROMPTS, Pool, rows
from cases_metrics import Measured
from cases_patches import Patch, Study
from fixture import Fixture

MASK = 2 ** 64 - 1


class Random:
    """xoshiro256** seeded by SplitMix64, which begins at the seed xor the FNV-1a hash of the use."""

    def __init__(self, seed, use):
        state = 0xCBF29CE484222325
        for c in use.encode():
            state = (state ^ c) * 0x100000001B3 & MASK
        state, self.s = state ^ seed, []
        for _ in range(4):
            state = state + 0x9E3779B97F4A7C15 & MASK
            z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK
            z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
            self.s.append(z ^ z >> 31)

    def bits(self):
        s, turned = self.s, lambda x, k: (x << k | x >> 64 - k) & MASK
        out, t = turned(s[1] * 5 & MASK, 7) * 9 & MASK, s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = turned(s[3], 45)
        return out

    def below(self, n):
        while True:
            scaled = (self.bits() >> 32) * n
            if scaled & 0xFFFFFFFF >= 2 ** 32 % n:
                return scaled >> 32


def draws(seed, n, prompts):
    random = Random(seed, "bootstrap")
    return [[random.below(prompts) for _ in range(prompts)] for _ in range(n)]


def bootstrap(number, prompts, n=200, seed=0, basic=False):
    """number(the prompts that are taken); the number itself, and its bounds."""
    own = number(list(range(prompts)))
    low, high = np.quantile([number(taken) for taken in draws(seed, n, prompts)], [0.025, 0.975])
    return (own, 2 * own - high, 2 * own - low) if basic else (own, low, high)


def cka(x, y, debiased=False):
    x, y = x - x.mean(0), y - y.mean(0)
    if not debiased:
        norm = lambda a, b: np.linalg.norm(a.T @ b)
        return norm(y, x) ** 2 / (norm(x, x) * norm(y, y))
    n = len(x)

    def hsic(a, b):
        k, l = a @ a.T, b @ b.T
        np.fill_diagonal(k, 0)
        np.fill_diagonal(l, 0)
        one = np.ones(n)
        return np.trace(k @ l) + one @ k @ one * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)
    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


class Stats:
    def __init__(self, case):
        self.pool, self.out = Pool({"train": 40, "val": 25}), Fixture(case)

    def read(self, name, file, site, layer, where="end"):
        return [x for _, x in self.pool.read(name, file, site, layer, where)]

    def add(self, name, point, value):
        """A number, or a number and its bounds."""
        number, *bounds = value if isinstance(value, tuple) else (value,)
        self.out.number(name, point, float(number), 1e-4 * abs(number))
        if bounds:
            self.out.numbers[-1].update(lo=float(bounds[0]), hi=float(bounds[1]))

    def values(self, name, expression, cell, file, values, allowed):
        for i, value, off in zip(self.pool.ids(file), values, allowed):
            self.out.value(name, expression, [cell], i, value, off)

    # -- CKA at one layer

    def alike(self, layer):
        point = {"layer": layer}
        take = lambda states, taken: np.concatenate([states[i] for i in taken])
        pair = lambda site, where: [self.read(name, "val", site, layer, where) for name in ("base", "tuned")]
        of_draw = lambda x, y, debiased=False: lambda taken: cka(take(x, taken), take(y, taken), debiased)
        end, spread = pair("attn_out", "end"), pair("resid_post", ("content", 4, 1))
        self.add("cka_end", point, bootstrap(of_draw(*end), 25))
        self.add("cka_debiased", point, bootstrap(of_draw(*end, True), 25, seed=5, basic=True))
        self.add("cka_spread", point, bootstrap(of_draw(*spread, True), 25))
        wide = self.read("base", "val", "mlp_act", layer)
        self.add("cka_wide", point, cka(np.concatenate(wide), np.concatenate(end[1])))
        many = [np.concatenate(self.read(name, "train", "resid_post", layer, ("content", 4, 1))) for name in ("base", "tuned")]
        self.add("cka_many", point, cka(*many))

    # -- A map

    def mapped(self, layer):
        point = {"layer": layer}
        x, y = ({f: np.concatenate(self.read(name, f, "attn_out", layer)) for f in ("train", "val")} for name in ("base", "tuned"))
        w, b = fits.procrustes(x["train"], y["train"], True, True, 0.05)
        fit = {f: x[f] @ w + b for f in x}
        self.add("r2_train", point, of.r2(fit["train"], y["train"]))
        self.add("r2_val", point, bootstrap(lambda taken: of.r2(fit["val"][taken], y["val"][taken]), 25))
        self.add("cka_train", point, cka(fit["train"], y["train"]))
        self.add("cka_mapped", point, cka(fit["val"], y["val"]))
        cosines = {f: np.array([of.cosine(a, b) for a, b in zip(fit[f], y[f])]) for f in fit}
        self.add("cos_train", point, cosines["train"].mean())
        self.add("cos_mean", point, cosines["val"].mean())
        self.add("cos_median", point, bootstrap(lambda taken: np.median(cosines["val"][taken]), 25))
        self.add("cos_low", point, np.quantile(cosines["val"], 0.1))
        self.add("cos_high", point, np.quantile(cosines["val"], 0.9))
        for name, file in (("cos_train", "train"), *((n, "val") for n in ("cos_mean", "cos_median", "cos_low", "cos_high"))):
            expression = f"cosine(M(base.h), tuned.h, on: {file})"
            self.values(name, expression, layer, file, map(float, cosines[file]), 1e-4 * abs(cosines[file]) + 1e-6)

    # -- Patches

    def patched(self):
        study = Study("stats", "tuned", ["base", "tuned"], os.path.join(PROMPTS, "val.jsonl"), True, 25)
        measured = Measured(study)
        by = lambda alpha: [Patch("attn_out", 4, "end", lambda it, read: alpha * read("base", "attn_out", 4, "end"))]
        kl = {"raw": measured.kl(by(1), []), "half": measured.kl(by(np.float32(0.5)), [])}
        raw, half = (np.array(kl[name].values) for name in ("raw", "half"))
        attn = [np.concatenate(self.read(name, "val", "attn_out", 4)) for name in ("base", "tuned")]
        cosines = np.array([of.cosine(a, b) for a, b in zip(*attn)])
        self.add("kl_raw", {}, raw.mean())
        self.add("kl_half", {}, half.mean())
        drop = lambda taken: 100 * (raw[taken].mean() - half[taken].mean()) / raw[taken].mean()
        self.add("drop", {}, bootstrap(drop, 25))
        self.add("together", {}, np.corrcoef(raw, cosines)[0, 1])
        self.add("ranks", {}, bootstrap(lambda taken: stats.spearmanr(raw[taken], half[taken])[0], 25))
        self.out.number("nothing", {}, None, 0)
        terms = [("kl_raw", "raw"), ("kl_half", "half"), ("together", "raw"), ("ranks", "raw"), ("ranks", "half"), ("nothing", "raw")]
        for name, run in terms:
            self.values(name, f"kl(with_{run}, clean)", "", "val", kl[run].values, [3e-4 * v for v in kl[run].values])
        self.values("together", "cosine(base.attn, tuned.attn, on: val)", "", "val", map(float, cosines), 1e-4 * abs(cosines) + 1e-6)
        self.values("nothing", "0 * kl(clean, clean)", "", "val", [0.0] * 25, [0.0] * 25)


def statistics(case):
    s = Stats(case)
    for layer in (1, 4):
        s.alike(layer)
        s.mapped(layer)
    s.patched()
    s.out.save()


CASES = {"stats": statistics}
