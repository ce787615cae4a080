#!/usr/bin/env python3
"""Make the fixtures of tests/parity/fits.c: maps of synthetic states, in float64, from the formulas of docs/language.md.

    python3 make.py          (needs numpy and safetensors)

fits.json says which case is fitted how and what the fit says of itself; fits.safetensors holds its states (NAME:x, NAME:y,
float32) and its map (NAME:W, NAME:b). Two runs write the same bytes.
"""
import json
import os

import numpy as np
from safetensors.numpy import save

HERE = os.path.dirname(os.path.abspath(__file__))
RNG = np.random.Generator(np.random.PCG64(1))
CASES, SHUFFLES, ARRAYS = [], [], {}


def states(n, d_x, d_y, noise=0.3):
    """Correlated rows about a mean, of dimensions of unlike size, and what a map and noise make of them."""
    x = RNG.standard_normal((n, d_x)) @ (RNG.standard_normal((d_x, d_x)) / d_x ** 0.5) * np.geomspace(0.2, 5, d_x) + RNG.standard_normal(d_x)
    y = x @ (RNG.standard_normal((d_x, d_y)) / d_x ** 0.5) + noise * RNG.standard_normal((n, d_y)) + 2 * RNG.standard_normal(d_y)
    return x.astype(np.float32), y.astype(np.float32)


def add(name, mapper, x, y, w, b, **arguments):
    CASES.append({"name": name, "mapper": mapper, **arguments})
    for key, value in (("x", x), ("y", y), ("W", w), ("b", b)):
        assert np.isfinite(value).all()
        ARRAYS[f"{name}:{key}"] = np.ascontiguousarray(value, np.float32)


# ---- Ridge regression: least squares with sqrt(lambda) I below the rows, by numpy's SVD

class Side:
    def __init__(self, rows, standardize):
        self.mean, self.deviation = rows.mean(0), rows.std(0)
        self.kept = self.deviation > 1e-6 if standardize else np.ones(rows.shape[1], bool)
        self.by = self.deviation if standardize else np.ones(rows.shape[1])


def ridge_map(x, y, value, standardize=True, rank=None):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    sx, sy = Side(x, standardize), Side(y, standardize)
    if x.shape[1] == y.shape[1]:
        sx.kept = sy.kept = sx.kept & sy.kept
    rows = ((x - sx.mean) / np.where(sx.kept, sx.by, 1))[:, sx.kept]
    target = ((y - sy.mean) / np.where(sy.kept, sy.by, 1))[:, sy.kept]
    d = rows.shape[1]
    inner = np.linalg.lstsq(np.vstack([rows, value ** 0.5 * np.eye(d)]), np.vstack([target, np.zeros((d, target.shape[1]))]), rcond=None)[0]
    if rank:
        u, s, vt = np.linalg.svd(inner, full_matrices=False)
        inner = u[:, :rank] * s[:rank] @ vt[:rank]
    w = np.zeros((x.shape[1], y.shape[1]))
    w[np.ix_(sx.kept, sy.kept)] = inner * sy.by[sy.kept] / sx.by[sx.kept][:, None]
    return w, sy.mean - sx.mean @ w, int(sx.kept.sum()), int(sy.kept.sum())


def r2(made, y):
    return float(1 - ((y - made) ** 2).sum() / ((y - y.mean(0)) ** 2).sum())


def ridge(name, x, y, held, lambdas, standardize=True, rank=None):
    n, scores = len(x) - held, []
    for value in lambdas:
        w, b, _, _ = ridge_map(x[:n], y[:n], value, standardize)
        scores.append(r2(x[n:].astype(np.float64) @ w + b, y[n:].astype(np.float64)))
    best = lambdas[int(np.argmax(scores))]
    w, b, kept_in, kept_out = ridge_map(x, y, best, standardize, rank)
    add(name, "ridge", x, y, w, b, held=held, lambdas=lambdas, standardize=standardize, rank=rank or 0, scores=scores,
        **{"lambda": best}, kept=[kept_in, kept_out])


