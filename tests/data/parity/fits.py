"""fits.py: maps and subspaces, in float64, from the formulas of docs/language.md."""
import numpy as np

EPS = 2.0 ** -52


class Rows:
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


def procrustes(x, y, scale=False, whiten=False, shrink=0.0, floor=1e-6, rank=None, complete=False):
    roots = [root(rows, shrink, floor) if whiten else np.eye(rows.shape[1]) for rows in (x, y)] if complete else None
    x, y = Rows(x, whiten, shrink, floor), Rows(y, whiten, shrink, floor)
    u, sigma, vt = np.linalg.svd(x.white.T @ y.white, full_matrices=False)
    r = int((sigma > sigma[0] * EPS * max(x.white.shape[0], len(x.mean), len(y.mean))).sum())
    r = min(r, rank or r)
    s = sigma.sum() / (x.white ** 2).sum() if scale else 1.0
    w = s * (x.v * x.factor) @ u[:, :r] @ vt[:r] @ (y.v / y.factor).T
    if complete:
        outside = lambda basis: np.linalg.svd(basis, full_matrices=True)[0][:, r:]
        left, right = outside(x.v @ u[:, :r]), outside(y.v @ vt[:r].T)
        a, _, bt = np.linalg.svd(left.T @ right)
        w = w + s * np.linalg.inv(roots[0]) @ left @ a @ bt @ right.T @ roots[1]
    return w, y.mean - x.mean @ w


def root(rows, shrink, floor):
    """The symmetric root of a covariance that is shrunk and floored."""
    values, vectors = np.linalg.eigh(np.cov(np.asarray(rows, np.float64).T, bias=True))
    values = (1 - shrink) * np.maximum(values, 0) + shrink * values.sum() / len(values)
    return vectors * np.maximum(values, floor * values.max()) ** 0.5 @ vectors.T


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


# ---- Ridge regression: least squares with sqrt(lambda) I below the rows, by numpy's SVD

class Scale:
    def __init__(self, rows, standardize):
        self.mean, self.deviation = rows.mean(0), rows.std(0)
        self.kept = self.deviation > 1e-6 if standardize else np.ones(rows.shape[1], bool)
        self.by = self.deviation if standardize else np.ones(rows.shape[1])


