"""Random changes to a training batch that leave a beat's class as it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .beats import Beats


def uniform(n, low, high, *more) -> Tensor:
    return torch.empty(n, *more).uniform_(low, high)


def windows(beats: Beats, index: Tensor, samples: int) -> Tensor:
    """Windows shifted by up to 5 samples and stretched by up to 12 % in time."""
    n = len(index)
    t = (torch.arange(samples) - samples // 2).float()
    offset = uniform(n, 0.88, 1.12, 1) * t + uniform(n, -5.0, 5.0, 1)
    low = offset.floor()
    part = (offset - low)[:, None]
    at = beats.center[index, None] + low.long()
    a, b = beats.signal[:, at].transpose(0, 1), beats.signal[:, at + 1].transpose(0, 1)
    return a + (b - a) * part


def filtered(x: Tensor) -> Tensor:
    """Each window through its own short random filter: other electrodes, other amplifiers."""
    n, leads, samples = x.shape
    taps = torch.randn(n, 1, 7).mul(0.25).cumsum(-1) * torch.rand(n, 1, 1)
    taps = taps - taps.mean(-1, keepdim=True)
    taps[..., 3] += 1.0
    taps = taps.expand(n, leads, 7).reshape(n * leads, 1, 7)
    # Seven taps five samples apart reach 42 ms either way.
    return F.conv1d(x.reshape(1, n * leads, samples), taps, padding=15, dilation=5,
                    groups=n * leads).view(n, leads, samples)


def signal(x: Tensor, rate: float) -> Tensor:
    """Leads mixed and filtered, gains, baseline wander, noise; the second lead may be absent.

    All beats of a window change alike, so a beat's class stays what it is against its neighbours.
    """
    n, _, samples = x.shape
    t = torch.arange(samples) / rate
    some = torch.rand(n, 1, 1) < 0.5
    mix = torch.eye(2) + torch.randn(n, 2, 2) * torch.where(some, 0.45, 0.05)
    x = mix @ x
    x = torch.where(torch.rand(n, 1, 1) < 0.3, filtered(x), x)
    gain = torch.exp(torch.randn(n, 2, 1) * 0.25)
    gain = gain * torch.where(torch.rand(n, 2, 1) < torch.tensor([[0.1], [0.25]]), -1.0, 1.0)
    gain[:, 1] *= (torch.rand(n, 1) < 0.85).float()
    x = x * gain
    wander = uniform(n, 0.0, 0.4, 2, 1) * torch.sin(
        2 * math.pi * uniform(n, 0.05, 0.7, 2, 1) * t + uniform(n, 0.0, 2 * math.pi, 2, 1))
    noise = torch.randn_like(x) * uniform(n, 0.0, 0.12, 2, 1).square() * 5
    noise = torch.where(torch.rand(n, 1, 1) < 0.5, noise, torch.zeros_like(noise))
    return x + wander + noise


def fibrillation(x: Tensor, f: dict[str, Tensor], labels: Tensor, rate: float):
    """A quarter of the N and V beats as in atrial fibrillation: irregular intervals, f waves.

    An early beat in an irregular rhythm is no S for that. Some S beats get an irregular
    surrounding too, but keep their own intervals and their P waves.
    """
    n, steps = f["rhythm"].shape[:2]
    early = labels == 1
    chosen = (torch.rand(n) < torch.where(early, 0.15, 0.25)) & (labels < 3)
    spread = uniform(n, 0.06, 0.3, 1)
    e = torch.randn(n, steps + 1) * spread
    rows = f["rhythm"].clone()
    simulated = torch.stack([5 * e[:, :-1], 5 * e[:, 1:],
                             5 * (e[:, :-1] + 0.1 * torch.randn(n, 1)),
                             (9.5 * spread * uniform(n, 0.8, 1.25, 1)).expand(n, steps)], -1)
    mine = (chosen & ~early)[:, None, None]
    rows = torch.where(mine, simulated, rows)
    rows[..., 3] = torch.where((chosen & early)[:, None], simulated[..., 3], rows[..., 3])
    t = torch.arange(x.shape[-1]) / rate
    wave = torch.sin(2 * math.pi * uniform(n, 4.0, 9.0, 1, 1) * t + uniform(n, 0.0, 6.3, 2, 1))
    wave = wave * uniform(n, 0.0, 0.35, 2, 1)
    x = x + torch.where(mine, wave, torch.zeros_like(wave))
    return x, {**f, "rhythm": rows.clamp(-4, 4)}


def features(f: dict[str, Tensor]) -> dict[str, Tensor]:
    """Age and sex blurred or hidden half of the time, intervals jittered, rhythm seldom hidden."""
    n = len(f["age"])
    age = f["age"] + 6.0 * torch.randn(n)
    age = age.masked_fill(torch.rand(n) < 0.5, math.nan)
    sex = f["sex"].masked_fill(torch.rand(n) < 0.5, -1)
    rows = f["rhythm"] + torch.randn_like(f["rhythm"]) * torch.tensor([0.12, 0.12, 0.2, 0.1])
    steps = torch.full((n,), rows.shape[1]).masked_fill(torch.rand(n) < 0.05, 0)
    return {"age": age, "sex": sex, "rhythm": rows, "rhythm_steps": steps}
