#!/usr/bin/env python3
"""Writes planted.safetensors beside this file: a map that sends what base embeds of the last tokens of the first six prompts
of ten.jsonl to points of a plane. Of these, k-means with three clusters and seed 0 loses the second cluster
(tests/parity/planted_clusters.c).

    python3 planted.py         (needs torch, numpy, safetensors, tokenizers)
"""
import json
import os

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.join(HERE, "..", "..", "..", "examples", "models", "steppe", "base")
POINTS = [[11, 10], [9, 10], [8, 11], [2, 4], [1, 6], [10, 2]]

tokenizer = Tokenizer.from_file(os.path.join(BASE, "tokenizer.json"))
with open(os.path.join(HERE, "ten.jsonl"), encoding="utf-8") as f:
    ends = [tokenizer.encode(json.loads(line)["text"]).ids[-1] for line in f][:len(POINTS)]
with safe_open(os.path.join(BASE, "model.safetensors"), "pt") as f:
    embedded = f.get_tensor("model.embed_tokens.weight")[ends].double().numpy()
w = np.linalg.lstsq(embedded, np.array(POINTS, np.float64), rcond=None)[0]
assert np.allclose(embedded @ w, POINTS), "two of the prompts end alike"
save_file({"W": w.astype(np.float32), "b": np.zeros(2, np.float32)}, os.path.join(HERE, "planted.safetensors"))
