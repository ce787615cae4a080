"""hf.py: the models of the fixtures as transformers runs them, with every site read and, where told, written.

Nothing is recomputed: hooks on the modules, and a wrapper around the function that attention calls, see the tensors of
the model's own forward pass. A write replaces a tensor there, for everything behind it.
"""
import json
import os

import numpy as np
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.llama import modeling_llama

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.join(HERE, "..", "..", "..")
FOLDERS = {
    "base": os.path.join(REPO, "examples", "models", "steppe", "base"),
    "tuned": os.path.join(REPO, "examples", "models", "steppe", "tuned"),
    "stories": os.path.join(HERE, "..", "models", "stories260K"),
    "toy": os.path.join(HERE, "..", "models", "toy"),
}
LAYER_SITES = ["resid_pre", "q_pre", "k_pre", "q", "k", "v", "z", "attn_out", "resid_mid", "mlp_act", "mlp_out",
               "resid_post"]
ALPHABET = set(pre_tokenizers.ByteLevel.alphabet())

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


# ---- Prompts

class Prompt:
    """The tokens of one prompt in one model; `content` lists the positions of the user's text."""

    def __init__(self, name, ids, content):
        self.id, self.ids, self.content = name, ids, content

    def at(self, where):
        """Positions that a word selects: "end", "all", ("first", k), ("last", k), ("content", k, skip), or a number."""
        n = len(self.ids)
        if where == "end":
            return [n - 1]
        if where == "all":
            return list(range(n))
        if isinstance(where, int):
            return [where % n]
        if where[0] == "content":
            _, k, skip = where
            usable = self.content[:len(self.content) - skip]
            assert usable, (self.id, where)
            spread = np.linspace(0, len(usable) - 1, min(k, len(usable)))
            return [usable[i] for i in np.floor(spread + 0.5).astype(int)]
        word, k = where
        assert k <= len(self.content), (self.id, where)
        return self.content[:k] if word == "first" else self.content[-k:]


def read_jsonl(name, limit=None):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f][:limit]


class Model:
    """With `exact` everything but the angles of RoPE is computed in float64: what float32 rounds."""

    def __init__(self, name, exact=False):
        folder = FOLDERS[name]
        self.name, self.exact = name, exact
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        if exact:
            self.net.double()
        self.layers = self.net.config.num_hidden_layers
        self.heads = {"q": self.net.config.num_attention_heads, "k": self.net.config.num_key_value_heads}
        self.trace, self.writes, self.plain = {}, [], True
        self.clean = {}
        self.hook()

    # -- Tokens

    def token_bytes(self, i):
        """How many bytes of text a token covers: a character of the byte-level alphabet is a byte."""
        spelling = self.tokenizer.convert_ids_to_tokens(i)
        if i in self.tokenizer.added_tokens_decoder:
            return len(spelling.encode())
        assert set(spelling) <= ALPHABET
        return len(spelling)

    def prompt(self, line, chat):
        text, tokenizer = line["text"], self.tokenizer
        rendered, begin = text, 0
        if chat:
            turns = [{"role": "user", "content": text}]
            ids = list(tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"])
            rendered = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            text = text.strip()  # as the template does
            assert rendered.count(text) == 1
            begin = len(rendered[:rendered.index(text)].encode())
        else:
            ids = list(tokenizer(text)["input_ids"])
        special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
        special |= set(tokenizer.all_special_ids)
        end, at, content = begin + len(text.encode()), 0, []
        if not chat and ids[0] == tokenizer.bos_token_id:
            at = -self.token_bytes(ids[0])
        for position, i in enumerate(ids):
            after = at + self.token_bytes(i)
            if at < end and after > begin and i not in special:
                content.append(position)
            at = after
        assert at == len(rendered.encode())
        return Prompt(line["id"], ids, content)

    def prompts(self, name, chat, limit=None):
        return [self.prompt(line, chat) for line in read_jsonl(name, limit)]

    def text_ids(self, text):
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def token(self, text):
        ids = self.text_ids(text)
        assert len(ids) == 1, (text, ids)
        return ids[0]

    # -- Sites

    def tap(self, site, layer, x):
        """Keeps a tensor [1, rows, width] under its name, after the writes to it, and gives it back."""
        if self.plain:
            return x
        for write in self.writes:
            if canonical(write.site, write.layer, self.layers) == (site, layer):
                x = write.apply(self, x)
        self.trace[site, layer] = x[0].detach().clone().numpy()
        return x

    def tap_heads(self, site, layer, x):
        """The same for [1, heads, rows, size]."""
        flat = x.transpose(1, 2).reshape(1, x.shape[2], -1)
        return self.tap(site, layer, flat).reshape(1, x.shape[2], x.shape[1], -1).transpose(1, 2)

    def hook(self):
        net = self.net.model
        output = lambda site, layer: (lambda module, args, out: self.tap(site, layer, out))
        net.embed_tokens.register_forward_hook(output("resid", 0))
        net.norm.register_forward_hook(output("final_norm", 0))
        self.net.lm_head.register_forward_hook(output("logits", 0))
        for l, layer in enumerate(net.layers):
            attention, mlp = layer.self_attn, layer.mlp
            for site, module in (("q_pre", attention.q_proj), ("k_pre", attention.k_proj), ("v", attention.v_proj),
                                 ("attn_out", attention.o_proj), ("mlp_out", mlp.down_proj), ("resid", layer)):
                module.register_forward_hook(output(site, l + 1 if site == "resid" else l))
            mlp.down_proj.register_forward_pre_hook(lambda module, args, l=l: (self.tap("mlp_act", l, args[0]),))
            before_mlp = lambda module, args, l=l: self.tap_in_place(l, args[0])
            layer.post_attention_layernorm.register_forward_pre_hook(before_mlp)

    def tap_in_place(self, layer, x):
        """The stream between the halves of a block is also what the second half is added to: written where it lies."""
        y = self.tap("resid_mid", layer, x)
        if y is not x:
            x.copy_(y)

    # -- Running

    @torch.no_grad()
    def run(self, ids, writes=()):
        """Every site of a forward pass over the ids: {(site, layer): [rows, width]}."""
        assert self.plain
        self.trace, self.writes, self.plain = {}, list(writes), False
        try:
            RUNNING.append(self)
            self.net(torch.tensor([ids]), use_cache=False)
        finally:
            RUNNING.pop()
            self.plain = True
        return Trace(self, self.trace)

    def run_clean(self, ids):
        key = tuple(ids)
        if key not in self.clean:
            self.clean[key] = self.run(ids)
        return self.clean[key]

    @torch.no_grad()
    def check(self, ids):
        """That reading changes nothing, and that what is read is what the model computes with."""
        trace, plain = self.run(ids), self.net(torch.tensor([ids]), use_cache=False)
        assert np.array_equal(plain.logits[0].numpy(), trace.get("logits", 0))
        close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())
        for l, layer in enumerate(self.net.model.layers):
            linear = lambda module, site: module(torch.from_numpy(trace.get(site, l))).numpy()
            close(linear(layer.self_attn.o_proj, "z"), trace.get("attn_out", l))
            close(linear(layer.mlp.down_proj, "mlp_act"), trace.get("mlp_out", l))
            assert np.array_equal(trace.get("resid_pre", l) + trace.get("attn_out", l), trace.get("resid_mid", l))
            assert np.array_equal(trace.get("resid_mid", l) + trace.get("mlp_out", l), trace.get("resid_post", l))
            norm = layer.input_layernorm(torch.from_numpy(trace.get("resid_pre", l)))
            close(layer.self_attn.k_proj(norm).numpy(), trace.get("k_pre", l))
            turned = lambda site: np.linalg.norm(trace.get(site, l), axis=-1)
            close(turned("q_pre"), turned("q"))  # a rotation
            assert len(ids) == 1 or not np.allclose(trace.get("q_pre", l)[1:], trace.get("q", l)[1:])
        written = self.run(ids, [Write("resid_mid", 0, None, list(range(len(ids))), lambda it: 0 * it)])
        assert not written.get("resid_mid", 0).any()
        assert np.array_equal(written.get("resid_post", 0), written.get("mlp_out", 0))


