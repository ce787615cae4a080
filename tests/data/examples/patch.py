#!/usr/bin/env python3
"""The table of examples/patch.mdx of its first prompts, by transformers and numpy in float64: writes patch.json beside this file.

    python3 patch.py           (needs torch, transformers, tokenizers, safetensors, numpy)
"""
import numpy as np

from example import save
from patched import Pair, differences, interval, with_bounds

LIMITS = {"val": 16}


def main():
    pair, table, values = Pair(LIMITS), [], []
    write = lambda name, other, layer: pair.kl(name, "val", "resid_post", layer, pair.states(other, "val", "resid_post", layer))
    control = write("tuned", "base", 0)
    for layer in range(1, 6):
        forth, back = write("tuned", "base", layer), write("base", "tuned", layer)
        one = lambda values: interval(lambda mean: mean, values)
        table.append([layer, *one(forth), float(np.std(forth, ddof=1)), *one(back), 
                      *differences(one(forth - back), forth.mean()), *differences(one(forth - control), forth.mean())])
    columns = ["layer", *with_bounds("to_tuned"), "spread", *with_bounds("to_base"), *with_bounds("asymmetry"), *with_bounds("beyond")]
    save("patch", LIMITS, [{"columns": columns, "rows": table}])


main()
