"""Each beat's shape against the shapes of its own record: the columns that follow the R-R figures in a rhythm row.

No labels are used. `x [leads, T]` is the normalised signal at `rate`, `p` the beats' samples, ascending; all in f64 but
for `x`, which is smoothed by a triangle of `h = floor(rate / 90 + 1/2)` samples on either side, weights `h + 1 - |k|`
over `(h + 1)^2`, samples past an end taken from that end, and stored as f32. `S(t) = floor(t rate + 1/2)`; a segment
`[a, b)` of a beat at `p` is `x[p + S(a)] .. x[p + S(b) - 1]`, indices clamped to the record, minus its mean, lead by
lead. Segments and their medians are rounded to f32.

    corr(u, v) = sum(u v) / (sqrt(sum(u u) sum(v v)) + 1e-9)
    D(u, v)    = sqrt(clip((1 - corr(u, v)) / 2, 0, 1))         0 the same shape, 1 its mirror image
    E(u)       = root mean square of u                          over one lead, or all where so named
    z(c)       = (c - m) / (1.4826 median |c - m| + floor)      m the median of the column c over the record's beats

*Template and place.* Q is the segment [-0.10, 0.12). The template `t` is first the median of Q over all beats, sample
by sample. Each beat then takes the place, of those within S(0.0167) samples of its own (the nearer, then the earlier,
of equals), whose Q correlates best with `t`; kept are the beats with a correlation above 0.9, or, were they fewer than
5, those not below the median correlation; `t` becomes the median of their Q. This is done twice, then places and kept
beats are chosen once more and Q, `t` taken there. P is the segment [-0.24, -0.07) of the place; Q' and P' are every
third sample of Q and P, from the first. Neighbours are the up to 12 beats on either side.

For all leads together:

    0  z(D(Q, t)) / 2 - 1                                     floor 0.03
    1  z(ln(E(Q - t) / E(t) + 0.02)) / 2 - 1                  floor 0.1
    2  z(D(Q', the median Q' of its neighbours)) / 2 - 1      floor 0.03
    3  4 share - 2, of its neighbours whose Q correlates above 0.9 with its own
    4  4 share - 2, likewise of up to 120 beats spread over the record: floor(i (n - 1) / (c - 1)), c = min(n, 120)
    5  8 D(Q, the Q of the beat before) - 2                   0 for the first beat

and then for each lead:

    0  2 e,   e = ln(E(Q) / E(t) + 0.02)
    1  4 w,   w = ln((width(Q) + 1) / (width(t) + 1)),  width(u) = sum |u| / (max |u| + 1e-9) in samples
    2  2 s,   s = ln(slope(Q) / slope(t) + 0.02),       slope(u) = max |u[k + 1] - u[k]|
    3  z(D(Q, t)) / 2 - 1                                     floor 0.03
    4  z(ln(E(Q - t) / E(t) + 0.02)) / 2 - 1                  floor 0.1
    5  z(w) / 2 - 1                                           floor 0.1
    6  z(s) / 2 - 1                                           floor 0.1
    7  8 D(P', m) - 2,   m the median P' of its neighbours
    8  8 D - 2 with the median of its neighbours' corr(P', m)
    9  1.5 (ln(E(P' - m) / E(t of all leads) + 0.01) + 2)

Where a beat's P wave begins before the record, `p + S(-0.24) < 0` for its place `p`, nothing is known of it: columns 7 and
9 of each lead are the median of the column over the other beats, rounded to f32 (and stay, were there no others).

Every column is clamped to [-4, 4], before that median. The ten of a lead whose template is flat, E(t) below 1e-6, are 0; where all leads
are, the shared columns are 0 too. A row of a beat outside the record is all zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QRS, WAVE = (-0.10, 0.12), (-0.24, -0.07)  # s from the beat's place
SHARED, PER_LEAD = 6, 10
LIMIT = 4.0
AROUND, SPREAD, COARSE = 12, 120, 3
ALIKE, FEW = 0.9, 5


def inputs(leads: int) -> int:
    """Columns for so many leads."""
    return SHARED + PER_LEAD * leads


def smooth(x: np.ndarray, rate: float) -> np.ndarray:
    h = int(rate / 90 + 0.5)
    padded = np.pad(np.asarray(x, np.float64), ((0, 0), (h, h)), "edge")
    out = np.zeros(x.shape)
    for k in range(-h, h + 1):
        out += (h + 1 - abs(k)) * padded[:, h + k : h + k + x.shape[1]]
    return (out / (h + 1) ** 2).astype(np.float32)


def middle(w):
    """The median over the first axis, rounded to f32."""
    return np.median(w, 0).astype(np.float32).astype(np.float64)


def corr(u, v):
    return (u * v).sum(-1) / (np.sqrt((u * u).sum(-1) * (v * v).sum(-1)) + 1e-9)


def distance(c):
    return np.sqrt(np.clip((1 - c) / 2, 0, 1))


def rms(u):
    return np.sqrt((u * u).mean(-1))


def robust(c, floor):
    m = np.median(c)
    return (c - m) / (1.4826 * np.median(np.abs(c - m)) + floor)


@dataclass
class Aligned:
    """A record's beats on their template."""

    x: np.ndarray  # [leads, T] smoothed
    rate: float
    place: np.ndarray  # [n]
    kept: np.ndarray  # [n]
    template: np.ndarray  # [leads, samples]

    @property
    def level(self) -> float:
        return rms(self.template.reshape(-1))

    @property
    def cut_off(self) -> np.ndarray:
        """`[n]`: whether a beat's P wave begins before the record."""
        return self.place + at(WAVE[0], self.rate) < 0

    def cut(self, start: int, stop: int) -> np.ndarray:
        return cut(self.x, self.place, start, stop)


