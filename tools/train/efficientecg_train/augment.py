"""Random changes to a training batch.

Most leave a beat's class as it is: time, gain, leads, filters, wander, noise. Two change the rhythm around an N beat of a
regular rhythm, by cutting samples out of the quiet stretches before and after it or holding them:

- *early*: the beat comes early, alone or in a run, and becomes an S beat. Few patients have S beats, and their shapes
  must not be what is learnt;
- *irregular*: both intervals vary at random, from sinus arrhythmia to fibrillation (then without a P wave), and the beat
  stays N: an early beat in an irregular rhythm is no S for that.

The rhythm rows change to match. Between patients, the statistics of early layers are mixed (MixStyle: Zhou, Yang, Qiao
and Xiang, ICLR 2021), so that gains and shapes of one patient's recording are not learnt either.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from . import rhythm
from .beats import Beats

EARLY, IRREGULAR = 0.20, 0.24  # shares of the regular N beats
P_START, P_END = 0.24, 0.07  # s before the R peak
T_END = 0.30  # s after it


def uniform(n, low, high, *more) -> Tensor:
    return torch.empty(n, *more).uniform_(low, high)


def chance(n, p) -> Tensor:
    return torch.rand(n) < p


def regular(beats: Beats) -> Tensor:
    """`[n]`: N beats between N beats, at intervals of 0.42 to 1.5 s that are close to the local mean."""
    normal = beats.labels == 0
    none = torch.zeros(1, dtype=torch.bool)
    between = torch.cat([none, normal[:-1]]) & normal & torch.cat([normal[1:], none])
    own = beats.rhythm[:, 1]
    near = (own[:, 0].abs() < 0.6) & (own[:, 1].abs() < 0.6) & (own[:, 3] < 0.9)
    usual = (beats.before > 150) & (beats.before < 540) & (beats.after > 150) & (beats.after < 540)
    return between & near & usual


def draw(beats: Beats, index: Tensor, steady: Tensor, samples: int, rate: float):
    """Windows `[B, 2, samples]`, features and labels of some beats; `steady` is `regular(beats)`."""
    n = len(index)
    labels, rows = beats.labels[index].clone(), beats.rhythm[index].clone()
    before, after = beats.before[index], beats.after[index]
    which = torch.rand(n)
    early = steady[index] & (which < EARLY)
    irregular = steady[index] & (which >= EARLY) & (which < EARLY + IRREGULAR)
    labels[early] = 1

    # Factors of the interval before and after.
    spread = uniform(n, 0.04, 0.32)
    pause = torch.where(chance(n, 0.4), uniform(n, 1.3, 2.3), uniform(n, 1.0, 1.35))
    shorter = torch.where(early, uniform(n, 0.48, 0.82), torch.ones(n))
    longer = torch.where(early & chance(n, 0.6), pause, torch.ones(n))
    run = early & chance(n, 0.35)
    longer = torch.where(run, (shorter * torch.exp(0.06 * torch.randn(n))).clamp(0.45, 1.0), longer)
    vary = lambda: torch.exp(spread * torch.randn(n)).clamp(0.5, 1.8)  # noqa: E731
    u = torch.where(irregular, vary(), shorter)
    v = torch.where(irregular, vary(), longer)

    x = cut(beats, index, samples, rate, (1 - u) * before, (v - 1) * after, after)
    gone = (irregular & (spread > 0.12) & chance(n, 0.7)) | (early & chance(n, 0.5))
    x[gone] = without_p(x[gone], irregular[gone], rate)

    scale = rhythm.RATIO_SCALE
    lu, lv = scale * u.log(), scale * v.log()
    rows[:, 0, 1] += lu
    rows[:, 1, 0] += lu
    rows[:, 1, 2] += lu
    rows[:, 1, 1] += lv
    rows[:, 2, 0] += lv
    rows[:, 2, 2] += lv
    rows[:, 2, 1] += torch.where(run & chance(n, 0.7), lv, 0.0)
    first = torch.where(run & chance(n, 0.5), lu, 0.0)
    rows[:, 0, 0] += first
    rows[:, 0, 2] += first
    # Early beats among others of their kind: less steady, but not irregular.
    others = torch.where(early & chance(n, 0.6), uniform(n, 0.0, 1.0), 0.0)[:, None]
    rows[:, :, 3] += 0.6 * others
    rows[:, :, 4] -= 2.2 * others
    m = int(irregular.sum())
    if m:
        s = spread[irregular]
        share = torch.erf(rhythm.STEADY / (2 * s)) + 0.08 * torch.randn(m)
        rows[irregular, :, 3] = (rhythm.CHANGE_SCALE * 0.95 * s * uniform(m, 0.8, 1.25))[:, None]
        rows[irregular, :, 4] = (4 * share.clamp(0, 1) - 2)[:, None]
        for at, column in ((0, 0), (0, 2), (2, 1)):
            rows[irregular, at, column] += scale * s * torch.randn(m)
    rows = rows.clamp(-rhythm.LIMIT, rhythm.LIMIT)
    f = {"age": beats.age[index], "sex": beats.sex[index], "rhythm": rows}
    return signal(x, rate), features(f), labels


def cut(beats: Beats, index: Tensor, samples: int, rate: float, early: Tensor, late: Tensor, after: Tensor) -> Tensor:
    """Windows stretched by up to 12 % and shifted by up to 5 samples.

    The beat comes `early` samples early (late, where negative) after the one before it, and the next
    one `late` samples late: by a jump, or a sample held, before the P wave of either.
    """
    n = len(index)
    t = (torch.arange(samples) - samples // 2).float()
    t = uniform(n, 0.88, 1.12, 1) * t + uniform(n, -5.0, 5.0, 1)
    p = -P_START * rate
    d, e = early[:, None], late[:, None]
    t = torch.where(t < p + d.clamp(max=0), t - d, torch.where(t < p, torch.full_like(t, p), t))
    next_p = (after[:, None] + e.clamp(max=0) - P_START * rate).clamp(min=T_END * rate).expand_as(t)
    t = torch.where(t > next_p + e.clamp(min=0), t - e, torch.where(t > next_p, next_p, t))
    low = t.floor()
    part = (t - low)[:, None]
    at = (beats.center[index, None] + low.long()).clamp(0, beats.signal.shape[1] - 2)
    a, b = beats.signal[:, at].transpose(0, 1), beats.signal[:, at + 1].transpose(0, 1)
    return a + (b - a) * part


def without_p(x: Tensor, flat: Tensor, rate: float) -> Tensor:
    """The P wave replaced by a straight line, or, where not `flat`, weakened or turned over."""
    x, middle = x.clone(), x.shape[-1] // 2
    part = slice(middle - int(P_START * rate), middle - int(P_END * rate))
    wave = x[..., part]
    w = torch.linspace(0, 1, wave.shape[-1])
    line = wave[..., :1] * (1 - w) + wave[..., -1:] * w
    gain = torch.where(flat, torch.zeros(len(x)), uniform(len(x), -1.0, 0.5))[:, None, None]
    x[..., part] = line + gain * (wave - line)
    return x


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
    """Age and sex blurred or hidden half of the time, intervals jittered, rhythm seldom hidden."""
    n = len(f["age"])
    age = f["age"] + 6.0 * torch.randn(n)
    age = age.masked_fill(torch.rand(n) < 0.5, math.nan)
    sex = f["sex"].masked_fill(torch.rand(n) < 0.5, -1)
    rows = f["rhythm"] + torch.randn_like(f["rhythm"]) * torch.tensor([0.12, 0.12, 0.2, 0.1, 0.1])
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
