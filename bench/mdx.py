"""mdx.py: a spec of this folder through the mdx command: its seconds, and what it computed.

The seconds are those of `mdx bench`: from the first step to the last number, in a process that ran it once before, as
the other sides did. `first` are those of a fresh process (manifest.json): the first touch of memory and weights is in them.
"""
import glob
import json
import os
import shlex
import subprocess
import tempfile

import numpy as np
from safetensors.numpy import load_file

HERE = os.path.dirname(os.path.abspath(__file__))


class Mdx:
    def __init__(self, program, device, pair, limit, threads):
        self.program, self.device = program, device
        self.options = [f"--device={device}", f"--threads={threads}", *shlex.split(os.environ.get("MDX_OPTIONS", ""))]
        self.pair, self.limit, self.results = os.path.abspath(pair), limit, {}

    def sets(self, models):
        values = [f"{m}=hf({json.dumps(os.path.join(self.pair, m), ensure_ascii=False)})" for m in models]
        return [f"--set={v}" for v in values + [f"val.limit={self.limit}"]]

    def run(self, name):
        """-> (seconds, {"kl" or "logits" or "resid": array})."""
        if name not in self.results:
            self.results[name] = self.first(name)[1]
        models = ("tuned",) if name in ("c1", "c2") else ("base", "tuned")
        command = [self.program, "bench", os.path.join(HERE, f"{name}.mdx"), "--rows=experiment", "--repeat=1", "--json", *self.options]
        done = subprocess.run(command + self.sets(models), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        return json.loads(done.stdout)["runs"]["experiment"]["seconds"], self.results[name]

    def first(self, name):
        """The same of a fresh process."""
        models = ("tuned",) if name in ("c1", "c2") else ("base", "tuned")
        with tempfile.TemporaryDirectory() as out:
            command = [self.program, "run", os.path.join(HERE, f"{name}.mdx"), f"--out={out}", *self.options]
            done = subprocess.run(command + self.sets(models), capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
            (folder,) = glob.glob(os.path.join(out, "*"))
            with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as f:
                times = json.load(f)["times"]
            return times["seconds"], self.read(folder)

    def read(self, folder):
        out = {}
        for path in glob.glob(os.path.join(folder, "states", "*.safetensors")):
            points = {k: v for k, v in load_file(path).items() if v.dtype == np.float32}
            name = os.path.basename(path).split(".")[0]
            out[name] = points["states"] if "states" in points else np.stack(
                [points[f"layer={i}"] for i in range(len(points))])
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as f:
            for metric in json.load(f)["metrics"]:
                out["kl"] = np.array([p["value"] for p in metric["points"]])
        return out
