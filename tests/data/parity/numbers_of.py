"""numbers_of.py: the metrics, in float64, and how far float32 may take them."""
import numpy as np


def log_softmax(logits):
    x = np.asarray(logits, np.float64)
    x = x - x.max()
    return x - np.log(np.exp(x).sum())


def kl(p, q):
    p, q = log_softmax(p), log_softmax(q)
    return float((np.exp(p) * (p - q)).sum())


def logp(logits, ids):
    """Of the ids, each after the row of logits that stands at its place."""
    return float(sum(log_softmax(row)[i] for row, i in zip(logits, ids)))


def margin(logits, best=None, other=None):
    x = np.asarray(logits, np.float64)
    if best is None:
        second, first = np.sort(x)[-2:]
        return float(first - second)
    return float(x[best] - x[other])


def rank(logits, token):
    return 1.0 + int((logits > logits[token]).sum())


def entropy(logits):
    x = log_softmax(logits)
    return float(-(np.exp(x) * x).sum())


def cosine(x, y):
    size = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / size) if size else None


def norm_ratio(x, y):
    return float(np.linalg.norm(x) / np.linalg.norm(y))


def r2(prediction, target):
    """Over all rows and dimensions."""
    spread = ((target - target.mean(0)) ** 2).sum()
    return float(1 - ((target - prediction) ** 2).sum() / spread) if spread else None


def kl_allowed(value, largest):
    """How far a KL from float32 logits may be from the exact one. Logits up to `largest` are off by a few ulps; a
    KL is half the variance of their differences, so its error is that times their deviation, sqrt(2 KL)."""
    return 1e-5 * value + 2.0 ** -21 * largest * np.sqrt(2 * value) + 1e-12


def logit_allowed(value, largest, count=1):
    """The same for what is a sum of `count` logits, or of their logarithms of sums."""
    return 1e-5 * abs(value) + count * 1e-6 * largest
