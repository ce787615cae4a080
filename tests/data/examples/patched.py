"""patched.py: what the scripts of examples with patches share: states at the last token, and the KL of runs in which others
stand in their place. Models, fits and draws are those of ../parity."""
import numpy as np

import example  # finds ../parity
import fits
import numbers_of as of
from cases_maps import Pool, rows
from cases_stats import bootstrap
from hf import Write


class Pair:
    def __init__(self, limits):
        self.pool = Pool(limits)

    def states(self, name, file, site, layer):
        return np.asarray(rows(self.pool.read(name, file, site, layer, "end")), np.float64)

    def kl(self, name, file, site, layer, values):
        """Of each prompt, with its row of `values` at the last token, to the clean run."""
        model, out = self.pool.models[name], []
        for prompt, value in zip(self.pool.prompts[name, file], values):
            at = prompt.at("end")
            patched = model.run(prompt.ids, [Write(site, layer, None, at, lambda it: value)])
            out.append(of.kl(patched.get("logits")[-1], model.run_clean(prompt.ids).get("logits")[-1]))
        return np.array(out)

    def white(self, site, layer, rank=None, taken=None):
        """base's states on val as procrustes maps them that is fitted on train, or on the prompts of it that are `taken`."""
        x, y = (self.states(name, "train", site, layer) for name in ("base", "tuned"))
        taken = np.arange(len(x)) if taken is None else taken
        w, b = fits.procrustes(x[taken], y[taken], scale=True, whiten=True, shrink=0.05, rank=rank)
        return lambda states: states @ w + b


def interval(number, *values):
    """number(mean of each of the values): itself, its bounds, whether they hold it."""
    own, low, high = bootstrap(lambda taken: number(*(v[taken].mean() for v in values)), len(values[0]), n=1000)
    return [own, low, high, bool(low <= own <= high)]


def with_bounds(name):
    return [name, name + "_lo", name + "_hi", name + "_holds"]


def differences(values, of):
    """Near relative to what they are differences of: one, or the end of an interval, may be about 0."""
    return [v if isinstance(v, bool) else {"difference": v, "of": float(of)} for v in values]


def percents(values):
    """Marked as what may be off by 1e-4 of 100 % too: where raw and mapped are near each other a drop is near 0, their error is not."""
    return [v if isinstance(v, bool) else {"percent": v} for v in values]
