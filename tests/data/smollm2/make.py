#!/usr/bin/env python3
"""Make the fixtures of tests/parity/smollm2.c and bf16.c: what transformers says about smollm2.mdx and bf16.mdx.

    python3 make.py PAIR          (needs torch, transformers, tokenizers, safetensors, numpy)

PAIR is the folder that examples/get-smollm2 wrote. States are in float32, KL in float64; the models are run, and the
fixture is written, by the modules of ../parity. Whole rows of logits would be too large: logits.safetensors has, of
each model and prompt, the TOP largest with their ids, every STRIDE-th, and the logarithm of the sum.
"""
import os
import sys

import numpy as np
from safetensors.numpy import save

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "parity"))

import hf
import numbers_of as of
from cases_bf16 import bf16
from fixture import Fixture
from hf import Model, Write

TOP, STRIDE = 256, 48
LAYERS, SITES = [0, 14, 29], ["q", "k", "z", "attn_out", "resid_post"]
SINGLE = [("attn", "attn_out", 24), ("norm", "final_norm", 0)]


def states(out, model, prompts, traces):
    def report(file, point, site, layer, where):
        what = f"{model.name} layers[{layer}].{site}"
        rows = [(p.at(where), t.get(site, layer)[p.at(where)]) for p, t in zip(prompts, traces)]
        out.states(f"{model.name}-{file}", point, what, [p.id for p in prompts], rows)

    for layer in LAYERS:
        for site in SITES:
            for file, where in (("end", "end"), ("first", ("first", 1))):
                report(file, {"layer": layer, "site": site}, site, layer, where)
    for file, site, layer in SINGLE:
        report(file, {}, site, layer, "end")


def logits(model, traces):
    rows = np.stack([t.get("logits")[-1] for t in traces])
    top = np.argsort(-rows, axis=1, kind="stable")[:, :TOP]
    x = rows.astype(np.float64)
    sums = x.max(1) + np.log(np.exp(x - x.max(1, keepdims=True)).sum(1))
    return {f"{model}.top": top.astype(np.int32), f"{model}.top_logits": np.take_along_axis(rows, top, 1),
            f"{model}.every": np.ascontiguousarray(rows[:, ::STRIDE]),
            f"{model}.logsumexp": sums[:, None].astype(np.float32)}


def half(base, tuned, prompt):
    """The last row of logits of tuned, with the mean of both models' streams behind layer 16 at the end."""
    end = prompt.at("end")
    source = base.run_clean(prompt.ids).get("resid_post", 16)[end]
    write = Write("resid_post", 16, None, end, lambda it: 0.5 * it + 0.5 * source)
    return tuned.run(prompt.ids, [write]).get("logits")[-1]


def answers(out, prompts):
    base, tuned = Model("base", exact=True), Model("tuned", exact=True)
    last = lambda model, p: model.run_clean(p.ids).get("logits")[-1]
    pairs = {"kl_base": ("kl(of_tuned, of_base)", lambda p: (last(tuned, p), last(base, p))),
             "kl_half": ("kl(of_half, of_tuned)", lambda p: (half(base, tuned, p), last(tuned, p)))}
    for metric, (expression, pair) in pairs.items():
        values, allowed = [], []
        for p in prompts:
            x, y = pair(p)
            values.append(of.kl(x, y))
            allowed.append(of.kl_allowed(values[-1], max(np.abs(x).max(), np.abs(y).max())))
            out.value(metric, expression, [], p.id, values[-1], allowed[-1])
        out.number(metric, {}, float(np.mean(values)), max(allowed))


def main(pair):
    hf.FOLDERS.update({m: os.path.join(pair, m) for m in ("base", "tuned")})
    out, sampled = Fixture(os.path.join("..", "smollm2", "smollm2")), {}
    for name in ("base", "tuned"):
        model = Model(name)
        prompts = model.prompts(os.path.join(HERE, "prompts.jsonl"), True)
        if name == "base":
            out.stream("p/base", prompts)  # both models have one tokenizer
        model.check(prompts[0].ids)
        traces = [model.run_clean(p.ids) for p in prompts]
        states(out, model, prompts, traces)
        sampled.update(logits(name, traces))
    answers(out, prompts)
    out.save()
    with open(os.path.join(HERE, "logits.safetensors"), "wb") as f:
        f.write(save(sampled))
    bf16(os.path.join("..", "smollm2", "bf16"), ["base", "tuned"], 8, [0, 9, 19, 29], STRIDE)


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
