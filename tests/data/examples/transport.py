#!/usr/bin/env python3
"""The table of examples/transport.mdx, computed with PyTorch hooks: writes transport.json beside this file.

    python3 transport.py       (needs torch, transformers, numpy)

Float32, eager attention. Every formula is written out here again, from docs/language.md, so that the two programs
share nothing but the models and the prompts.
"""
import json
import os

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from example import HERE, save

EXAMPLES = os.path.join(HERE, "..", "..", "..", "examples")
LIMITS = {"train": 150, "val": 25}
LAYER, SHRINK, FLOOR, ALPHAS = 4, 0.05, 1e-6, [0.3, 0.5, 0.7, 1.0]


def load(name):
    folder = os.path.join(EXAMPLES, "models", "steppe", name)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return model, AutoTokenizer.from_pretrained(folder)


def prompts(name, limit):
    with open(os.path.join(EXAMPLES, "prompts", name + ".jsonl"), encoding="utf-8") as f:
        return [json.loads(line)["text"] for line in f][:limit]


def ids(tokenizer, text):
    chat = [{"role": "user", "content": text}]
    return tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]


class Attention:
    """Reads, and where told writes, what attention adds to the stream at the last token."""

    def __init__(self, model):
        self.state, self.value = None, None
        model.model.layers[LAYER].self_attn.o_proj.register_forward_hook(self.hook)

    def hook(self, module, inputs, output):
        if self.value is not None:
            output = output.clone()
            output[0, -1] = self.value
        self.state = output[0, -1].clone()
        return output


def states(model, attention, tokenizer, texts):
    out = []
    for text in texts:
        model(ids(tokenizer, text))
        out.append(attention.state.numpy())
    return np.stack(out)


def whitening(x):
    c = x.T @ x / len(x)
    d = len(c)
    c = (1 - SHRINK) * c + SHRINK * np.trace(c) / d * np.eye(d)
    values, vectors = np.linalg.eigh(c)
    values = np.maximum(values, FLOOR * values[-1])
    return vectors @ np.diag(values ** -0.5) @ vectors.T, vectors @ np.diag(values ** 0.5) @ vectors.T


def procrustes(x, y):
    """Whitened, scaled: y ~ s (x - mx) Cx^-1/2 Q Cy^1/2 + my."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    mx, my = x.mean(0), y.mean(0)
    xc, yc = x - mx, y - my
    (x_down, _), (y_down, y_up) = whitening(xc), whitening(yc)
    xw, yw = xc @ x_down, yc @ y_down
    u, sigma, vt = np.linalg.svd(xw.T @ yw)
    r = int((sigma > sigma[0] * max(x.shape) * 2.0 ** -52).sum())
    w = sigma.sum() / (xw ** 2).sum() * x_down @ (u[:, :r] @ vt[:r]) @ y_up
    return w.astype(np.float32), (my - mx @ w).astype(np.float32)


def kl(p, q):
    p, q = torch.log_softmax(p.double(), -1), torch.log_softmax(q.double(), -1)
    return float((p.exp() * (p - q)).sum())


@torch.no_grad()
def main():
    (base, base_tok), (tuned, tuned_tok) = load("base"), load("tuned")
    base_attn, tuned_attn = Attention(base), Attention(tuned)
    train, val = (prompts(*file) for file in LIMITS.items())
    w, b = procrustes(states(base, base_attn, base_tok, train), states(tuned, tuned_attn, tuned_tok, train))
    source = states(base, base_attn, base_tok, val)
    rows = []
    for alpha in ALPHAS:
        raw, mapped = [], []
        for text, x in zip(val, source):
            tuned_attn.value = None
            clean = tuned(ids(tuned_tok, text)).logits[0, -1]
            for out, value in ((raw, alpha * x), (mapped, alpha * (x @ w + b))):
                tuned_attn.value = torch.from_numpy(value.astype(np.float32))
                out.append(kl(tuned(ids(tuned_tok, text)).logits[0, -1], clean))
        kl_raw, kl_mapped = np.mean(raw), np.mean(mapped)
        rows.append([alpha, kl_raw, kl_mapped, 100 * (kl_raw - kl_mapped) / kl_raw])
    save("transport", LIMITS, [{"columns": ["alpha", "kl_raw", "kl_mapped", "drop_pct"], "rows": rows}])


main()
