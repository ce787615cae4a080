"""example.py: what the scripts beside it share. Each writes NAME.json: the options of a run of examples/NAME.mdx on its first
prompts, and what that run must say."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "parity"))


def save(name, limits, tables, **others):
    """`limits`: how many prompts of each definition; `tables` and others: members of results.json, or what they must hold."""
    parts = {"set": [f"{prompts}.limit={limit}" for prompts, limit in limits.items()], "tables": tables, **others}
    with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as f:
        json.dump(parts, f, ensure_ascii=False, indent=1)
        f.write("\n")
    for table in tables:
        for row in [table["columns"], *table["rows"]]:
            print(name, *row)
