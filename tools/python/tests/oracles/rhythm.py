"""The R-R figures of each beat, from nothing but the record's beat positions: the first columns of its rhythm row.

With beats at samples `p[0] < p[1] < ... < p[n-1]` and `rate` samples a second, all in f64:

    rr[j]  = max(p[j] - p[j-1], 1) / rate          for j = 1 .. n-1, in seconds
    near(w)   = the rr[j] for j = lo+1 .. hi,  lo = max(i-w, 0), hi = min(i+w, n-1)
    local     = mean of near(20)
    record    = mean of all rr
    change    = median of |ln(rr[j] / rr[j-1])| for j = lo+2 .. hi, w = 20   (0 when there is none)
    steady    = share of those |ln(rr[j] / rr[j-1])| below 0.08                (1 when there is none)
    long      = the 0.8 quantile of near(50)
    short     = the 0.1 quantile of near(50)
    middle    = the median of near(20)
    longest   = the 0.8 quantile of all rr

Beat `i` has ten figures:

    5 ln(rr[i] / local)         the interval before the beat
    5 ln(rr[i+1] / local)       the interval after it
    5 ln(rr[i] / record)        the interval before it, against the whole record
    10 change                   how irregular the underlying rhythm is, whatever its ectopic beats
    4 steady - 2                fibrillation changes at every beat, runs of ectopic beats do not
    4 ln(rr[i] / long)          against the longer intervals: where most beats are early, their mean is early too
    4 ln(rr[i+1] / long)
    4 ln(long / short)
    4 ln(middle / longest)      the rate here, against the record's slower parts
    4 ln(rr[i] / rr[i-1])

Every figure is clamped to [-4, 4]; one of an interval outside the record is 0. Then cast to f32. A record of fewer than
two beats has no rhythm: the feature is missing. The median of an even count is the mean of the middle two; the quantile
of `m` sorted values is at place `part (m - 1)`, between two of them in proportion.

The rows of beat `i` are the columns of the beats `i-1, i, i+1`, zeros for a beat outside the record (`stacked`).
"""

from __future__ import annotations

import numpy as np

INPUTS = 10
BEFORE, AFTER = 1, 1  # rows for the beats before and after the target
STEPS = BEFORE + 1 + AFTER
WINDOW, WIDE = 20, 50  # beats on either side
STEADY = 0.08
LONG, SHORT = 0.8, 0.1
RATIO_SCALE, CHANGE_SCALE, LONG_SCALE, LIMIT = 5.0, 10.0, 4.0, 4.0


def columns(beats, rate: float) -> np.ndarray | None:
    """`[n, INPUTS]` f32 for `n` beats in order, or None when there are fewer than two."""
    p = np.asarray(beats, dtype=np.float64)
    n = len(p)
    if n < 2:
        return None
    # rr[j] is the interval that ends at beat j; the ends of the record have none.
    rr = np.full(n + 1, np.nan)
    rr[1:n] = np.maximum(np.diff(p), 1.0) / rate
    change = np.full(n + 1, np.nan)
    change[2:n] = np.abs(np.log(rr[2:n] / rr[1 : n - 1]))
    record, longest = rr[1:n].mean(), np.quantile(rr[1:n], LONG)

    out = np.zeros((n, INPUTS))
    for i in range(n):
        lo, hi = max(i - WINDOW, 0), min(i + WINDOW, n - 1)
        near = rr[lo + 1 : hi + 1]
        changes = change[lo + 2 : hi + 1]
        long, short = np.quantile(rr[max(i - WIDE, 0) + 1 : min(i + WIDE, n - 1) + 1], [LONG, SHORT])
        out[i] = (
            RATIO_SCALE * np.log(rr[i] / near.mean()),
            RATIO_SCALE * np.log(rr[i + 1] / near.mean()),
            RATIO_SCALE * np.log(rr[i] / record),
            CHANGE_SCALE * (np.median(changes) if len(changes) else 0.0),
            4.0 * ((changes < STEADY).mean() if len(changes) else 1.0) - 2.0,
            LONG_SCALE * np.log(rr[i] / long),
            LONG_SCALE * np.log(rr[i + 1] / long),
            LONG_SCALE * np.log(long / short),
            LONG_SCALE * np.log(np.median(near) / longest),
            LONG_SCALE * np.log(rr[i] / rr[i - 1]) if i else np.nan,
        )
    return np.clip(np.nan_to_num(out, nan=0.0), -LIMIT, LIMIT).astype(np.float32)


def stacked(columns: np.ndarray) -> np.ndarray:
    """`[n, STEPS, width]`: each beat's columns between its neighbours'."""
    n = len(columns)
    padded = np.pad(columns, ((BEFORE, AFTER), (0, 0)))
    return np.stack([padded[k : k + n] for k in range(STEPS)], 1)
