"""Random changes to a training batch that leave a beat's class as it is: time, gain, leads, filters, wander, noise.

The rhythm changes in whole simulated records (`simulate.py`) alone. Half of the windows are hidden, so that the rows
are not left idle by what the network sees in a training patient's own shapes. Between patients, the statistics of early
layers are mixed (MixStyle: Zhou, Yang, Qiao and Xiang, ICLR 2021), so that gains and shapes of one patient's recording
are not learnt either.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..beats import Beats

HIDDEN = 0.5


def uniform(n, low, high, *more) -> Tensor:
    return torch.empty(n, *more).uniform_(low, high)


def chance(n, p) -> Tensor:
    return torch.rand(n) < p


def windows(beats: Beats, index: Tensor, samples: int) -> Tensor:
    """`[B, 2, samples]`, stretched by up to 12 % and shifted by up to 5 samples."""
    n = len(index)
    t = (torch.arange(samples) - samples // 2).float()
    t = uniform(n, 0.88, 1.12, 1) * t + uniform(n, -5.0, 5.0, 1)
    low = t.floor()
    part = (t - low)[:, None]
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
    """Leads mixed and filtered, gains, baseline wander, noise; the second lead is absent from a third."""
    n, _, samples = x.shape
    t = torch.arange(samples) / rate
    some = torch.rand(n, 1, 1) < 0.5
    x = (torch.eye(2) + torch.randn(n, 2, 2) * torch.where(some, 0.4, 0.05)) @ x
    chosen = chance(n, 0.3)
    x[chosen] = filtered(x[chosen])
    gain = torch.exp(torch.randn(n, 2, 1) * 0.25)
    gain = gain * torch.where(torch.rand(n, 2, 1) < torch.tensor([[0.07], [0.25]]), -1.0, 1.0)
    gain[:, 1] *= (torch.rand(n, 1) < 0.65).float()
    wander = uniform(n, 0.0, 0.4, 2, 1) * torch.sin(
        2 * math.pi * uniform(n, 0.05, 0.7, 2, 1) * t + uniform(n, 0.0, 2 * math.pi, 2, 1))
    noise = torch.randn_like(x) * uniform(n, 0.0, 0.12, 2, 1).square() * 5
    return x * gain + wander + torch.where(torch.rand(n, 1, 1) < 0.5, noise, torch.zeros_like(noise))


def features(f: dict[str, Tensor]) -> dict[str, Tensor]:
    """Age and sex blurred or hidden half of the time, rows jittered, seldom hidden."""
    n = len(f["age"])
    age = f["age"] + 6.0 * torch.randn(n)
    age = age.masked_fill(torch.rand(n) < 0.5, math.nan)
    sex = f["sex"].masked_fill(torch.rand(n) < 0.5, -1)
    rows = f["rhythm"] + 0.15 * torch.randn_like(f["rhythm"])
    steps = torch.full((n,), rows.shape[1]).masked_fill(torch.rand(n) < 0.05, 0)
    return {"age": age, "sex": sex, "rhythm": rows, "rhythm_steps": steps}


def mix_style(module, _inputs, x: Tensor) -> Tensor:
    """A forward hook: half of the batches take their channels' mean and spread in part from other windows."""
    if not module.training or torch.rand(()) > 0.5:
        return x
    mean, spread = x.mean(-1, keepdim=True).detach(), (x.std(-1, keepdim=True) + 1e-5).detach()
    other = torch.randperm(len(x))
    part = torch.distributions.Beta(0.2, 0.2).sample((len(x), 1, 1))
    to_mean = part * mean + (1 - part) * mean[other]
    to_spread = part * spread + (1 - part) * spread[other]
    return (x - mean) / spread * to_spread + to_mean
