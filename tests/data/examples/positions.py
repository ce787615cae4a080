#!/usr/bin/env python3
"""What examples/positions.mdx says of its first prompts, by transformers and numpy in float64: writes positions.json beside this
file, and examples/prompts/val-positions.jsonl, the list of positions that the example reads.

    python3 positions.py       (needs torch, transformers, tokenizers, safetensors, numpy)

Models, fits and metrics are those of ../parity: nothing is shared with mdx but the models, the prompts and the formulas of
docs/language.md.
"""
import json
import os
import re

import numpy as np

from example import save
import fits
import numbers_of as of
from cases_maps import PROMPTS, Pool, rows
from cases_stats import cka
from hf import Model, read_jsonl

LIMITS = {"train": 48, "val": 12}
LISTED = os.path.join(PROMPTS, "val-positions.jsonl")


def covering(model, prompt, text, begin, end):
    """Positions of the tokens that cover the bytes begin … end - 1 of the prompt's text."""
    chat = model.tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False)
    first = len(chat[:chat.index(text.strip())].encode())
    at, out = 0, []
    for position, i in enumerate(prompt.ids):
        after = at + model.token_bytes(i)
        if at < first + end and after > first + begin:
            out.append(position)
        at = after
    return out


def longest_word(text):
    words = list(re.finditer(r"\w+", text))
    best = max(words, key=lambda word: (len(word.group()), -word.start()))
    return tuple(len(text[:i].encode()) for i in best.span())


def list_words(model):
    """Every second one is counted from the end."""
    with open(LISTED, "w", encoding="utf-8") as f:
        for i, line in enumerate(read_jsonl(os.path.join(PROMPTS, "val.jsonl"))):
            prompt, text = model.prompt(line, True), line["text"].strip()
            at = covering(model, prompt, line["text"], *longest_word(text))
            f.write(json.dumps({"id": line["id"], "positions": [p - len(prompt.ids) * (i % 2) for p in at]}) + "\n")


def at_space(pool, name, site, layer):
    model, out = pool.models[name], []
    for line, prompt in zip(read_jsonl(os.path.join(PROMPTS, "val.jsonl"), LIMITS["val"]), pool.prompts[name, "val"]):
        space = len(line["text"].strip().split(" ")[0].encode())
        at = covering(model, prompt, line["text"], space, space + 1)
        out.append(model.run_clean(prompt.ids).get(site, layer, None)[at])
    return np.concatenate(out)


def listed(pool):
    """The tokens of each prompt of val that the file lists."""
    lines = {line["id"]: line["positions"] for line in read_jsonl(LISTED)}
    return [sorted(i % len(p.ids) for i in lines[p.id]) for p in pool.prompts["tuned", "val"]]


def at_listed(pool, layer):
    states = [pool.models["tuned"].run_clean(p.ids).get("resid_post", layer, None) for p in pool.prompts["tuned", "val"]]
    return np.concatenate([x[at] for x, at in zip(states, listed(pool))])


def counts(positions, tokens, taken, k=0):
    """Of the numbers of tokens that are taken of each prompt, fewer than k are a fall-back."""
    return {"positions": positions, "tokens": tokens, "prompts": len(taken), "fallbacks": int(sum(n < k for n in taken)),
            "least": int(min(taken)), "mean": float(np.mean(taken)), "most": int(max(taken))}


def content_counts(pool, name, file, k, skip):
    taken = [min(len(p.content) - skip, k) for p in pool.prompts[name, file]]
    return counts(f"content({k}, skip: {skip})", f"{file}/{name}", taken, k)


def spread(pool, k):
    """A row of the first table, and what is said of the map."""
    states = lambda name, file: rows(pool.read(name, file, "attn_out", 4, ("content", k, 1)))
    x, y = states("base", "train"), states("tuned", "train")
    (w, b, kept), best, scores = fits.ridge(x, y, k * (LIMITS["train"] // 5), [10, 100, 1000])
    space = [at_space(pool, name, "attn_out", 4) for name in ("base", "tuned")]
    pairs = (x, y), [states(name, "val") for name in ("base", "tuned")], space
    scores = [{"r2": score} for score in scores]
    return [k, *(of.r2(p @ w + b, q) for p, q in pairs)], {"name": f"M[k={k}]", "rows": len(x), "lambda": best, "kept": kept, "scores": scores}


def late(pool):
    """The row of the second table, and what is said of the map."""
    states = lambda layer, file: rows(pool.read("tuned", file, "resid_post", layer, ("content", 24, 2)))
    w, b, kept = fits.ridge_map(states(2, "train"), states(4, "train"), 100)
    words = [at_listed(pool, layer) for layer in (4, 2)]
    row = [of.r2(states(2, "val") @ w + b, states(4, "val")), float(cka(words[0], words[1] @ w + b, True))]
    return row, {"name": "N", "rows": len(states(2, "train")), "lambda": 100, "kept": kept}


def main():
    list_words(Model("tuned"))
    pool = Pool(LIMITS)
    texts = [{line["text"] for line in read_jsonl(os.path.join(PROMPTS, f"{file}.jsonl"))} for file in LIMITS]
    assert not texts[0] & texts[1]
    few, (second, of_late) = {k: spread(pool, k) for k in (1, 4, 8)}, late(pool)
    said = [content_counts(pool, name, file, k, 1) for k in few for name in ("base", "tuned") for file in LIMITS]
    said += [content_counts(pool, "tuned", file, 24, 2) for file in LIMITS]
    said += [counts('listed("prompts/val-positions.jsonl")', "val/tuned", [len(at) for at in listed(pool)])]
    save("positions", LIMITS,
         [{"columns": ["k", "r2_train", "r2_val", "r2_space"], "rows": [row for row, _ in few.values()]},
          {"columns": ["r2_late", "cka_word"], "rows": [second]}],
         maps=[of_late, *(about for _, about in few.values())], selected=said)


main()
