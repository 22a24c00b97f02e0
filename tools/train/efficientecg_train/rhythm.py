"""The rhythm feature: three rows a beat, from nothing but the record's beat positions.

With beats at samples `p[0] < p[1] < ... < p[n-1]` and `rate` samples a second, all in f64:

    rr[j]  = max(p[j] - p[j-1], 1) / rate          for j = 1 .. n-1, in seconds
    local(i)  = mean of rr[j] for j = lo+1 .. hi,  lo = max(i-20, 0), hi = min(i+20, n-1)
    record    = mean of rr[j] for j = 1 .. n-1
    change(i) = median of |ln(rr[j] / rr[j-1])| for j = lo+2 .. hi   (0 when there is none)
    steady(i) = share of those |ln(rr[j] / rr[j-1])| below 0.08         (1 when there is none)

Beat `i` has the rows of the beats `j = i-1, i, i+1`, in that order, each of five inputs:

    5 ln(rr[j] / local(i))      the interval before the beat
    5 ln(rr[j+1] / local(i))    the interval after it
    5 ln(rr[j] / record)        the interval before it, against the whole record
    10 change(i)                how irregular the underlying rhythm is, whatever its ectopic beats
    4 steady(i) - 2             fibrillation changes at every beat, runs of ectopic beats do not

Every input is clamped to [-4, 4]; an input whose interval lies outside the record is 0, and a row
whose beat lies outside the record is all zeros. Then cast to f32. A record of fewer than two beats
has no rhythm: the feature is missing. The median of an even count is the mean of the middle two.
"""

from __future__ import annotations

import numpy as np

INPUTS = 5
BEFORE, AFTER = 1, 1  # rows for the beats before and after the target
STEPS = BEFORE + 1 + AFTER
WINDOW = 20  # beats on either side for the local mean and the change
STEADY = 0.08
RATIO_SCALE, CHANGE_SCALE, LIMIT = 5.0, 10.0, 4.0


def rows(beats, rate: float) -> np.ndarray | None:
    """`[n, STEPS, INPUTS]` f32 for `n` beats in order, or None when there are fewer than two."""
    p = np.asarray(beats, dtype=np.float64)
    n = len(p)
    if n < 2:
        return None
    # rr[j] is the interval that ends at beat j; the ends of the record have none.
    rr = np.full(n + 1, np.nan)
    rr[1:n] = np.maximum(np.diff(p), 1.0) / rate
    change = np.full(n + 1, np.nan)
    change[2:n] = np.abs(np.log(rr[2:n] / rr[1 : n - 1]))
    record = rr[1:n].mean()

    out = np.zeros((n, STEPS, INPUTS))
    for i in range(n):
        lo, hi = max(i - WINDOW, 0), min(i + WINDOW, n - 1)
        local = rr[lo + 1 : hi + 1].mean()
        changes = change[lo + 2 : hi + 1]
        median = np.median(changes) if len(changes) else 0.0
        steady = (changes < STEADY).mean() if len(changes) else 1.0
        for row, j in enumerate(range(i - BEFORE, i + AFTER + 1)):
            if 0 <= j < n:
                out[i, row] = (
                    RATIO_SCALE * np.log(rr[j] / local),
                    RATIO_SCALE * np.log(rr[j + 1] / local),
                    RATIO_SCALE * np.log(rr[j] / record),
                    CHANGE_SCALE * median,
                    4.0 * steady - 2.0,
                )
    return np.clip(np.nan_to_num(out, nan=0.0), -LIMIT, LIMIT).astype(np.float32)
