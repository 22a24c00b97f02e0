"""Records that were never recorded: whole records with another rhythm, made from those of the training patients.

A window tells little of the rhythm, and 21 patients have few rhythms: one with fibrillation, four rich in S beats, none in
which S beats prevail. So that the figures which set a beat against its record (R-R figures, shapes) are learnt
where they are strained, intervals between regular N beats are shortened (samples cut before the P wave) or lengthened
(the quiet stretch before it repeated, back and forth), and P waves changed; the columns are then taken from the whole
new record as from any other. `KINDS` of rhythm:

- *runs*: atrial runs of 3 to 60 beats between stretches of N, at times most of the record, each followed by a pause;
- *single*: early beats, alone or a few in a row, 1 to 25 % of the beats;
- *geminy*: every second, third or fourth beat early;
- *fibrillation*: irregular intervals without P waves, with fibrillatory or flutter waves; the beats stay N;
- *block*: pauses of about two intervals, with or without ever shorter intervals before them; the beats stay N;
- *dense*: the stretches around a record's own S beats alone.

One more is not among the kinds that `train.py` takes: *mild*, geminy of beats that come but a little early.

All but *dense* may have sinus arrhythmia, slow drifts of the rate and noise too. Ectopic P waves are of one kind a
record: the patient's own weakened or turned over, none, or another patient's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..datasets.mitbih import Record

KINDS = ("runs", "single", "geminy", "fibrillation", "block", "dense")
ONSET = 0.26  # s before the R peak, where a beat's own part starts
P_START, P_END = 0.24, 0.07


def regular(r: Record) -> np.ndarray:
    """`[n + 1]`: whether the interval that ends at beat `j` lies between N beats and is close to the median around it."""
    n, rr = len(r.beats), intervals(r)
    near = np.array([np.nanmedian(rr[max(i - 10, 0) : i + 11]) for i in range(n + 1)])
    ok = np.zeros(n + 1, bool)
    normal = r.labels == 0
    ok[1:n] = normal[1:] & normal[:-1] & (np.abs(np.log(rr[1:n] / near[1:n])) < 0.14)
    ok[1:n] &= (rr[1:n] > 0.42 * r.sample_rate) & (rr[1:n] < 1.6 * r.sample_rate)
    return ok


def intervals(r: Record) -> np.ndarray:
    """`[n + 1]` samples: `rr[j]` ends at beat `j`; NaN at the record's ends."""
    rr = np.full(len(r.beats) + 1, np.nan)
    rr[1:-1] = np.diff(r.beats)
    return rr


def p_wave(r: Record, least: int = 200) -> np.ndarray | None:
    """`[2, samples]`: the usual P wave over a straight line; None for a record with fewer than `least` regular beats."""
    start, stop = int(P_START * r.sample_rate), int(P_END * r.sample_rate)
    beats = r.beats[regular(r)[:-1]]
    beats = beats[beats > r.sample_rate]
    if len(beats) < least:
        return None
    return over_line(np.median([r.signal[:, b - start : b - stop] for b in beats], 0))[1]


