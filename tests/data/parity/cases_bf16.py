"""cases_bf16.py: what transformers computes in float32, and how far its own forward in bfloat16 is from that.

CASE.safetensors has float32 numbers as FILE:TENSOR of the result's folder, one row a prompt, of logits every
`stride`-th; and under FILE:TENSOR.error two numbers, of the forward in bfloat16: the root mean square of what it is
off, and the most, both as shares of the largest number of FILE:TENSOR.

The models in bfloat16 are loaded as such. model.to(torch.bfloat16) also rounds the frequencies of RoPE, which nobody
wants: it is off by more.
"""
import os

import numpy as np
import torch
from safetensors.numpy import save
from transformers import AutoModelForCausalLM

import hf
from hf import HERE, Model

VAL = os.path.join(HERE, "..", "..", "..", "examples", "prompts", "val.jsonl")


@torch.no_grad()
def run_bf16(folder, prompts, layers):
    """Of each prompt, at its last token: the stream behind each layer, and logits: {(site, layer): [prompts, width]}."""
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="eager").eval()
    assert {p.dtype for p in net.parameters()} == {torch.bfloat16}
    read = {}
    keep = lambda site, layer, x: read.setdefault((site, layer), []).append(x[0, -1].float().numpy())
    for l in layers:
        net.model.layers[l].register_forward_hook(lambda module, args, out, l=l: keep("resid_post", l, out))
    for p in prompts:
        keep("logits", 0, net(torch.tensor([p.ids]), use_cache=False).logits)
    return {place: np.stack(rows) for place, rows in read.items()}


def error(got, want):
    off, largest = got.astype(np.float64) - want, np.abs(want).max()
    return np.array([[np.sqrt((off ** 2).mean()), np.abs(off).max()]]) / largest


def bf16(out, names, limit, layers, stride):
    arrays = {}
    for name in names:
        model = Model(name)
        prompts = model.prompts(VAL, True, limit)
        rounded = run_bf16(hf.FOLDERS[name], prompts, layers)
        for (site, layer), got in rounded.items():
            want = np.stack([model.run_clean(p.ids).get(site, layer)[-1] for p in prompts])
            at = f"stream.safetensors:layer={layer}"
            if site == "logits":
                at, want, got = "logits.safetensors:states", want[:, ::stride], got[:, ::stride]
            arrays[f"states/{name}-{at}"] = np.ascontiguousarray(want)
            arrays[f"states/{name}-{at}.error"] = error(got, want).astype(np.float32)
    with open(os.path.join(HERE, out + ".safetensors"), "wb") as f:
        f.write(save(arrays))


CASES = {"bf16": lambda name: bf16(name, ["base", "tuned"], 16, range(6), 1)}
