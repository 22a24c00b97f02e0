"""Each beat's P wave against those of the late beats around it: the last columns of its rhythm row.

What is usual in a record says nothing where most of its beats are ectopic; those that come late are not premature,
whatever prevails. Notation, places, kept beats and the template `t` as in `morphology.py`; L is the logarithm of the
interval before a beat in seconds, that of the record's first beat the median of the others.

P(s) is every third sample, from the first, of the segment [-0.24, -0.07) moved by `s` samples, minus the straight line
that fits each lead best (least squares). Moves are 0 and S(0.0125) and S(0.025) samples either way. The candidates of
beat `i` are the kept beats within 60 beats of it, itself not among them; all those beats, were there fewer than 8. The
late ones are the max(ceil(0.15 candidates), 5) of them with the longest intervals, the earlier of equals first; `m` is
the median of their P(0), rounded to f32.

    e(u) = ln(E(u) / E(t) + 0.02)

    0  8 D(P, m) - 2                        at the move where they correlate best
    1  e(P - m) - the median over the late beats of their e(P(0) - m);   at the move of the least E(P - m)
    2  1.5 (e(P - m) + 2)                   at that move
    3  1.5 (e(m) + 2)                       whether there are P waves at all
    4  8 D - 2                              with the median of the late beats' corr(P(0), m)
    5  8 D(P(0), the P(0) of the beat before) - 2
    6  e(P(0)) - e(m)
    7  8 D(P, m) - 2                        of each lead, at the lead's own best move

Every column is clamped to [-4, 4] and cast to f32. Then, as in `morphology.py`, the columns 0, 1, 2, 6, 7 and those after it
of a beat whose P wave begins before the record, and column 5 of such a beat and the next but the record's first, are the
median of the column over the beats where that is not so.
"""

from __future__ import annotations

import numpy as np

from .morphology import COARSE, LIMIT, WAVE, Aligned, at, corr, cut, distance, flat, middle, rms, usual

SHARED = 7
AROUND, PART, LEAST, FEW = 60, 0.15, 5, 8
MOVES = (0.0, 0.0125, 0.025)


def inputs(leads: int) -> int:
    """Columns for so many leads."""
    return SHARED + leads


def straightened(w: np.ndarray) -> np.ndarray:
    """Minus the line that fits each lead best."""
    t = np.arange(w.shape[-1]) - (w.shape[-1] - 1) / 2
    w = w - w.mean(-1, keepdims=True)
    return w - (w * t).sum(-1, keepdims=True) / max((t * t).sum(), 1.0) * t


def columns(a: Aligned, beats) -> np.ndarray:
    """`[n, inputs(leads)]` f32."""
    n, leads, level = len(a.place), len(a.x), a.level
    interval = np.zeros(n)
    interval[1:] = np.log(np.maximum(np.diff(np.asarray(beats, np.float64)), 1.0) / a.rate)
    interval[0] = np.median(interval[1:])
    start, stop = at(WAVE[0], a.rate), at(WAVE[1], a.rate)
    moves = sorted({sign * at(m, a.rate) for m in MOVES for sign in (1, -1)})
    waves = np.stack([straightened(cut(a.x, a.place + s, start, stop)[..., ::COARSE]) for s in moves])
    waves = waves.astype(np.float32).astype(np.float64)
    own = waves[moves.index(0)]

    def e(u):
        return np.log(rms(u) / level + 0.02)

    out = np.zeros((n, inputs(leads)))
    for i in range(n):
        around = np.r_[max(i - AROUND, 0) : i, i + 1 : min(i + AROUND + 1, n)]
        candidates = around[a.kept[around]]
        if len(candidates) < FEW:
            candidates = around
        count = max(int(np.ceil(PART * len(candidates))), LEAST)
        late = candidates[np.argsort(-interval[candidates], kind="stable")[:count]]
        m = middle(own[late])
        whole = m.reshape(-1)
        rest = e(flat(waves[:, i]) - whole).min()
        out[i, :SHARED] = (
            8 * distance(corr(flat(waves[:, i]), whole).max()) - 2,
            rest - np.median(e(flat(own[late]) - whole)),
            1.5 * (rest + 2),
            1.5 * (e(whole) + 2),
            8 * distance(np.median(corr(flat(own[late]), whole))) - 2,
            8 * distance(corr(flat(own[i]), flat(own[i - 1]))) - 2 if i else 0.0,
            e(flat(own[i])) - e(whole),
        )
        out[i, SHARED:] = 8 * distance(corr(waves[:, i], m).max(0)) - 2
    out, unknown = np.clip(out, -LIMIT, LIMIT).astype(np.float32), a.cut_off
    usual(out, [0, 1, 2, 6, *range(SHARED, SHARED + leads)], unknown)
    usual(out[1:], [5], unknown[1:] | unknown[:-1])
    return out
