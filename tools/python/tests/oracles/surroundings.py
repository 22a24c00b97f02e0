"""What the beats around a beat are like: columns that follow the others in the rhythm rows of `beats` and `beats-1lead`.

Everything is made from the columns `c[n, base]` of `rhythm.py`, `morphology.py` and `atrial.py`, of the whole record, in f64. Where
premature beats recur, intervals are irregular but those that went before foretell them; in fibrillation nothing does.

    L[i]     = c[i, 2] / 5                          the logarithm of the interval before a beat, against the record's mean
    far(i, k) = max(|L[k-1] - L[i-1]|, |L[k-2] - L[i-2]|)
    foretold[i] = the median of L[k] of the three k with the least far(i, k), the earlier of equals first,
                  among max(i - 40, 2) .. min(i + 40, n - 1) without i
    miss[i]  = L[i] - foretold[i];  0 for i < 2 and where there are fewer than three such k
    step[i]  = |L[i] - L[i-1]|, 0 for i < 1;        skip[i] = |L[i] - L[i-2]|, 0 for i < 2

With mean, median, share and deviation (of the population) over the beats `i - w .. i + w` that there are, and `a` the first column of `atrial.py`:

    0   20 median |miss|               w = 20
    1   20 mean min(|miss|, 0.3)       w = 30
    2   4 share of |miss| < 0.05 - 2   w = 30
    3   5 miss[i]
    4   10 mean min(step, 0.5)         w = 30
    5   10 deviation of L              w = 10
    6   10 mean min(skip, 0.5)         w = 15
    7 .. 11   means of the columns a, a + 1, a + 5, 10 and 15       w = 30

Every column is clamped to [-4, 4], then cast to f32.
"""

from __future__ import annotations

import numpy as np

from . import atrial, morphology, rhythm

INPUTS = 12
AROUND, NEAREST, LIMIT = 40, 3, 4.0


def foretold(logs: np.ndarray) -> np.ndarray:
    """`[n]`: miss."""
    n, reach = len(logs), AROUND
    padded = np.pad(logs, reach + 2, constant_values=np.nan)
    at = np.arange(n) + reach + 2
    others = at[:, None] + np.r_[-reach:0, 1 : reach + 1]
    far = np.maximum(np.abs(padded[others - 1] - padded[at - 1, None]), np.abs(padded[others - 2] - padded[at - 2, None]))
    far[np.isnan(far) | np.isnan(padded[others])] = np.inf
    order = np.argsort(far, 1, kind="stable")[:, :NEAREST]
    enough = np.isfinite(np.take_along_axis(far, order, 1)).all(1)
    following = np.take_along_axis(padded[others], order, 1)
    return np.where(enough, logs - np.median(np.where(enough[:, None], following, 0.0), 1), 0.0)


def columns(base: np.ndarray, leads: int) -> np.ndarray:
    """`[n, INPUTS]` f32 for the columns `base [n, inputs]` of a record's beats."""
    c = np.asarray(base, np.float64)
    n, logs = len(c), c[:, 2] / rhythm.RATIO_SCALE
    miss = foretold(logs)
    size = np.abs(miss)
    step, skip = np.zeros(n), np.zeros(n)
    step[1:] = np.abs(logs[1:] - logs[:-1])
    skip[2:] = np.abs(logs[2:] - logs[:-2])
    first = rhythm.INPUTS + morphology.inputs(leads)
    assert c.shape[1] == first + atrial.inputs(leads)

    def around(x, w, of):
        padded = np.pad(x, w, constant_values=np.nan)
        return of(np.lib.stride_tricks.sliding_window_view(padded, 2 * w + 1), 1)

    out = [
        20 * around(size, 20, np.nanmedian),
        20 * around(np.minimum(size, 0.3), 30, np.nanmean),
        4 * around((size < 0.05).astype(float), 30, np.nanmean) - 2,
        5 * miss,
        10 * around(np.minimum(step, 0.5), 30, np.nanmean),
        10 * around(logs, 10, np.nanstd),
        10 * around(np.minimum(skip, 0.5), 15, np.nanmean),
        *(around(c[:, k], 30, np.nanmean) for k in (first, first + 1, first + 5, 10, 15)),
    ]
    return np.clip(np.stack(out, 1), -LIMIT, LIMIT).astype(np.float32)
