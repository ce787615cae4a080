# Makes the seeds of tests/fuzz/safetensors.c: files written by the reference implementation and hand-made variants.
# tests/unit/weights.c reads "python", too. Usage: make_safetensors.py FOLDER (needs safetensors and torch).
import struct
import sys

import torch
from safetensors.torch import save

folder = sys.argv[1]


def put(name, data):
    with open(f"{folder}/{name}", "wb") as f:
        f.write(data)


def forge(header, data):
    header = header.encode()
    return struct.pack("<Q", len(header)) + header + bytes(data)


put("python", save({
    "a.f32": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 2,
    "b.f16": torch.tensor([1, -2, 65504, 2.0**-24], dtype=torch.float16),
    "c.bf16": torch.tensor([[1], [-3], [float("inf")]], dtype=torch.bfloat16),
    "d.scalar": torch.tensor(-2.5, dtype=torch.float64),
    "e.i32": torch.tensor([-1, 2**31 - 1], dtype=torch.int32),
    "әлем": torch.zeros(0, 7),
    "x.i64": torch.tensor([1, 2]),
    "y.bool": torch.tensor([True, False, True]),
    "z.f8": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn),
}, {"format": "pt"}))
one = '"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
put("odd", forge("{" + one + "}", 8))
put("empty", forge("{}", 0))
put("nothing", forge("", 0))
put("escape", forge('{"\\u00e9\\n\\ud83d\\ude00":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}', 2))
put("twice", forge("{" + one + "," + one + "}", 8))
put("hole", forge("{" + one + ',"y":{"dtype":"BF16","shape":[1],"data_offsets":[10,12]}}', 12))
put("overlap", forge("{" + one + ',"y":{"dtype":"F64","shape":[],"data_offsets":[4,12]}}', 12))
put("large", forge('{"x":{"dtype":"F32","shape":[9007199254740991,8,0],"data_offsets":[1e300,-1]}}', 4))
put("later", forge('{"__metadata__":{"a":"b"},"x":{"dtype":"F2048","shape":[1],"data_offsets":[0,3],"more":[{}]}}', 3))
