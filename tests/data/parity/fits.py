"""fits.py: maps and subspaces, in float64, from the formulas of docs/language.md."""
import numpy as np

EPS = 2.0 ** -52


class Side:
    """Centred rows in the coordinates of their own row space: what lies outside it, no row says anything about.

    Rounding in the covariance is kept out by never forming it: rows = U S V^T, and whitening is diagonal in V.
    """

    def __init__(self, rows, whiten=False, shrink=0.0, floor=1e-6):
        rows = np.asarray(rows, np.float64)
        self.mean = rows.mean(0)
        n, d = rows.shape
        u, s, vt = np.linalg.svd(rows - self.mean, full_matrices=False)
        r = int((s > s[0] * max(n, d) * EPS).sum())
        self.v, factor = vt[:r].T, np.ones(r)
        if whiten:
            values = (1 - shrink) * s ** 2 / n + shrink * (s ** 2).sum() / n / d
            least = floor * values.max()
            factor = np.maximum(values[:r], least) ** -0.5
        self.factor, self.white = factor, u[:, :r] * (s[:r] * factor)


def procrustes(x, y, scale=False, whiten=False, shrink=0.0, floor=1e-6, rank=None):
    x, y = Side(x, whiten, shrink, floor), Side(y, whiten, shrink, floor)
    u, sigma, vt = np.linalg.svd(x.white.T @ y.white, full_matrices=False)
    r = int((sigma > sigma[0] * EPS * max(x.white.shape[0], len(x.mean), len(y.mean))).sum())
    r = min(r, rank or r)
    s = sigma.sum() / (x.white ** 2).sum() if scale else 1.0
    w = s * (x.v * x.factor) @ u[:, :r] @ vt[:r] @ (y.v / y.factor).T
    return w, y.mean - x.mean @ w


def mean(width, y):
    return np.zeros((width, y.shape[1])), np.asarray(y, np.float64).mean(0)


def pca(x, rank, center=True):
    x = np.asarray(x, np.float64)
    return np.linalg.svd(x - center * x.mean(0), full_matrices=False)[2][:rank].T


def difference(a, b):
    d = np.asarray(a, np.float64).mean(0) - np.asarray(b, np.float64).mean(0)
    return (d / np.linalg.norm(d))[:, None]


def project(basis, x):
    return x @ basis @ basis.T
