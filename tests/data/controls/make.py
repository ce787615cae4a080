#!/usr/bin/env python3
"""The tables of examples/mapped.mdx, examples/controls.mdx and seeds.mdx on the first prompts, computed with PyTorch hooks
in float64: writes mapped.json, controls.json, controls-auto.json (the same with alpha: auto) and seeds.json beside this file.

    python3 make.py            (needs torch, transformers, numpy, scipy)

Fits and random choices are those of ../parity; every run and formula is written out here again, from docs/language.md, so that
nothing is shared with mdx but the models and the prompts.
"""
import functools
import json
import os
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "..", "examples")
sys.path.insert(0, os.path.join(HERE, "..", "parity"))
import fits

LAYER, BOGUS, EARLY, TRAIN, VAL, SEEDS = 4, 1, 0, 150, 25, 3


class Side:
    """A model, its prompts, and what attention adds to the stream at the last token of each: read in every layer, written in one."""

    def __init__(self, name):
        folder = os.path.join(EXAMPLES, "models", "steppe", name)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.write, self.seen = None, {}
        for layer, block in enumerate(self.model.model.layers):
            block.self_attn.o_proj.register_forward_hook(lambda module, inputs, output, layer=layer: self.hook(layer, output))

    def hook(self, layer, output):
        if self.write and self.write[0] == layer:
            output = output.clone()
            output[0, -1] = torch.from_numpy(self.write[1])
        self.seen[layer] = output[0, -1].numpy().copy()
        return output

    @torch.no_grad()
    def run(self, text, write=None):
        """Log-probabilities of the next token."""
        self.write = write
        chat = [{"role": "user", "content": text}]
        ids = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]
        return torch.log_softmax(self.model(ids).logits[0, -1], -1).numpy()

    def read(self, texts):
        """layer: states, and the clean log-probabilities."""
        clean, states = [], {}
        for text in texts:
            clean.append(self.run(text))
            for layer, x in self.seen.items():
                states.setdefault(layer, []).append(x)
        return {layer: np.stack(x) for layer, x in states.items()}, clean


def prompts(name, limit):
    with open(os.path.join(EXAMPLES, "prompts", name + ".jsonl"), encoding="utf-8") as f:
        return [json.loads(line)["text"] for line in f][:limit]


def kl(p, q):
    return float((np.exp(p) * (p - q)).sum())


def apply(x, fitted):
    return x @ fitted[0] + fitted[1]


def norms(x):
    return np.linalg.norm(x, axis=1).mean()


@functools.lru_cache(None)
def drawn(use, count, seed, draws):
    """Which of `count` a bootstrap draws."""
    random = fits.Random(seed, use)
    return [[random.below(count) for _ in range(count)] for _ in range(draws)]


def interval(number, values=1, seed=0, draws=1000, draw="both"):
    """number(prompts, which value of the sweep): its mean over the values; its bounds when prompts and values are drawn."""
    mean = lambda taken, chosen: np.mean([number(taken, v) for v in chosen])
    all_prompts, all_values = list(range(VAL)), list(range(values))
    takes = drawn("bootstrap", VAL, seed, draws) if draw != "value" else [all_prompts] * draws
    choices = drawn("bootstrap over a sweep", values, seed, draws) if draw != "prompt" and values > 1 else [all_values] * draws
    each = [mean(*both) for both in zip(takes, choices)]
    return [float(mean(all_prompts, all_values)), *(float(bound) for bound in np.quantile(each, [0.025, 0.975]))]


class Study:
    def __init__(self):
        self.sides = {name: Side(name) for name in ("base", "tuned")}
        self.val_texts = prompts("val", VAL)
        self.train = {name: side.read(prompts("train", TRAIN))[0] for name, side in self.sides.items()}
        self.val, self.clean = {}, {}
        for name, side in self.sides.items():
            self.val[name], self.clean[name] = side.read(self.val_texts)

    def kls(self, into, layer, values):
        """Of the runs of `into` in which these values stand at the layer, against the clean ones."""
        run = self.sides[into].run
        return np.array([kl(run(text, (layer, v)), clean) for text, v, clean in zip(self.val_texts, values, self.clean[into])])

    def fit(self, x, y):
        return fits.procrustes(x, y, scale=True, whiten=True, shrink=0.05)


def mapped(study):
    x, y = study.train["base"][LAYER], study.train["tuned"][LAYER]
    m = study.fit(x, y)
    norm = norms(y) / norms(apply(x, m))
    source, target = study.val["base"][LAYER], study.val["tuned"][LAYER]
    moved = apply(source, m)
    near = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in zip(moved, target)]
    table = []
    for name, alpha in (("0.5", 0.5), ("1", 1.0), ("norm_match(M)", norm)):
        raw, kept = study.kls("tuned", LAYER, alpha * source), study.kls("tuned", LAYER, alpha * moved)
        drop = lambda taken, v: 100 * (raw[taken].mean() - kept[taken].mean()) / raw[taken].mean()
        table.append([name, alpha, raw.mean(), kept.mean(), raw.mean() - kept.mean(), *interval(drop), np.corrcoef(raw - kept, near)[0, 1]])
    columns = ["alpha", "strength", "kl_raw", "kl_mapped", "delta", "drop_pct", "drop_pct_lo", "drop_pct_hi", "drop_pct_holds", "follows"]
    rows = [[*row[:8], row[6] <= row[5] <= row[7], row[8]] for row in table]
    return {"norm_match": norm, "tables": [{"columns": columns, "rows": rows}]}


