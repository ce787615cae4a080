#!/usr/bin/env python3
"""Make the fixtures of tests/parity/fits.c: maps of synthetic states, in float64, by tests/data/parity/fits.py.

    python3 make.py          (needs numpy and safetensors)

fits.json says which case is fitted how and what the fit says of itself; fits.safetensors holds its states (NAME:x, NAME:y,
float32) and its map (NAME:W, NAME:b). Two runs write the same bytes.
"""
import json
import os
import sys

import numpy as np
from safetensors.numpy import save

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "parity"))
import fits  # noqa: E402
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


# ---- Ridge regression

def ridge(name, x, y, held, lambdas, standardize=True, rank=None):
    (w, b, kept), best, scores = fits.ridge(x, y, held, lambdas, standardize, rank)
    add(name, "ridge", x, y, w, b, held=held, lambdas=lambdas, standardize=standardize, rank=rank or 0, scores=scores,
        **{"lambda": best}, kept=kept)


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


# ---- Procrustes, completed

def procrustes(name, x, y, scale=False, whiten=False, shrink=0.0, floor=1e-6, rank=None):
    w, b = fits.procrustes(x, y, scale, whiten, shrink, floor, rank, complete=True)
    add(name, "procrustes", x, y, w, b, scale=scale, whiten=whiten, shrink=shrink, floor=floor, rank=rank or 0)


def completed():
    procrustes("few", *states(9, 20, 20))
    procrustes("few scaled", *states(9, 20, 20), scale=True)
    procrustes("few white", *states(9, 20, 20), scale=True, whiten=True, shrink=0.05)
    procrustes("few floored", *states(9, 20, 20), whiten=True, floor=0.01)
    procrustes("three pairs", *states(40, 12, 12), rank=3)
    procrustes("three white pairs", *states(40, 12, 12), whiten=True, rank=3)
    procrustes("all pairs", *states(40, 12, 12))


# ---- Baselines

def moments(name, x, y):
    w, b, kept = fits.moments(x, y)
    add(name, "moments", x, y, w, b, kept=[kept, kept])


def random_rotation(name, x, y, seed):
    add(name, "random_rotation", x, y, *fits.random_rotation(x, y, seed), seed=seed)


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
        SHUFFLES.append({"seed": seed, "order": fits.Random(seed, "shuffled").derangement(n)})


ridges()
completed()
baselines()
shuffles()
with open(os.path.join(HERE, "fits.json"), "w", encoding="utf-8") as f:
    lines = lambda items: "[\n" + ",\n".join("  " + json.dumps(item) for item in items) + "]"
    f.write('{"cases": ' + lines(CASES) + ',\n"shuffles": ' + lines(SHUFFLES) + "}\n")
with open(os.path.join(HERE, "fits.safetensors"), "wb") as f:
    f.write(save(ARRAYS))