def ridges():
    tens = [10.0 ** k for k in range(-6, 5)]
    ridge("tall", *states(60, 12, 12), 12, tens)
    ridge("wide", *states(24, 40, 40), 5, tens)
    ridge("narrowing", *states(30, 20, 7), 6, tens)
    ridge("widening", *states(18, 9, 25), 4, tens)
    ridge("raw", *states(24, 30, 30), 5, tens, standardize=False)
    ridge("low", *states(50, 14, 14), 10, [1.0], rank=3)
    x, y = states(40, 10, 10)
    x[:, 2], y[:, 5] = 3, -1  # constant on one side, so left out on both
    ridge("constant", x, y, 8, tens)
    x, y = states(40, 10, 12)
    x[:, 2], y[:, 5] = 3, -1  # each side its own
    ridge("constants", x, y, 8, tens)
    x, y = states(40, 6, 6)
    y[:32, 4] = 1  # constant where it is fitted to choose, not over all rows
    ridge("late", x, y, 8, tens)


# ---- Baselines

def moments(name, x, y):
    mean_x, mean_y, by_x, by_y = (f(a.astype(np.float64), 0) for f in (np.mean, np.std) for a in (x, y))
    kept = by_x > 1e-6
    w = np.diag(np.where(kept, by_y / np.where(kept, by_x, 1), 0))
    add(name, "moments", x, y, w, mean_y - mean_x @ w, kept=[int(kept.sum())] * 2)


MASK = (1 << 64) - 1


class Random:
    """xoshiro256** seeded through SplitMix64, a stream a named use."""

    def __init__(self, seed, use):
        name = 0xcbf29ce484222325
        for byte in use.encode():
            name = (name ^ byte) * 0x100000001b3 & MASK
        at, self.s = seed ^ name, []
        for _ in range(4):
            at = at + 0x9e3779b97f4a7c15 & MASK
            z = (at ^ at >> 30) * 0xbf58476d1ce4e5b9 & MASK
            z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
            self.s.append(z ^ z >> 31)

    def bits(self):
        s, rotated = self.s, lambda x, k: (x << k | x >> 64 - k) & MASK
        out, t = rotated(s[1] * 5 & MASK, 7) * 9 & MASK, s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        return out

    def below(self, n):
        while True:
            scaled = (self.bits() >> 32) * n
            if scaled % 2 ** 32 >= 2 ** 32 % n:
                return scaled >> 32

    def uniform(self):
        return (self.bits() >> 11) * 2.0 ** -53

    def normal(self):
        radius = np.sqrt(-2 * np.log(1 - self.uniform()))
        return radius * np.cos(2 * np.pi * self.uniform())

    def derangement(self, n):
        while True:
            order = list(range(n))
            for i in range(n - 1, 0, -1):
                k = self.below(i + 1)
                order[i], order[k] = order[k], order[i]
            if all(i != k for i, k in enumerate(order)):
                return order


def random_rotation(name, x, y, seed):
    random, d_x, d_y = Random(seed, "random_rotation"), x.shape[1], y.shape[1]
    most, least = max(d_x, d_y), min(d_x, d_y)
    q, r = np.linalg.qr(np.array([random.normal() for _ in range(most * least)]).reshape(most, least))
    q = q * np.sign(np.diag(r))
    w = q if d_x >= d_y else q.T
    add(name, "random_rotation", x, y, w, y.mean(0, np.float64) - x.mean(0, np.float64) @ w, seed=seed)


def baselines():
    moments("dimensions", *states(30, 9, 9))
    x, y = states(20, 8, 8)
    x[:, 3], y[:, 6] = -2, 5
    moments("still", x, y)
    random_rotation("square", *states(20, 16, 16), 0)
    random_rotation("down", *states(20, 16, 9), 1)
    random_rotation("up", *states(20, 9, 16), 12345678901)


# ---- Orders of prompts, for shuffled

def shuffles():
    for n, seed in ((2, 0), (3, 7), (10, 1), (450, 2 ** 40)):
        SHUFFLES.append({"seed": seed, "order": Random(seed, "shuffled").derangement(n)})


ridges()
baselines()
shuffles()
with open(os.path.join(HERE, "fits.json"), "w", encoding="utf-8") as f:
    lines = lambda items: "[\n" + ",\n".join("  " + json.dumps(item) for item in items) + "]"
    f.write('{"cases": ' + lines(CASES) + ',\n"shuffles": ' + lines(SHUFFLES) + "}\n")
with open(os.path.join(HERE, "fits.safetensors"), "wb") as f:
    f.write(save(ARRAYS))
