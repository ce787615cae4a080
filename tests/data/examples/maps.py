#!/usr/bin/env python3
"""What examples/maps.mdx says of its first prompts, by transformers and numpy in float64: writes maps.json beside this file.

    python3 maps.py            (needs torch, transformers, tokenizers, safetensors, numpy)

Models, fits and metrics are those of ../parity: nothing is shared with mdx but the models, the prompts and the formulas of
docs/language.md.
"""
import numpy as np

from example import save
import fits
import numbers_of as of
from cases_maps import Pool, rows
from cases_stats import cka

LIMITS = {"train": 48, "val": 12}


def white_condition(x):
    """In how many dimensions the rows vary, and there the largest eigenvalue of their covariance over the smallest."""
    s = np.linalg.svd(x - x.mean(0), compute_uv=False)
    s = s[s > s[0] * max(x.shape) * fits.EPS]
    return {"rank": len(s), "condition": float((s[0] / s[-1]) ** 2)}


def ways(pool, x, y):
    """name: rank: fit(x, y) gives W, b of all parts, what the fit says of itself, and the centroids."""
    weights = [pool.models[name].net.lm_head.weight.detach().double().numpy() for name in ("base", "tuned")]
    centroids, n = fits.kmeans(x, 3, 0), len(x) // 5
    one = lambda w, b: (w[None], b[None])

    def ridged(x, y, rank):
        (w, b, kept), best, scores = fits.ridge(x, y, n, [1, 10, 100, 1000], rank=rank)
        return *one(w, b), {"lambda": best, "scores": [{"r2": score} for score in scores], "kept": kept}

    def turned(x, y, rank, **how):
        return *one(*fits.procrustes(x, y, True, rank=rank, **how)), {}

    def inside(x, y, bases, fit):
        return *one(*fits.inside(x, y, bases, fit, "mean")), {}

    return {
        "ridged": ridged,
        "rigid": turned,
        "white": lambda x, y, rank: turned(x, y, rank, whiten=True, shrink=0.05),
        "few": lambda x, y, rank: inside(x, y, (fits.pca(x, 32), fits.pca(y, 32)),
                                         lambda p, q: fits.procrustes(p, q, True, rank=rank)),
        "reads": lambda x, y, rank: inside(x, y, [fits.joint(m, m, 32, center=False) for m in weights],
                                            lambda p, q: fits.ridge_map(p, q, 100, rank=rank)),
        "parts": lambda x, y, rank: (*fits.per(x, y, centroids, lambda p, q, which: fits.ridge_map(p, q, 100, rank=rank)[:2]),
                                     {"clusters": [{"rows": int(n)} for n in np.bincount(fits.nearest(x, centroids)[0])]}),
    }, centroids


def says(name, rank, about, x, y):
    """What is said of a fit besides what it chose: of one that turns, what it turns by and what it was fitted on."""
    if name != "rigid":
        return about
    s = np.linalg.svd((x - x.mean(0)).T @ (y - y.mean(0)), compute_uv=False)
    turned = min(rank or len(s), len(x) - 1)
    return {"rank": turned, "scale": float(s.sum() / ((x - x.mean(0)) ** 2).sum()),
            "orthogonality": float(np.sqrt(len(s) - turned)), "source": white_condition(x), "target": white_condition(y)}


def main():
    pool = Pool(LIMITS)
    read = lambda name, file: np.asarray(rows(pool.read(name, file, "resid_post", 4, "end")), np.float64)
    (x, y), (x_val, y_val) = ([read(name, file) for name in ("base", "tuned")] for file in LIMITS)
    table, said = [], []
    fitted, centroids = ways(pool, x, y)
    for rank in (1, 8, 32, None):
        for name, fit in fitted.items():
            go = lambda x, w, b: fits.apply_per(x, centroids[:len(w)], w, b)
            w, b, about = fit(x, y, rank)
            mixed = fit(x, fits.shuffled(y, 1, 0), rank)[:2]
            cosines = [of.cosine(p, q) for p, q in zip(go(x_val, w, b), y_val)]
            quality = [of.r2(go(x, w, b), y), of.r2(go(x_val, w, b), y_val), of.r2(go(x_val, *mixed), y_val),
                       float(cka(x_val, y_val)), float(cka(go(x_val, w, b), y_val))]
            table.append([name, str(rank or "full"), *quality, *(float(np.quantile(cosines, q)) for q in (0.5, 0.1, 0.9))])
            said.append({"name": f"{name}[rank={rank or 'full'}]", **says(name, rank, about, x, y)})
    columns = ["map", "rank", "r2_train", "r2_val", "r2_mixed", "cka_raw", "cka_val", "cos_half", "cos_low", "cos_high"]
    save("maps", LIMITS, [{"columns": columns, "rows": table}], maps=said)


main()