def at(t: float, rate: float) -> int:
    return int(np.floor(t * rate + 0.5))


def cut(x: np.ndarray, places: np.ndarray, start: int, stop: int) -> np.ndarray:
    """`[n, leads, stop - start]`, each minus its mean."""
    index = np.clip(places[:, None] + np.arange(start, stop), 0, x.shape[1] - 1)
    w = x[:, index].transpose(1, 0, 2).astype(np.float64)
    return (w - w.mean(-1, keepdims=True)).astype(np.float32).astype(np.float64)


def flat(w: np.ndarray) -> np.ndarray:
    return w.reshape(*w.shape[:-2], -1)


def align(x: np.ndarray, beats, rate: float) -> Aligned | None:
    """None for fewer than two beats, flat leads, and records without samples or at too low a rate."""
    p = np.asarray(beats, np.int64)
    start, stop = at(QRS[0], rate), at(QRS[1], rate)
    if len(p) < 2 or x.shape[1] == 0 or stop - start < 2 or at(WAVE[1], rate) - at(WAVE[0], rate) < 2:
        return None
    x, reach = smooth(x, rate), at(1 / 60, rate)

    def choose(t):
        """The best place of each beat for the template `t`, and which beats are kept."""
        best, place = np.full(len(p), -np.inf), p.copy()
        for shift in sorted(range(-reach, reach + 1), key=lambda s: (abs(s), s)):
            c = corr(flat(cut(x, p + shift, start, stop)), t.reshape(-1))
            better = c > best
            best[better], place[better] = c[better], p[better] + shift
        kept = best > ALIKE
        if kept.sum() < FEW:
            kept = best >= np.median(best)
        return place, kept

    t = middle(cut(x, p, start, stop))
    for _ in range(3):
        place, kept = choose(t)
        t = middle(cut(x, place, start, stop)[kept])
    found = Aligned(x, rate, place, kept, t)
    return found if found.level >= 1e-6 else None


def usual(out: np.ndarray, columns: list[int], unknown: np.ndarray) -> None:
    """Puts the median over the other beats into these columns of the `unknown` beats."""
    if unknown.any() and not unknown.all():
        for column in columns:
            out[unknown, column] = np.median(out[~unknown, column].astype(np.float64))


def columns(a: Aligned) -> np.ndarray:
    """`[n, inputs(leads)]` f32."""
    n, leads, rate, t = len(a.place), len(a.x), a.rate, a.template
    q = a.cut(at(QRS[0], rate), at(QRS[1], rate))
    wave = a.cut(at(WAVE[0], rate), at(WAVE[1], rate))
    whole, level = flat(q), a.level
    out = np.zeros((n, inputs(leads)))
    unit = whole / (np.sqrt((whole * whole).sum(-1, keepdims=True)) + 1e-9)

    thin_q, thin_p = flat(q[..., ::COARSE]), wave[..., ::COARSE]
    near_q, share = np.zeros(n), np.zeros(n)
    near_p, steady_p, rest_p = (np.zeros((n, leads)) for _ in range(3))
    for i in range(n):
        near = np.r_[max(i - AROUND, 0) : i, i + 1 : min(i + AROUND + 1, n)]
        near_q[i] = corr(thin_q[i], middle(thin_q[near]))
        share[i] = ((unit[near] * unit[i]).sum(-1) > ALIKE).mean()
        m = middle(thin_p[near])
        near_p[i] = corr(thin_p[i], m)
        steady_p[i] = np.median(corr(thin_p[near], m), 0)
        rest_p[i] = rms(thin_p[i] - m)
    count = min(n, SPREAD)
    spread = np.arange(count) * (n - 1) // (count - 1)
    before = np.zeros(n)
    before[1:] = 8 * distance((unit[1:] * unit[:-1]).sum(-1)) - 2

    d, r = distance(corr(whole, t.reshape(-1))), np.log(rms(whole - t.reshape(-1)) / level + 0.02)
    out[:, :SHARED] = np.stack([
        robust(d, 0.03) / 2 - 1,
        robust(r, 0.1) / 2 - 1,
        robust(distance(near_q), 0.03) / 2 - 1,
        4 * share - 2,
        4 * (unit @ unit[spread].T > ALIKE).mean(1) - 2,
        before,
    ], 1)

    def width(u):
        return np.abs(u).sum(-1) / (np.abs(u).max(-1) + 1e-9)

    def slope(u):
        return np.abs(np.diff(u)).max(-1)

    for lead in range(leads):
        own, base = q[:, lead], t[lead]
        if rms(base) < 1e-6:
            continue
        d = distance(corr(own, base))
        e = np.log(rms(own) / rms(base) + 0.02)
        w = np.log((width(own) + 1) / (width(base) + 1))
        s = np.log(slope(own) / slope(base) + 0.02)
        r = np.log(rms(own - base) / rms(base) + 0.02)
        first = SHARED + PER_LEAD * lead
        out[:, first : first + PER_LEAD] = np.stack([
            2 * e, 4 * w, 2 * s,
            robust(d, 0.03) / 2 - 1, robust(r, 0.1) / 2 - 1, robust(w, 0.1) / 2 - 1, robust(s, 0.1) / 2 - 1,
            8 * distance(near_p[:, lead]) - 2,
            8 * distance(steady_p[:, lead]) - 2,
            1.5 * (np.log(rest_p[:, lead] / level + 0.01) + 2),
        ], 1)
    out = np.clip(out, -LIMIT, LIMIT).astype(np.float32)
    usual(out, [SHARED + PER_LEAD * lead + column for lead in range(leads) for column in (7, 9)], a.cut_off)
    return out
