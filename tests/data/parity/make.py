#!/usr/bin/env python3
"""Make the fixtures of tests/parity: what transformers and numpy say about the experiments in tests/parity/cases.

    python3 make.py [CASE...]          (needs torch, transformers, tokenizers, safetensors, numpy)

Float32, eager attention, one thread; maps in float64. Each spec of tests/parity/cases is written out here again in
Python, so that the two programs share nothing but models and prompts; hf.py runs the models, fits.py fits, cases_*.py
are the experiments. Two runs write the same bytes. The models must be there: ../models/make.py.
"""
import sys

import cases_bf16
import cases_maps
import cases_metrics
import cases_patches
import cases_rope
import cases_sites
import cases_stats

CASES = {**cases_sites.CASES, **cases_patches.CASES, **cases_metrics.CASES, **cases_maps.CASES, **cases_rope.CASES,
         **cases_bf16.CASES, **cases_stats.CASES}


def main(names):
    unknown = set(names) - set(CASES)
    if unknown:
        sys.exit(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    for name in names or CASES:
        CASES[name](name)
        print(name)


main(sys.argv[1:])
