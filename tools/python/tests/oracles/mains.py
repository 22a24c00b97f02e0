"""Mains hum, found and taken off, and held samples, as the engine does it (`model/ecg/src/mains.rs` and `held.rs` have the formula)."""

from __future__ import annotations

import numpy as np

MAINS = (50.0, 60.0)  # Hz
BESIDE = (-7.0, -4.0, 4.0, 7.0)  # Hz from it, what hum is compared with
STANDS_OUT = 3.0  # least amplitude, as a multiple of that beside it
LEAST = 0.01  # least amplitude, as a part of the standard deviation
STRETCH = 30.0  # s that are judged by themselves
BLOCKS = 10  # of a second, of a stretch at most
SHORTEST = 0.5  # s of a stretch
HIGHEST = 0.45  # of the rate
HELD = 0.2  # s; a value that is held for longer is missing
OFTEN = 0.5  # times a second; a lead that holds its value more often is drawn so


def blank(x: np.ndarray, rate: float) -> np.ndarray:
    """A lead `[T]` with NaN where it holds its value."""
    with np.errstate(invalid="ignore"):
        ends = np.append(np.flatnonzero(x[1:] != x[:-1]) + 1, len(x))
    starts = np.append(0, ends[:-1])
    long = ends - starts > HELD * rate
    x = np.array(x, np.float32)
    held = [(a, b) for a, b in zip(starts[long], ends[long]) if np.isfinite(x[a])]
    if len(held) <= max(OFTEN * len(x) / rate, 1.0):
        for a, b in held:
            x[a:b] = np.nan
    return x


def without_hum(x: np.ndarray, rate: float) -> np.ndarray:
    """A lead `[T]`, NaN where missing, without mains hum where some is found; f32."""
    x = np.array(x, np.float32)
    count = min(max(int(len(x) / (STRETCH * rate)), 1), max(len(x), 1))
    size = -(-len(x) // count)
    for first in range(0, len(x), max(size, 1)):
        part = x[first : first + size]
        if len(part) >= SHORTEST * rate:
            for mains in [m for m in MAINS if hums(part, m, rate)]:
                part[:] = part.astype(np.float64) - hum(part, mains, rate)
    return x


def hums(part: np.ndarray, mains: float, rate: float) -> bool:
    """Whether a stretch hums at a frequency."""
    length = min(max(int(rate), 1), len(part))
    whole = len(part) // length
    blocks = min(whole, BLOCKS)
    starts = [(block * whole // blocks) * length for block in range(blocks)]
    x = np.stack([part[s : s + length].astype(np.float64) for s in starts])
    x = x[np.isfinite(x).all(1)]
    known = part[np.isfinite(part)].astype(np.float64)
    if mains > HIGHEST * rate or len(x) == 0 or known.std() == 0:
        return False
    at = np.arange(length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * at / length)
    x = (x - x.mean(1, keepdims=True)) * window * 2 / window.sum()
    amplitude = [np.abs(x @ np.exp(-2j * np.pi * (mains + d) / rate * at)) for d in (0.0, *BESIDE)]
    beside = np.sqrt(np.mean(np.square(amplitude[1:]), 0))
    ratio = np.median(amplitude[0] / np.maximum(beside, np.finfo(np.float64).tiny))
    return bool(ratio >= STANDS_OUT and np.median(amplitude[0]) >= LEAST * known.std())


def hum(part: np.ndarray, mains: float, rate: float) -> np.ndarray:
    """The hum of a stretch, by its amplitude and phase averaged over a second, twice."""
    known = np.isfinite(part)
    x = np.where(known, part, 0.0).astype(np.float64)
    x = np.where(known, x - x[known].mean(), 0.0)
    carrier = np.exp(-2j * np.pi * np.mod(np.arange(len(part)) * mains / rate, 1.0))
    half = int(rate / 2)
    once, there = averaged(x * carrier, known, half)
    twice, _ = averaged(once, there, half)
    return 2 * np.real(twice * np.conj(carrier))


def averaged(values: np.ndarray, known: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of what is known up to `half` samples to either side, and where there is some."""
    at = np.arange(len(values))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    sums = np.append(0, np.cumsum(np.where(known, values, 0)))
    counts = np.append(0, np.cumsum(known))
    count = counts[high] - counts[low]
    return (sums[high] - sums[low]) / np.maximum(count, 1), count > 0
