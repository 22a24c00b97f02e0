"""Random changes to a batch of whole records that leave their labels as they are: a crop, stretched; leads turned over or
lost; gains, filters, wander, noise, a gap; pairs of records mixed (mixup: Zhang et al., ICLR 2018)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..recordings import Recordings
from .augment import chance, filtered, uniform

STRETCH = 0.1


def crops(data: Recordings, index: Tensor, samples: int) -> Tensor:
    """`[B, leads, samples]`: a stretch of each record, its time scaled by up to 10 %; shorter records begin anew."""
    out = []
    for i in index.tolist():
        x = data.signals[i]
        length = x.shape[1]
        scale = np.random.uniform(1 - STRETCH, 1 + STRETCH)
        first = np.random.uniform(0, max(0.0, length - 1 - scale * samples))
        at = (first + scale * np.arange(samples, dtype=np.float32)) % (length - 1)
        low = at.astype(np.int64)
        part = (at - low).astype(np.float32)
        a = x[:, low]
        out.append(a + part * (x[:, low + 1] - a))
    return torch.from_numpy(np.stack(out))


def signal(x: Tensor, rate: float, millivolts: bool) -> Tensor:
    """Changes to `[B, leads, T]`, z-scored or in mV: there amplitudes are evidence, and gains are left nearly alone."""
    level, spread = (0.2, 0.06) if millivolts else (1.0, 0.25)
    n, leads, samples = x.shape
    t = torch.arange(samples) / rate
    chosen = chance(n, 0.3)
    if chosen.any():
        x = x.clone()
        x[chosen] = filtered(x[chosen])
    gain = torch.exp(spread * torch.randn(n, leads, 1))
    if leads == 1:
        gain = torch.where(torch.rand(n, 1, 1) < 0.3, -gain, gain)
    else:
        gain = gain * (torch.rand(n, leads, 1) > 0.1)
    wander = uniform(n, 0.0, 0.3 * level, leads, 1) * torch.sin(
        2 * math.pi * uniform(n, 0.05, 0.7, leads, 1) * t + uniform(n, 0.0, 2 * math.pi, leads, 1))
    noise = level * uniform(n, 0.0, 0.3, leads, 1).square() * (torch.rand(n, 1, 1) < 0.5)
    x = x * gain + wander + noise * torch.randn_like(x)
    # A gap of up to a tenth of the crop.
    start = torch.rand(n, 1, 1) * samples
    width = uniform(n, 0.0, 0.1, 1, 1) * samples * (torch.rand(n, 1, 1) < 0.3)
    place = torch.arange(samples)
    return x.masked_fill((place >= start) & (place < start + width), 0.0)


def features(f: dict[str, Tensor]) -> dict[str, Tensor]:
    """Age blurred, age and sex hidden a fifth of the time, rows jittered, seldom hidden."""
    n = len(f["age"])
    out = {"age": (f["age"] + 3.0 * torch.randn(n)).masked_fill(torch.rand(n) < 0.2, math.nan),
           "sex": f["sex"].masked_fill(torch.rand(n) < 0.2, -1)}
    if "rhythm" in f:
        out["rhythm"] = f["rhythm"] + 0.1 * torch.randn_like(f["rhythm"])
        out["rhythm_steps"] = f["rhythm_steps"].masked_fill(torch.rand(n) < 0.1, 0)
    return out


def mixed(x: Tensor, y: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Each record with a part of the next one's signal, and their labels in the same proportion."""
    part = torch.distributions.Beta(alpha, alpha).sample((len(x),))
    part = torch.maximum(part, 1 - part)
    other = torch.roll(torch.arange(len(x)), 1)
    p = part[:, None]
    return part[:, None, None] * x + (1 - part)[:, None, None] * x[other], p * y + (1 - p) * y[other]
