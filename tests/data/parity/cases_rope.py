"""cases_rope.py: RoPE's frequencies for configs as they stand in checkpoints, old and new."""
import json
import os

from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from fixture import HERE

SIZES = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 64,
         "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100,
         "max_position_embeddings": 131072}
LLAMA31 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
OTHER = {"factor": 2.5, "low_freq_factor": 0.7, "high_freq_factor": 9.3, "original_max_position_embeddings": 1000}
SHORT = {**LLAMA31, "original_max_position_embeddings": 4}
CONFIGS = {
    "nothing said": {},
    "another theta": {"rope_theta": 500000.0, "head_dim": 128},
    "scaling is null": {"rope_theta": 25000, "rope_scaling": None, "head_dim": 6},
    "default, new form": {"head_dim": 80, "rope_parameters": {"rope_theta": 12345.5, "rope_type": "default"}},
    "Llama 3.1": {"rope_theta": 500000.0, "head_dim": 128, "rope_scaling": {"rope_type": "llama3", **LLAMA31}},
    "Llama 3.2": {"rope_theta": 500000.0, "head_dim": 64, "rope_scaling": {"rope_type": "llama3", **LLAMA31, "factor": 32.0}},
    "llama3, new form": {"head_dim": 128, "rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, **LLAMA31}},
    "llama3, the older word": {"rope_theta": 10000.0, "rope_scaling": {"type": "llama3", **LLAMA31}, "head_dim": 64},
    "llama3, other factors": {"rope_theta": 1e6, "head_dim": 96, "rope_scaling": {"rope_type": "llama3", **OTHER}},
    "llama3 that slows all": {"rope_theta": 1e4, "head_dim": 16, "rope_scaling": {"rope_type": "llama3", **SHORT}},
}


def rope(case):
    entries = []
    for name, config in CONFIGS.items():
        whole = {**SIZES, **config}
        frequencies = LlamaRotaryEmbedding(LlamaConfig(**json.loads(json.dumps(whole)))).inv_freq
        entries.append({"name": name, "config": whole, "inv_freq": [float(f"{x:.9g}") for x in frequencies.tolist()]})
    with open(os.path.join(HERE, case + ".json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(e) for e in entries) + "\n]\n")


CASES = {"rope": rope}
