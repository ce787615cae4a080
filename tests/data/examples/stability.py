#!/usr/bin/env python3
"""The table of examples/stability.mdx of its first prompts, by transformers and numpy in float64: writes stability.json beside
this file. The noise floor is that of exact numbers: none.

    python3 stability.py       (needs torch, transformers, tokenizers, safetensors, numpy)
"""
import numpy as np

from example import save
from fits import Random
from patched import Pair, interval, with_bounds

LIMITS = {"train": 50, "val": 12}


def drawn(seed, n):
    """Prompts with replacement; the last fifth from the last fifth."""
    random, first = Random(seed, "resampled"), n - n // 5
    return [random.below(first) if i < first else first + random.below(n - first) for i in range(n)]


def main():
    pair, table = Pair(LIMITS), []
    for layer in (2, 4):
        x = pair.states("base", "val", "attn_out", layer)
        kl = lambda taken: pair.kl("tuned", "val", "attn_out", layer, pair.white("attn_out", layer, taken=taken)(x))
        seeds = [kl(drawn(seed, LIMITS["train"])).mean() for seed in range(10)]
        low, high = np.quantile(seeds, [0.025, 0.975])
        table.append([layer, *interval(lambda mean: mean, kl(None)), 0, np.mean(seeds), low, high, bool(low <= np.mean(seeds) <= high), 0])
    columns = ["layer", *with_bounds("kl_mapped"), "floor", *with_bounds("kl_seeds"), "floor_seeds"]
    save("stability", LIMITS, [{"columns": columns, "rows": table}])


main()