def ridge_map(x, y, value, standardize=True, rank=None):
    """W, b, and how many dimensions of each side are kept."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    sx, sy = Scale(x, standardize), Scale(y, standardize)
    if x.shape[1] == y.shape[1]:
        sx.kept = sy.kept = sx.kept & sy.kept
    rows = ((x - sx.mean) / np.where(sx.kept, sx.by, 1))[:, sx.kept]
    target = ((y - sy.mean) / np.where(sy.kept, sy.by, 1))[:, sy.kept]
    d = rows.shape[1]
    below = np.vstack([rows, value ** 0.5 * np.eye(d)]), np.vstack([target, np.zeros((d, target.shape[1]))])
    inner = np.linalg.lstsq(*below, rcond=None)[0]
    if rank:
        u, s, vt = np.linalg.svd(inner, full_matrices=False)
        inner = u[:, :rank] * s[:rank] @ vt[:rank]
    w = np.zeros((x.shape[1], y.shape[1]))
    w[np.ix_(sx.kept, sy.kept)] = inner * sy.by[sy.kept] / sx.by[sx.kept][:, None]
    return w, sy.mean - sx.mean @ w, [int(sx.kept.sum()), int(sy.kept.sum())]


def ridge(x, y, held, lambdas, standardize=True, rank=None):
    """The map with the lambda that is best on the last `held` rows, that lambda, and the R2 of all."""
    x, y, n, scores = np.asarray(x, np.float64), np.asarray(y, np.float64), len(x) - held, []
    for value in lambdas:
        w, b, _ = ridge_map(x[:n], y[:n], value, standardize)
        scores.append(float(1 - ((y[n:] - x[n:] @ w - b) ** 2).sum() / ((y[n:] - y[n:].mean(0)) ** 2).sum()))
    best = lambdas[int(np.argmax(scores))]
    return ridge_map(x, y, best, standardize, rank), best, scores


# ---- Inside subspaces

def joint(a, b, rank, center=True):
    """Leading right singular vectors of a and b, one below the other."""
    a, b = (np.asarray(m, np.float64) for m in (a, b))
    return np.linalg.svd(np.vstack([m - center * m.mean(0) for m in (a, b)]), full_matrices=False)[2][:rank].T


def inside(x, y, bases, fit, outside):
    """fit(coordinates of x, coordinates of y) as a map of states."""
    left, right = bases
    w, b = fit(x @ left, y @ right)[:2]
    off = np.eye(len(right)) - right @ right.T
    w, b = left @ w @ right.T, b @ right.T
    if outside == "mean":
        b = b + np.asarray(y, np.float64).mean(0) @ off
    return (w + off if outside == "keep" else w), b


# ---- On each part of the rows

def nearest(x, centroids):
    """The number of the nearest centroid of each row, and the square of its distance."""
    away = ((np.asarray(x, np.float64)[:, None, :] - centroids[None]) ** 2).sum(2)
    return away.argmin(1), away.min(1)


def kmeans(x, k, seed):
    x, random = np.asarray(x, np.float64), Random(seed, "kmeans")
    centroids = x[[random.below(len(x))]]
    while len(centroids) < k:
        running = np.cumsum(nearest(x, centroids)[1])
        centroids = np.vstack([centroids, x[np.searchsorted(running, random.uniform() * running[-1], side="right")]])
    part = None
    while part is None or (nearest(x, centroids)[0] != part).any():
        part = nearest(x, centroids)[0]
        centroids = np.stack([x[part == i].mean(0) for i in range(k)])
    return centroids


def per(x, y, centroids, fit):
    """fit(rows of x, rows of y, which rows) for each part: W and b of all."""
    part = nearest(x, centroids)[0]
    maps = [fit(x[part == i], y[part == i], part == i) for i in range(len(centroids))]
    return np.stack([m[0] for m in maps]), np.stack([m[1] for m in maps])


def apply_per(x, centroids, w, b):
    part = nearest(x, centroids)[0]
    return np.stack([row @ w[i] + b[i] for row, i in zip(x, part)])


# ---- Baselines

def moments(x, y):
    mean_x, mean_y, by_x, by_y = (f(np.asarray(a, np.float64), 0) for f in (np.mean, np.std) for a in (x, y))
    kept = by_x > 1e-6
    w = np.diag(np.where(kept, by_y / np.where(kept, by_x, 1), 0))
    return w, mean_y - mean_x @ w, int(kept.sum())


MASK = (1 << 64) - 1


class Random:
    """xoshiro256** seeded through SplitMix64, a stream a named use."""

    def __init__(self, seed, use):
        name = 0xcbf29ce484222325
        for byte in use.encode():
            name = (name ^ byte) * 0x100000001b3 & MASK
        at, self.s = seed ^ name, []
        for _ in range(4):
            at = at + 0x9e3779b97f4a7c15 & MASK
            z = (at ^ at >> 30) * 0xbf58476d1ce4e5b9 & MASK
            z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
            self.s.append(z ^ z >> 31)

    def bits(self):
        s, rotated = self.s, lambda x, k: (x << k | x >> 64 - k) & MASK
        out, t = rotated(s[1] * 5 & MASK, 7) * 9 & MASK, s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        return out

    def below(self, n):
        while True:
            scaled = (self.bits() >> 32) * n
            if scaled % 2 ** 32 >= 2 ** 32 % n:
                return scaled >> 32

    def uniform(self):
        return (self.bits() >> 11) * 2.0 ** -53

    def normal(self):
        radius = np.sqrt(-2 * np.log(1 - self.uniform()))
        return radius * np.cos(2 * np.pi * self.uniform())

    def derangement(self, n):
        while True:
            order = list(range(n))
            for i in range(n - 1, 0, -1):
                k = self.below(i + 1)
                order[i], order[k] = order[k], order[i]
            if all(i != k for i, k in enumerate(order)):
                return order


def random_rotation(x, y, seed):
    random, d_x, d_y = Random(seed, "random_rotation"), x.shape[1], y.shape[1]
    most, least = max(d_x, d_y), min(d_x, d_y)
    q, r = np.linalg.qr(np.array([random.normal() for _ in range(most * least)]).reshape(most, least))
    q = q * np.sign(np.diag(r))
    w = q if d_x >= d_y else q.T
    return w, np.asarray(y, np.float64).mean(0) - np.asarray(x, np.float64).mean(0) @ w


def shuffled(y, each, seed):
    """The rows of another prompt in the place of those of each; `each` rows a prompt."""
    y = np.asarray(y)
    return y.reshape(-1, each, y.shape[1])[Random(seed, "shuffled").derangement(len(y) // each)].reshape(y.shape)
