"""hf.py: the workloads as transformers runs them, with hooks: what mdx is compared to.

Prompts go in batches of `size`, sorted by length (little padding), padded on the left; 32 at once is what most scripts
do. Only the logits that are asked for are made. Nothing is shared between points of a sweep: each is a forward pass.
"""
import json

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Prompts:
    def __init__(self, folder, path, limit):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        with open(path, encoding="utf-8") as f:
            texts = [json.loads(line)["text"] for line in f][:limit]
        chat = [[{"role": "user", "content": t}] for t in texts]
        self.ids = [tokenizer.apply_chat_template(c, add_generation_prompt=True, return_dict=True)["input_ids"]
                    for c in chat]
        self.pad = tokenizer.pad_token_id
        self.order = sorted(range(len(self.ids)), key=lambda i: len(self.ids[i]))
        self.tokens = sum(map(len, self.ids))

    def batches(self, size):
        for begin in range(0, len(self.order), size):
            rows = self.order[begin:begin + size]
            width = max(len(self.ids[i]) for i in rows)
            ids, mask = torch.full((len(rows), width), self.pad), torch.zeros(len(rows), width, dtype=torch.long)
            for r, i in enumerate(rows):
                ids[r, width - len(self.ids[i]):] = torch.tensor(self.ids[i])
                mask[r, width - len(self.ids[i]):] = 1
            position = (mask.cumsum(1) - 1).clamp(min=0)
            yield rows, {"input_ids": ids, "attention_mask": mask, "position_ids": position}


class Model:
    def __init__(self, folder):
        self.net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.layers = self.net.model.layers

    @torch.no_grad()
    def logits(self, prompts, size, hooks=lambda rows: []):
        """[prompts, vocabulary]; `hooks` gives the (module, hook) of a batch of these rows."""
        out = torch.empty(len(prompts.ids), self.net.config.vocab_size)
        for rows, batch in prompts.batches(size):
            handles = [module.register_forward_hook(hook) for module, hook in hooks(rows)]
            out[rows] = self.net(**batch, use_cache=False, logits_to_keep=1).logits[:, -1]
            for handle in handles:
                handle.remove()
        return out


def capture(module, rows, into):
    """Keeps the last position's states of a module's output."""
    def hook(_, args, out):
        into[rows] = out[:, -1]
    return module, hook


def write(module, rows, states):
    """Writes them there."""
    def hook(_, args, out):
        out[:, -1] = states[rows]
        return out
    return module, hook


def kl(p, q):
    """Of each row, in float64."""
    p, q = (torch.log_softmax(x.double(), -1) for x in (p, q))
    return (p.exp() * (p - q)).sum(-1)


class HuggingFace:
    def __init__(self, base, tuned, path, limit, size):
        self.base, self.tuned, self.size = Model(base), Model(tuned), size
        self.prompts = Prompts(tuned, path, limit)
        self.config = self.tuned.net.config

    def states(self):
        return torch.empty(len(self.prompts.ids), self.config.hidden_size)

    def c1(self, size=None):
        return {"logits": self.tuned.logits(self.prompts, size or self.size).numpy()}

    def c2(self):
        resid = [self.states() for _ in self.tuned.layers]
        hooks = lambda rows: [capture(layer, rows, into) for layer, into in zip(self.tuned.layers, resid)]
        logits = self.tuned.logits(self.prompts, self.size, hooks)
        return {"logits": logits.numpy(), "resid": np.stack([x.numpy() for x in resid])}

    def c3(self, layer=24, alphas=np.arange(1, 17) / 8):
        source = self.states()
        module = lambda model: model.layers[layer].self_attn.o_proj
        self.base.logits(self.prompts, self.size, lambda rows: [capture(module(self.base), rows, source)])
        clean = self.tuned.logits(self.prompts, self.size)
        patched = lambda alpha: self.tuned.logits(
            self.prompts, self.size, lambda rows: [write(module(self.tuned), rows, alpha * source)])
        return {"kl": np.array([kl(patched(float(alpha)), clean).mean() for alpha in alphas])}
