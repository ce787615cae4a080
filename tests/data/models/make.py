#!/usr/bin/env python3
"""Make the small models of the tests: stories260K's tokenizer, and the whole of toy.

    python3 make.py            (needs torch, transformers, tokenizers, safetensors, numpy)

stories260K (see LICENSE in its folder) comes with a SentencePiece vocabulary, which mdx does not read: here it gets a
byte-level BPE of as many entries. It was trained on other tokens, so the ids mean nothing to it; they only need to be
valid. toy is a LlamaForCausalLM with everything that the other models lack: untied embeddings, biases everywhere,
heads that are not hidden_size / heads wide, Llama 3's RoPE scaling below the length of short prompts, two shards, and
tensors in F16, BF16 and F32.
"""
import json
import os

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))

# Written for this file: what merges are learned from.
LINES = [
    "Once upon a time there was a little girl who lived near the river.",
    "She had a red ball, and every morning she threw it over the wall.",
    "One day the ball did not come back, so she went to look for it.",
    "Behind the wall there was a garden with an old tree and a small dog.",
    "The dog was sad because it could not find its way home.",
    "They walked together through the rain, and then the sun came out.",
    "Her mother said that they could stay until the evening.",
    "When the stars were in the sky, the little dog was asleep.",
    "Бір күні кішкентай қыз өзен жағасында доп ойнап жүрді.",
    "Доп суға түсіп кетті, ал қыз оны іздеп жағаға барды.",
    "Ағаштың түбінде кішкентай күшік отыр екен, ол үйін таппай қалыпты.",
    "Кешке дейін олар бірге жүріп, күн батқанда үйге қайтты.",
]


def path(*parts):
    return os.path.join(HERE, *parts)


def write_json(value, *parts):
    with open(path(*parts), "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1, ensure_ascii=False)
        f.write("\n")


# ---- Tokenizers

def trained(size, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    added = [AddedToken(s, special=True) for s in special]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=added,
                                  initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def save_tokenizer(tokenizer, folder, **config):
    tokenizer.save(path(folder, "tokenizer.json"))
    write_json({"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **config}, folder,
               "tokenizer_config.json")


def make_stories_tokenizer():
    tokenizer = trained(480, ["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                                             special_tokens=[("<s>", 1)])
    save_tokenizer(tokenizer, "stories260K", bos_token="<s>", eos_token="</s>", unk_token="<unk>", model_max_length=512)


def make_toy_tokenizer():
    save_tokenizer(trained(390, ["<|end|>"]), "toy", eos_token="<|end|>", model_max_length=256)


# ---- toy

TOY = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6,
    # One pair of each head keeps its frequency, one is blended, four are slowed.
    "rope_theta": 500.0,
    "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 40},
    "attention_bias": True,
    "mlp_bias": True,
    "tie_word_embeddings": False,
    "vocab_size": 400,
    "bos_token_id": None,
    "eos_token_id": 0,
    "torch_dtype": "float32",
}
TYPES = [torch.float16, torch.bfloat16, torch.float32]


def toy_shapes():
    d, ffn, vocab = TOY["hidden_size"], TOY["intermediate_size"], TOY["vocab_size"]
    q, kv = TOY["num_attention_heads"] * TOY["head_dim"], TOY["num_key_value_heads"] * TOY["head_dim"]
    shapes = {"model.embed_tokens.weight": (vocab, d)}
    for l in range(TOY["num_hidden_layers"]):
        at = f"model.layers.{l}."
        shapes[at + "input_layernorm.weight"] = (d,)
        for name, out, into in (("self_attn.q_proj", q, d), ("self_attn.k_proj", kv, d), ("self_attn.v_proj", kv, d),
                                ("self_attn.o_proj", d, q), ("mlp.gate_proj", ffn, d), ("mlp.up_proj", ffn, d),
                                ("mlp.down_proj", d, ffn)):
            shapes[f"{at}{name}.weight"] = (out, into)
            shapes[f"{at}{name}.bias"] = (out,)
        shapes[at + "post_attention_layernorm.weight"] = (d,)
    shapes["model.norm.weight"] = (d,)
    shapes["lm_head.weight"] = (vocab, d)
    return shapes


# Scores of attention with a deviation of about 1.7, so that rows are far from uniform; a stream of order 1.
def toy_values(rng, name, shape):
    x = rng.standard_normal(shape)
    if "norm" in name:
        return 1 + 0.3 * x
    if name.endswith("bias"):
        return 0.3 * x
    if "embed" in name:
        return x
    gain = 1.3 if "q_proj" in name or "k_proj" in name else 2.5 if "lm_head" in name else 1.0
    return gain * x / np.sqrt(shape[1])


def make_toy():
    rng = np.random.Generator(np.random.PCG64(20240517))
    tensors = {}
    for i, (name, shape) in enumerate(toy_shapes().items()):
        values = toy_values(rng, name, shape)
        tensors[name] = torch.from_numpy(np.ascontiguousarray(values)).to(TYPES[i % 3])
    tiny = tensors["model.embed_tokens.weight"]
    assert tiny.dtype == torch.float16
    tiny[5, :8] = torch.tensor([2.0 ** -24 * k for k in (1, -1, 3, 511, 1023, -1023, 1024, 0)], dtype=torch.float16)
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    where = {name: shards["layers.1" in name or "lm_head" in name] for name in tensors}
    for shard in shards:
        part = {k: t for k, t in tensors.items() if where[k] == shard}
        save_file(part, path("toy", shard), metadata={"format": "pt"})
        os.chmod(path("toy", shard), 0o644)
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json({"metadata": {"total_size": total}, "weight_map": where}, "toy", "model.safetensors.index.json")
    write_json(TOY, "toy", "config.json")
    return tensors


# ---- What the tests rely on

def check_toy(tensors):
    model = AutoModelForCausalLM.from_pretrained(path("toy"), dtype=torch.float32, attn_implementation="eager").eval()
    state = model.state_dict()
    assert set(state) == set(tensors) and all(torch.equal(state[k], t.float()) for k, t in tensors.items())
    ids = AutoTokenizer.from_pretrained(path("toy"))(LINES[0], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        out = model(ids, output_attentions=True, output_hidden_states=True)
    rows = torch.stack(out.attentions)[..., -1, :].double()
    entropy = float(-(rows * rows.clamp_min(1e-30).log()).sum(-1).mean())
    uniform = float(np.log(ids.shape[1]))
    assert entropy < 0.8 * uniform, (entropy, uniform)
    sizes = [round(float(h.std()), 2) for h in out.hidden_states]
    print(f"toy: {ids.shape[1]} tokens, entropy of attention {entropy:.2f} of {uniform:.2f}, streams {sizes}")


def main():
    os.makedirs(path("toy"), exist_ok=True)
    make_stories_tokenizer()
    make_toy_tokenizer()
    check_toy(make_toy())


main()
