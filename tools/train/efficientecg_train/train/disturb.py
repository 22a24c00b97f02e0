"""What electrodes, cables and amplifiers do to a recording: hum, offsets, wander, noise, gaps and the like.

Each function of `KINDS` takes `x [leads, samples]` in any unit, its rate in Hz and a NumPy generator, and returns a new
array of the same shape: `x` disturbed. Sizes are set against each lead's height (`height`), so that they do not depend on
the unit. Missing samples are NaN. None moves a beat.
"""

from __future__ import annotations

import numpy as np


def height(x: np.ndarray) -> np.ndarray:
    """`[leads, 1]`: the median height, peak to peak, of stretches of at most 500 samples of each lead; 1 where it is flat."""
    per = max(min(len(x[0]) // 8, 500), 1)
    parts = x[:, : x.shape[1] // per * per].reshape(len(x), -1, per)
    with np.errstate(invalid="ignore"):
        tall = np.nanmedian(np.nan_to_num(parts.max(-1) - parts.min(-1), nan=0.0), 1)
    return np.where(tall > 0, tall, 1.0)[:, None]


def some_leads(x: np.ndarray, rng, share: float = 0.6) -> np.ndarray:
    """`[leads, 1]` booleans, at least one of them true."""
    chosen = rng.random(len(x)) < share
    chosen[rng.integers(len(x))] = True
    return chosen[:, None]


def hum(x, rate, rng, size=None, mains=None):
    """Mains hum of 50 or 60 Hz and its first harmonics, of `size` of the height, peak to peak. Aliased where the rate is low."""
    mains = rng.choice([50.0, 60.0]) if mains is None else mains
    size = rng.uniform(0.01, 0.2, (len(x), 1)) if size is None else size
    t = np.arange(x.shape[1]) / rate
    at = 2 * np.pi * (mains * t + rng.uniform(-0.1, 0.1) * t)
    wave = np.sin(at + rng.uniform(0, 6.28, (len(x), 1)))
    for harmonic in (2, 3):
        if harmonic * mains < rate / 2:
            wave = wave + rng.uniform(0, 0.2) * np.sin(harmonic * at + rng.uniform(0, 6.28, (len(x), 1)))
    return x + 0.5 * size * height(x) * wave


def offset(x, rate, rng):
    """A constant of each lead, up to one height either way."""
    return x + rng.uniform(-1, 1, (len(x), 1)) * height(x)


def wander(x, rate, rng):
    """Wander of the baseline below 0.7 Hz, up to a height and a half, peak to peak."""
    t = np.arange(x.shape[1]) / rate
    wave = sum(rng.uniform(0.1, 1, (len(x), 1)) * np.sin(2 * np.pi * f * t + rng.uniform(0, 6.28, (len(x), 1)))
               for f in rng.uniform(0.05, 0.7, 3))
    knots = np.arange(0, t[-1] + 20, 10)
    swell = np.interp(t, knots, rng.uniform(0.2, 1, len(knots)))
    return x + rng.uniform(0.05, 0.4, (len(x), 1)) * height(x) * swell * wave


def muscle(x, rate, rng, size=None):
    """Noise of muscles, wide-band and coming and going; its root mean square is `size` of the height."""
    size = rng.uniform(0.01, 0.08, (len(x), 1)) if size is None else size
    t = np.arange(x.shape[1]) / rate
    knots = np.arange(0, t[-1] + 20, 5)
    noise = rng.standard_normal(x.shape)
    noise = 0.8 * (noise - 0.5 * np.roll(noise, 1, 1))
    for lead in noise:
        lead *= np.interp(t, knots, rng.uniform(0.1, 1.6, len(knots)) ** 2)
    return x + np.where(some_leads(x, rng), size * height(x) * noise, 0.0)


def gain(x, rate, rng):
    """A gain of each lead, from a third to three, at times turned over."""
    sign = np.where(rng.random((len(x), 1)) < 0.15, -1.0, 1.0)
    return x * sign * np.exp(rng.uniform(-1.1, 1.1, (len(x), 1)))


def stretches(samples, rate, rng, per_minute, low, high):
    """Starts and ends of short stretches, at least one, `per_minute` of them on average."""
    count = max(int(rng.poisson(per_minute * samples / rate / 60)), 1)
    for _ in range(count):
        length = max(int(rng.uniform(low, high) * rate), 1)
        start = int(rng.integers(0, max(samples - length, 1)))
        yield start, min(start + length, samples)


def gaps(x, rate, rng, per_minute=None, low=0.005, high=0.6):
    """Missing samples, of some or all leads at once."""
    x = x.copy()
    per_minute = rng.uniform(0.2, 4) if per_minute is None else per_minute
    for start, end in stretches(x.shape[1], rate, rng, per_minute, low, high):
        x[some_leads(x, rng)[:, 0], start:end] = np.nan
    return x


def flat(x, rate, rng, per_minute=None, low=0.2, high=3.0):
    """Leads that hold their value for a while, as with a loose electrode."""
    x = x.copy()
    per_minute = rng.uniform(0.1, 1.5) if per_minute is None else per_minute
    for start, end in stretches(x.shape[1], rate, rng, per_minute, low, high):
        leads = some_leads(x, rng, 0.3)[:, 0]
        x[leads, start:end] = x[leads, start : start + 1]
    return x


def clipping(x, rate, rng):
    """The range of the amplifier, which ends within the tallest beats."""
    with np.errstate(all="ignore"):
        middle = np.nanmedian(x, 1, keepdims=True)
    limit = rng.uniform(0.35, 0.9, (len(x), 1)) * height(x)
    return np.clip(x, middle - limit, middle + limit)


def pops(x, rate, rng):
    """Steps of electrodes that move, each with a decay of a tenth of a second to a second."""
    x, tall = x.copy(), height(x)[:, 0]
    for start, _ in stretches(x.shape[1], rate, rng, rng.uniform(0.2, 3), 0.1, 0.2):
        t = np.arange(min(int(4 * rate), x.shape[1] - start)) / rate
        decay = np.exp(-t / rng.uniform(0.1, 1.0)) * rng.choice([-1, 1]) * rng.uniform(0.3, 3)
        leads = some_leads(x, rng, 0.3)[:, 0]
        x[leads, start : start + len(t)] += tall[leads, None] * decay
    return x


def swapped(x, rate, rng):
    """The leads in another order. Only for what does not depend on which lead is which."""
    return x[rng.permutation(len(x))]


KINDS = {
    "hum": hum, "offset": offset, "wander": wander, "muscle": muscle, "gain": gain, "gaps": gaps, "flat": flat,
    "clipping": clipping, "pops": pops,
}


def several(x: np.ndarray, rate: float, rng, chance: float = 0.3) -> np.ndarray:
    """Each of `KINDS` with this chance, in their order but gaps last: at least one of them."""
    names = [name for name in KINDS if rng.random() < chance] or [rng.choice(list(KINDS))]
    for name in sorted(names, key=lambda name: name == "gaps"):
        x = KINDS[name](x, rate, rng)
    return x
