#!/usr/bin/env python3
"""The tables of examples/alpha.mdx of its first prompts, by transformers and numpy in float64: writes alpha.json beside this file.

    python3 alpha.py           (needs torch, transformers, tokenizers, safetensors, numpy)
"""
import numpy as np

from example import save
from patched import Pair, interval, percents, with_bounds

LIMITS = {"train": 48, "val": 12}
PLACE = "mlp_out", 4


def main():
    pair, table = Pair(LIMITS), []
    mapped = pair.white(*PLACE)
    train, val = (pair.states("base", file, *PLACE) for file in LIMITS)
    for alpha in (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6):
        on_train = pair.kl("tuned", "train", *PLACE, alpha * mapped(train)).mean()
        raw, on_val = (pair.kl("tuned", "val", *PLACE, alpha * x) for x in (val, mapped(val)))
        table.append([alpha, on_train, raw.mean(), on_val.mean(), *percents(interval(lambda a, b: 100 * (a - b) / a, raw, on_val))])
    best = min(table, key=lambda row: row[1])
    assert 0.2 < best[0] < 1.6
    save("alpha", LIMITS, [
        {"columns": ["alpha", "kl_train", "kl_raw", "kl_val", *with_bounds("drop_val")], "rows": table},
        {"columns": ["best", "kl_best", *with_bounds("drop_best")], "rows": [[best[0], best[3], *best[4:]]]},
    ])


main()