def canonical(site, layer, layers):
    """The name of a tensor of the residual stream, of which a site is another name."""
    layer %= layers
    if site == "embed":
        return "resid", 0
    if site in ("resid_pre", "resid_post"):
        return "resid", layer + (site == "resid_post")
    return site, layer


class Trace:
    def __init__(self, model, tensors):
        self.model, self.tensors = model, tensors

    def get(self, site, layer=0, heads=None):
        x = self.tensors[canonical(site, layer, self.model.layers)]
        return x if heads is None else x[:, columns(self.model, site, heads)]


def columns(model, site, heads):
    size = model.net.config.head_dim
    count = model.heads["q" if site in ("q_pre", "q", "z") else "k"]
    return np.concatenate([np.arange(size) + h % count * size for h in heads])


class Write:
    """value(it) replaces the named rows, and heads (None: all columns), of a site."""

    def __init__(self, site, layer, heads, rows, value):
        self.site, self.layer, self.heads, self.rows, self.value = site, layer, heads, rows, value

    def apply(self, model, x):
        x = x.clone()
        at = np.arange(x.shape[2]) if self.heads is None else columns(model, self.site, self.heads)
        index = np.ix_(self.rows, at)
        it = x[0].numpy()[index]
        x[0].numpy()[index] = np.broadcast_to(np.asarray(self.value(it), it.dtype), it.shape)
        return x


# ---- The functions that the modules call, as seen by whichever model runs

RUNNING = []
eager_attention, norm_forward = modeling_llama.eager_attention_forward, modeling_llama.LlamaRMSNorm.forward


def tapped_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    attention = exact_attention if RUNNING and RUNNING[-1].exact else eager_attention
    if not RUNNING:
        return attention(module, query, key, value, attention_mask, scaling, **kwargs)
    model, l = RUNNING[-1], module.layer_idx
    query, key = model.tap_heads("q", l, query), model.tap_heads("k", l, key)
    z, weights = attention(module, query, key, value, attention_mask, scaling, **kwargs)
    return model.tap("z", l, z.reshape(1, z.shape[1], -1)).reshape(z.shape), weights


def exact_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    """transformers takes the softmax in float32, whatever the model is in."""
    key, value = (modeling_llama.repeat_kv(x, module.num_key_value_groups) for x in (key, value))
    scores = query @ key.transpose(2, 3) * scaling
    after = torch.triu(torch.ones(scores.shape[-2:], dtype=torch.bool), 1)
    weights = torch.softmax(scores.masked_fill(after, -torch.inf), -1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


def norm(module, x):
    """As it does the norm."""
    if x.dtype != torch.float64:
        return norm_forward(module, x)
    return module.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + module.variance_epsilon))


modeling_llama.eager_attention_forward = tapped_attention
modeling_llama.LlamaRMSNorm.forward = norm