def over_line(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line from the first sample to the last, and what lies above it, brought to 0 at the ends."""
    w = np.linspace(0, 1, wave.shape[1])
    line = wave[:, :1] * (1 - w) + wave[:, -1:] * w
    return line, (wave - line) * np.minimum(1, 8 * np.minimum(w, 1 - w))


class Rhythm:
    """Factors of the intervals and what becomes of the beats, drawn beat by beat."""

    def __init__(self, r: Record, rng):
        self.ok, self.rng, self.n = regular(r), rng, len(r.beats)
        self.factor = np.ones(self.n + 1)
        self.early = np.zeros(self.n, bool)
        self.fibrillating = np.zeros(self.n, bool)
        self.normal = r.labels == 0
        self.coupling, self.jitter = rng.uniform(0.5, 0.86), rng.uniform(0.01, 0.06)

    def shorten(self, k, factor=None):
        factor = (factor or self.coupling) * np.exp(self.jitter * self.rng.standard_normal())
        self.early[k], self.factor[k] = True, np.clip(factor, 0.42, 0.93)

    def length(self, mean) -> int:
        return int(self.rng.geometric(1 / max(mean, 1.0)))

    def log_uniform(self, low, high) -> float:
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def single(self):
        rate, k = self.log_uniform(0.01, 0.25), 2
        while k < self.n - 2:
            if self.ok[k] and self.ok[k + 1] and self.rng.random() < rate:
                self.shorten(k)
                k += 1
                while self.rng.random() < 0.25 and k < self.n - 2 and self.ok[k + 1]:
                    self.shorten(k)
                    k += 1
                usual = self.rng.random() < 0.6
                self.factor[k] = self.rng.uniform(1.0, 1.35) if usual else self.rng.uniform(1.3, 2.5)
            k += 1

    def geminy(self):
        k = 2
        while k < self.n - 6:
            between, row = int(self.rng.integers(1, 4)), 1 if self.rng.random() < 0.8 else 2
            pause = self.rng.uniform(1.0, 1.5)
            for _ in range(self.length(self.rng.uniform(5, 60))):
                if k + row + between >= self.n - 3 or not self.ok[k : k + row + between + 1].all():
                    break
                for beat in range(k, k + row):
                    self.shorten(beat)
                self.factor[k + row] = pause * np.exp(0.03 * self.rng.standard_normal())
                k += row + between
            k += self.length(self.rng.uniform(3, 60))

    def mild(self):
        """Geminy whose early beats come but a little early, and without a pause."""
        self.coupling, self.jitter, k = self.rng.uniform(0.8, 0.92), self.rng.uniform(0.005, 0.025), 2
        pause = self.rng.uniform(1.0, 1.06)
        while k < self.n - 6:
            between = 1 if self.rng.random() < 0.75 else int(self.rng.integers(2, 4))
            for _ in range(self.length(self.rng.uniform(5, 100))):
                if k + 1 + between >= self.n - 3 or not self.ok[k : k + between + 2].all():
                    break
                self.shorten(k)
                self.factor[k + 1] = pause * np.exp(0.01 * self.rng.standard_normal())
                k += 1 + between
            k += self.length(self.rng.uniform(3, 100))

    def runs(self):
        run, rest = self.log_uniform(3, 60), self.log_uniform(1, 25)
        rate, pause, k = self.rng.uniform(0.5, 0.88), self.rng.uniform(1.2, 3.0), 2
        while k < self.n - 3:
            length, drift = self.length(run), self.rng.uniform(-0.1, 0.1)
            own = rate * np.exp(0.08 * self.rng.standard_normal())
            m = 0
            while m < length and k + m < self.n - 3 and self.ok[k + m] and self.ok[k + m + 1]:
                first = 1.0 if m else self.rng.uniform(0.85, 1.05)
                self.shorten(k + m, own * first * np.exp(drift * m / length))
                m += 1
            if m:
                self.factor[k + m] = self.rng.uniform(1.0, pause)
            k += max(m, 1) + self.length(rest)

    def fibrillation(self):
        k = 2
        while k < self.n - 3:
            end = min(k + self.length(self.rng.uniform(30, 800)), self.n - 2)
            spread, level = self.rng.uniform(0.08, 0.3), self.rng.uniform(0.6, 1.1)
            drawn = np.clip(level * np.exp(spread * self.rng.standard_normal(end - k)), 0.45, 1.9)
            self.factor[k:end] = np.where(self.ok[k:end], drawn, 1.0)
            self.fibrillating[k:end] = self.normal[k:end]
            k = end + self.length(self.rng.uniform(5, 300))

    def block(self):
        k = 2
        while k < self.n - 8:
            pattern, pause = int(self.rng.integers(1, 6)), self.rng.uniform(1.5, 2.2)
            shrink = self.rng.uniform(0.02, 0.1) if self.rng.random() < 0.4 else 0.0
            for _ in range(self.length(self.rng.uniform(3, 40))):
                end = k + pattern
                if end >= self.n - 3:
                    break
                self.factor[k:end] = np.where(self.ok[k:end], np.exp(-shrink * np.arange(pattern)), 1.0)
                self.factor[end] = pause * np.exp(0.02 * self.rng.standard_normal())
                k = end + 1
            k += self.length(self.rng.uniform(3, 100))

    def drift(self):
        """Sinus arrhythmia and slow changes of the rate."""
        t, draw = np.arange(self.n + 1), self.rng.uniform
        if self.rng.random() < 0.5:
            swell = 0.5 + 0.5 * np.sin(2 * np.pi * t / draw(40, 200))
            self.factor *= np.exp(draw(0.02, 0.16) * np.sin(2 * np.pi * t / draw(3.2, 7) + draw(0, 6)) * swell)
        if self.rng.random() < 0.5:
            self.factor *= np.exp(draw(0.05, 0.22) * np.sin(2 * np.pi * t / draw(60, 900) + draw(0, 6)))


def simulate(r: Record, kind: str, others: list[np.ndarray], rng) -> Record | None:
    """`r` with a rhythm of this kind; `others` are P waves of other patients. None where it cannot be made."""
    name = f"{r.name}~{kind}"
    if kind == "dense":
        return dense(r, name, rng)
    rhythm = Rhythm(r, rng)
    getattr(rhythm, kind)()
    rhythm.drift()
    x = r.signal.copy()
    change_p(x, r, rhythm, others, rng)
    rr = intervals(r)
    wanted = np.where(rhythm.ok, np.maximum(rr * rhythm.factor, 0.3 * r.sample_rate), rr)
    signal, beats = retimed(x, r.beats, wanted, r.sample_rate)
    if rhythm.fibrillating.any():
        fibrillate(signal, beats[rhythm.fibrillating], r.sample_rate, rng)
    if rng.random() < 0.5:
        add_noise(signal, r.sample_rate, rng)
    labels = np.where(rhythm.early, 1, r.labels)
    return replace(r, name=name, signal=signal, beats=beats, labels=labels)


def change_p(x: np.ndarray, r: Record, rhythm: Rhythm, others: list[np.ndarray], rng) -> None:
    """Ectopic P waves of early beats, none of fibrillating ones."""
    start, stop = int(P_START * r.sample_rate), int(P_END * r.sample_rate)
    which, other = rng.random(), None
    if which < 0.35 or not others:
        gain = rng.uniform(-1.2, 0.4, 2)
    elif which < 0.5:
        gain = np.zeros(2)
    elif which < 0.7:
        gain = rng.uniform(0.3, 1.6, 2) * rng.choice([1, -1], 2, p=[0.7, 0.3])
    else:
        gain = np.full(2, 0.15)
        other = others[rng.integers(len(others))] * rng.uniform(0.5, 1.3) * (-1 if rng.random() < 0.25 else 1)
    share, shift = rng.uniform(0.5, 1.0), int(rng.uniform(-0.03, 0.05) * r.sample_rate)
    for beat, early, fibrillating in zip(r.beats, rhythm.early, rhythm.fibrillating):
        if beat < start or not (fibrillating or (early and rng.random() < share)):
            continue
        line, wave = over_line(x[:, beat - start : beat - stop])
        if fibrillating:
            wave = wave * rng.uniform(-0.1, 0.1, (2, 1))
        else:
            size = np.exp(0.1 * rng.standard_normal())
            wave = size * gain[:, None] * np.roll(wave, shift, 1)
            if other is not None:
                wave += size * other
        x[:, beat - start : beat - stop] = line + wave


def retimed(x: np.ndarray, beats: np.ndarray, wanted: np.ndarray, rate: float):
    """The signal and the beats with the intervals `wanted`, as nearly as the quiet stretches allow."""
    onset, parts, moved, total = int(ONSET * rate), [], [], 0
    for j, beat in enumerate(beats):
        start = beats[j - 1] - onset if j else 0
        end = max(beat - onset, start)
        part = x[:, start:end]
        less = int(round(beat - beats[j - 1] - wanted[j])) if j else 0
        if less > 0:
            least = onset + int(0.06 * rate)
            part = joined(part[:, : max(part.shape[1] - less, min(least, part.shape[1]))], x, end)
        elif less < 0 and part.shape[1] >= 8:
            quiet = min(int(0.12 * rate), max(part.shape[1] - onset - int(0.1 * rate), 4))
            tail = part[:, -quiet:]
            there_and_back = np.concatenate([tail[:, ::-1], tail], 1)
            more = np.tile(there_and_back, -(less // there_and_back.shape[1]))[:, :-less]
            part = joined(np.concatenate([part, more], 1), x, end)
        parts.append(part)
        total += part.shape[1]
        moved.append(total + beat - end)
    parts.append(x[:, max(beats[-1] - onset, 0) :])
    return np.concatenate(parts, 1), np.array(moved)


def joined(part: np.ndarray, x: np.ndarray, end: int) -> np.ndarray:
    """`part`, its last samples bent to meet sample `end`."""
    m = min(12, part.shape[1])
    if m == 0 or end >= x.shape[1]:
        return part
    part = part.copy()
    part[:, -m:] += (x[:, end : end + 1] - part[:, -1:]) * np.linspace(0, 1, m)
    return part


def wandering(t: np.ndarray, step: float, draw) -> np.ndarray:
    """Values drawn every `step` seconds, in proportion between them."""
    knots = np.arange(0, t[-1] + 2 * step, step)
    return np.interp(t, knots, draw(len(knots)))


def fibrillate(x: np.ndarray, beats: np.ndarray, rate: int, rng) -> None:
    """Waves at 4 to 8.5 a second around these beats, steady (flutter) or not."""
    t = np.arange(x.shape[1]) / rate
    on = np.zeros(x.shape[1])
    for beat in beats:
        on[max(beat - rate // 2, 0) : beat + rate // 2] = 1
    on = np.convolve(on, np.full(rate // 4, 4 / rate), "same")
    unsteady = rng.uniform(0.1, 1.2)
    speed = rng.uniform(4, 8.5) + wandering(t, 0.7, lambda k: rng.normal(0, unsteady, k))
    phase = np.cumsum(2 * np.pi * speed / rate)
    wave = np.sin(phase) + 0.4 * np.sin(2 * phase + rng.uniform(0, 6))
    wave *= on * wandering(t, 0.5, lambda k: rng.uniform(0.3, 1.3, k))
    x += rng.uniform(0, [[0.1], [0.14]]) * wave


def add_noise(x: np.ndarray, rate: int, rng) -> None:
    """Noise that comes and goes."""
    t = np.arange(x.shape[1]) / rate
    for lead in x:
        level = rng.uniform(0, 0.24) * wandering(t, 15.0, lambda k: rng.uniform(0, 1, k) ** 4)
        lead += level * np.convolve(rng.standard_normal(len(t)), [0.25, 0.5, 0.25], "same")


def dense(r: Record, name: str, rng) -> Record | None:
    """The stretches within one to three beats of the record's own S beats, put end to end."""
    early = np.nonzero(r.labels == 1)[0]
    if len(early) < 10:
        return None
    reach, keep = int(rng.integers(1, 4)), np.zeros(len(r.beats) + 1, bool)
    for beat in early:
        low, high = rng.integers(1, reach + 1, 2)
        keep[max(beat - low, 0) : beat + high + 1] = True
    keep[-1] = False
    edges = np.nonzero(np.diff(np.concatenate([[False], keep])))[0].reshape(-1, 2)
    onset, total = int(ONSET * r.sample_rate), 0
    parts, beats, kept = [], [], []
    for first, after in edges:
        if after == len(r.beats) or r.beats[first] < onset:
            continue
        start, end = r.beats[first] - onset, r.beats[after] - onset
        parts.append(r.signal[:, start:end])
        beats.append(r.beats[first:after] - start + total)
        kept.append(np.arange(first, after))
        total += end - start
    if not parts:
        return None
    kept = np.concatenate(kept)
    return replace(r, name=name, signal=np.concatenate(parts, 1), beats=np.concatenate(beats), labels=r.labels[kept])
