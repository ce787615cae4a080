#!/usr/bin/env python3
"""The table and the figures' numbers of examples/grid.mdx of its first prompts, by transformers and numpy in float64: writes
grid.json beside this file.

    python3 grid.py            (needs torch, transformers, tokenizers, safetensors, numpy)
"""
from example import save
from patched import Pair, interval, percents, with_bounds

LIMITS = {"train": 48, "val": 8}
LAYERS, SITES, RANKS, ALPHAS = (1, 3, 4, 5), ("resid_post", "attn_out", "mlp_out"), (1, 8, 32, None), (0.3, 0.5, 0.7, 1.0)


def rows(pair):
    for layer in LAYERS:
        for site in SITES:
            x = pair.states("base", "val", site, layer)
            raws = [pair.kl("tuned", "val", site, layer, alpha * x) for alpha in ALPHAS]
            for rank in RANKS:
                mapped = pair.white(site, layer, rank)(x)
                for alpha, raw in zip(ALPHAS, raws):
                    kl = pair.kl("tuned", "val", site, layer, alpha * mapped)
                    drop = interval(lambda a, b: 100 * (a - b) / a, raw, kl)
                    yield [layer, site, str(rank or "full"), alpha, raw.mean(), kl.mean(), *drop]


def best(table, **where):
    """The drop where it is highest among rows that have these values, with its bounds."""
    columns = {"layer": 0, "site": 1, "alpha": 3}
    drop = max((row for row in table if all(row[columns[k]] == v for k, v in where.items())), key=lambda row: row[6])
    numbers = {k: v for k, v in where.items() if k != "site"}
    return {**numbers, **dict(zip(("value", "lo", "hi", "holds_value"), percents(drop[6:])))}


def main():
    table = list(rows(Pair(LIMITS)))
    columns = ["layer", "site", "rank", "alpha", "kl_raw", "kl_mapped", *with_bounds("drop_pct")]
    save("grid", LIMITS, [{"columns": columns, "rows": [row[:6] + percents(row[6:]) for row in table]}], metrics=[
        {"name": "drop_best", "points": [best(table, layer=layer, site=site) for layer in LAYERS for site in SITES]},
        {"name": "drop_site", "points": [best(table, layer=layer, alpha=alpha) for layer in LAYERS for alpha in ALPHAS]},
    ])


main()
