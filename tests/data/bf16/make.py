#!/usr/bin/env python3
"""make.py: what bfloat16 costs transformers: states of the pair steppe in float32, and how far its own bfloat16 forward is
from them. Needs torch, transformers, safetensors; two runs of it write the same bytes.

bf16.safetensors: MODEL.logits [prompts, vocab] and MODEL.resid_post [layers, prompts, d] at the last token, in float32;
bf16.json: of each, the root mean square of (bfloat16 - float32).
"""
import json
import os

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "..", "examples")
PROMPTS = 16
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def states(folder, dtype):
    """-> logits [prompts, vocab], resid_post [layers, prompts, d] at the last token, as float32."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    kept = [[] for _ in net.model.layers]
    for number, layer in enumerate(net.model.layers):
        layer.register_forward_hook(lambda module, inputs, out, number=number: kept[number].append(
            (out[0] if isinstance(out, tuple) else out)[0, -1].float()))
    logits = []
    with open(os.path.join(EXAMPLES, "prompts", "val.jsonl"), encoding="utf-8") as f:
        for line in list(f)[:PROMPTS]:
            message = [{"role": "user", "content": json.loads(line)["text"]}]
            text = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
            ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
            with torch.inference_mode():
                logits.append(net(ids, use_cache=False).logits[0, -1].float())
    return torch.stack(logits), torch.stack([torch.stack(rows) for rows in kept])


def rms(x):
    return float(x.double().square().mean().sqrt())


def main():
    tensors, errors = {}, {}
    for model in ("base", "tuned"):
        folder = os.path.join(EXAMPLES, "models", "steppe", model)
        exact, short = states(folder, torch.float32), states(folder, torch.bfloat16)
        tensors[f"{model}.logits"], tensors[f"{model}.resid_post"] = (x.clone().contiguous() for x in exact)
        errors[model] = {"logits": rms(short[0] - exact[0]),
                         "resid_post": [rms(a - b) for a, b in zip(short[1], exact[1])]}
    save_file(tensors, os.path.join(HERE, "bf16.safetensors"))
    with open(os.path.join(HERE, "bf16.json"), "w", encoding="utf-8") as f:
        json.dump(errors, f, indent=1)
        f.write("\n")


main()
