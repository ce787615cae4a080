"""fixture.py: what a case expects, as CASE.json and CASE.safetensors beside this file.

CASE.json, a line an entry, holds what is compared and in which order: tensors (their numbers are in CASE.safetensors,
under the name FILE:TENSOR of the result's folder), numbers of results.json, lines of values.csv, token ids.
"""
import json
import os

import numpy as np
from safetensors.numpy import save

HERE = os.path.dirname(os.path.abspath(__file__))


def point_name(point):
    """{"site": "q", "alpha": 0.3} as mdx names it."""
    return ", ".join(f"{k}={value_name(v)}" for k, v in point.items())


def value_name(value):
    if isinstance(value, str):
        return value
    whole = value == int(value) and abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:g}"


class Fixture:
    def __init__(self, case):
        self.case = case
        self.arrays, self.prompts = {}, {}
        self.tensors, self.numbers, self.values, self.tokens = [], [], [], []

    # -- Tensors

    def states(self, file, point, what, lines, rows, tolerance=1e-4):
        """`rows`: for each prompt its positions and its states [positions, width]."""
        at = f"states/{file}.safetensors"
        stacked = np.concatenate([x for _, x in rows]).astype(np.float32)
        positions = np.concatenate([np.asarray(p) for p, _ in rows]).astype(np.int32)
        prompts = np.concatenate([np.full(len(p), i) for i, (p, _) in enumerate(rows)]).astype(np.int32)
        for name, ints in (("row.prompt", prompts), ("row.position", positions)):
            have = self.arrays.setdefault(f"{at}:{name}", ints)
            assert np.array_equal(have, ints)
        assert self.prompts.setdefault(at, lines) == lines
        self.tensor(at, point_name(point) or "states", what, stacked, tolerance)

    def map(self, file, w, b, tolerance=1e-4):
        for name, x in (("W", w), ("b", b)):
            self.tensor(f"maps/{file}.safetensors", name, f"{name} of map {file}", np.asarray(x), tolerance)

    def tensor(self, file, name, what, x, tolerance):
        key = f"{file}:{name}"
        assert key not in self.arrays, key
        assert np.isfinite(x).all(), key
        self.arrays[key] = np.ascontiguousarray(x, np.float32)
        self.tensors.append({"file": file, "tensor": name, "what": what, "tolerance": tolerance})

    # -- Numbers

    def number(self, metric, point, value, allowed):
        """A point of a metric: right within `allowed`. None: undefined."""
        self.numbers.append({"metric": metric, "point": point, "value": value, "allowed": allowed})

    def value(self, metric, expression, point, prompt, value, allowed):
        """A line of values.csv: `point` lists the cells of the file's sweeps, "" where the value does not depend."""
        self.values.append({"metric": metric, "expression": expression, "point": [value_name(p) for p in point],
                            "prompt": prompt, "value": value, "allowed": allowed})

    def stream(self, name, prompts):
        listed = [{"id": p.id, "ids": p.ids, "content": p.content} for p in prompts]
        self.tokens.append({"stream": name, "prompts": listed})

    # -- Writing

    def save(self):
        def entries(items):
            return "[\n" + ",\n".join("  " + json.dumps(i, ensure_ascii=False) for i in items) + "]" if items else "[]"

        prompts = [{"file": k, "ids": v} for k, v in self.prompts.items()]
        parts = {"tensors": self.tensors, "rows": prompts, "numbers": self.numbers, "values": self.values,
                 "tokens": self.tokens}
        text = "{" + ",\n".join(f'"{name}": {entries(items)}' for name, items in parts.items()) + "}\n"
        with open(os.path.join(HERE, self.case + ".json"), "w", encoding="utf-8") as f:
            f.write(text)
        if self.arrays:
            with open(os.path.join(HERE, self.case + ".safetensors"), "wb") as f:
                f.write(save(self.arrays))