def rows_of(study, strength):
    """name, KL of the raw state, KL of the mapped one for each seed. strength(y, mapped x) is alpha."""
    train, val = study.train, study.val
    x, y = train["base"][LAYER], train["tuned"][LAYER]

    def patched(into, layer, source, fitted, x, y):
        return study.kls(into, layer, strength(y, apply(x, fitted)) * apply(source, fitted))

    own = study.fit(x, y)
    same = (np.eye(x.shape[1]), np.zeros(x.shape[1]))
    here = lambda *maps: [patched("tuned", LAYER, val["base"][LAYER], m, x, y) for m in maps]
    raw = here(same)[0]
    bogus_x, bogus_y = train["base"][BOGUS], train["tuned"][BOGUS]
    # A control's alpha is of the states that its map was fitted on.
    bogus = study.fit(bogus_x, bogus_y)
    rows = [("M", raw, here(own)), ("identity", raw, [raw]),
            (f"bogus layer {BOGUS}", raw, [patched("tuned", LAYER, val["base"][LAYER], bogus, bogus_x, bogus_y)])]
    rows.append(("shuffled", raw, here(*(study.fit(x, fits.shuffled(y, 1, seed)) for seed in range(SEEDS)))))
    rows.append(("mean", raw, here(fits.mean(x.shape[1], y))))
    rows.append(("random rotation", raw, here(*(fits.random_rotation(x, y, seed) for seed in range(SEEDS)))))
    elsewhere = (("reverse", "tuned", "base", LAYER), (f"early layer {EARLY}", "base", "tuned", EARLY))
    for name, source, into, layer in elsewhere:
        a, b = train[source][layer], train[into][layer]
        raw = patched(into, layer, val[source][layer], same, a, b)
        rows.append((name, raw, [patched(into, layer, val[source][layer], study.fit(a, b), a, b)]))
    return rows


def verdict(lo, hi):
    return "the same" if lo == hi == 0 else "beaten" if lo > 0 else "better" if hi < 0 else "not beaten"


def controls(study, strength):
    rows, out = rows_of(study, strength), []
    drop = lambda raw, kls: lambda taken, v: 100 * (raw[taken].mean() - kls[v % len(kls)][taken].mean()) / raw[taken].mean()
    own = drop(rows[0][1], rows[0][2])
    for name, raw, kls in rows:
        cells = [name, float(raw.mean())]
        of = drop(raw, kls)
        for number in (lambda taken, v: kls[v % len(kls)][taken].mean(), of, lambda taken, v: own(taken, v) - of(taken, v)):
            number, lo, hi = interval(number, SEEDS)
            cells += [number, lo, hi, lo - 1e-9 <= number <= hi + 1e-9]
        out.append([*cells, verdict(lo, hi)])
    columns = ["M_control", "M_kl_raw"]
    for name in ("M_kl_mapped", "M_drop_pct", "M_ahead"):
        columns += [name, name + "_lo", name + "_hi", name + "_holds"]
    return {"tables": [{"columns": [*columns, "verdict"], "rows": out}]}


def seeds(study):
    x, y = study.train["base"][LAYER], study.train["tuned"][LAYER]
    maps = [study.fit(x, fits.shuffled(y, 1, seed)) for seed in range(5)]
    kls = {a: [study.kls("tuned", LAYER, a * apply(study.val["base"][LAYER], m)) for m in maps] for a in (0.5, 1)}
    each = [[seed, a, kls[a][seed].mean()] for seed in range(5) for a in kls]
    columns, over = ["alpha"], [[a] for a in kls]
    for name, draw in (("both", "both"), ("prompts_alone", "prompt"), ("seeds_alone", "value")):
        columns += [name, name + "_lo", name + "_hi", name + "_holds"]
        for row in over:
            bounds = interval(lambda taken, v: kls[row[0]][v][taken].mean(), 5, seed=3, draws=500, draw=draw)
            row += [*bounds, bounds[1] <= bounds[0] <= bounds[2]]
    return {"tables": [{"columns": ["seed", "alpha", "kl"], "rows": each}, {"columns": columns, "rows": over}]}


def save(name, parts):
    parts = {"set": [f"train.limit={TRAIN}", f"val.limit={VAL}"], **parts}
    with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as f:
        json.dump(parts, f, ensure_ascii=False, indent=1, default=lambda x: x.item())
        f.write("\n")
    for table in parts["tables"]:
        for row in table["rows"]:
            print(name, *row)


def main():
    study = Study()
    save("mapped", mapped(study))
    save("seeds", seeds(study))
    save("controls", controls(study, lambda y, mapped_x: 1.0))
    save("controls-auto", controls(study, lambda y, mapped_x: norms(y) / norms(mapped_x)))


main()
