"""Trains `beats` (two leads, any) and `beats-1lead` (one lead, any) on what `prepare_beats.py` made.

    python -m efficientecg_train.train.beats beats DATA --output W.npz            on all patients
    python -m efficientecg_train.train.beats beats DATA --fold 0 1 2 3 4 --output W-FOLD.npz    without a fold, whose logits go to W-0.held.npz

Rows carry nearly everything. So the network learns from teachers that read rows alone (`teachers.py`) as well as from the labels, and
half of the windows are hidden from it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import beats, config, export
from ..datasets import mitbih
from ..evaluate import calibrate, metrics
from ..network import EfficientECG
from . import augment, draw, prepared_beats, teachers
from .mitbih import Average
from .prepare_beats import DISTURBED, FIBRILLATING, RATE, REAL, SHORT, SIMULATED

NAMES = {"beats": 2, "beats-1lead": 1}


@dataclass(frozen=True)
class Recipe:
    """What a network learns from, chosen on the folds: trees and CinC 2017, tried together, were not worth it with one lead."""

    kinds: tuple[int, ...]  # of records
    lstms: int
    trees: int  # rounds of boosting; 0 for none


RECIPE = {
    "beats": Recipe((REAL, DISTURBED, SIMULATED, FIBRILLATING, SHORT), lstms=4, trees=300),
    "beats-1lead": Recipe((REAL, DISTURBED, SIMULATED), lstms=5, trees=0),
}
LSTM_STEPS = 500
SAMPLES = 144
# Added to the classifier's bias after training on all patients, chosen on the folds.
OFFSET = {"beats": [0.0, -0.25, 0.75, -1.0, -1.0], "beats-1lead": [0.0, -0.5, -0.75, -1.0, -1.0]}
# By which the logits are then divided; chosen on the folds too.
TEMPERATURE = {"beats": 0.970, "beats-1lead": 0.970}


def configuration(name: str) -> dict:
    leads = NAMES[name]
    heart = {"name": "rhythm", "kind": "sequence", "inputs": beats.wide_inputs(leads), "hidden": 64}
    return config.make(
        name, ["*"] * leads, RATE, SAMPLES, mitbih.CLASSES, stem=(8, 9, 4),
        stages_=[(1, 5, 2, 16, 1), (3, 5, 2, 24, 1), (3, 3, 1, 32, 1)], head=64, fusion={"dim": 32, "heads": 4, "features": [heart]},
    )


def stretched(x: Tensor, samples: int) -> Tensor:
    """`[B, leads, samples]` of `[B, leads, wide]`: stretched by up to 12 % and moved by up to 14 ms."""
    n, leads, wide = x.shape
    t = (torch.arange(samples) - samples // 2).float()
    t = augment.uniform(n, 0.88, 1.12, 1) * t + augment.uniform(n, -0.014 * RATE, 0.014 * RATE, 1) + wide // 2
    low = t.floor().clamp(0, wide - 2)
    part = (t - low)[:, None]
    at = low.long()[:, None].expand(n, leads, samples)
    a, b = x.gather(2, at), x.gather(2, at + 1)
    return a + (b - a) * part


def changed(x: Tensor) -> Tensor:
    """Windows with leads mixed, filters, gains, wander and noise; the second lead is absent from a fifth."""
    n, leads, samples = x.shape
    if leads == 2:
        x = (torch.eye(2) + torch.randn(n, 2, 2) * torch.where(torch.rand(n, 1, 1) < 0.4, 0.3, 0.03)) @ x
    some = augment.chance(n, 0.2)
    x[some] = augment.filtered(x[some])
    gain = torch.exp(torch.randn(n, leads, 1) * 0.25) * torch.where(torch.rand(n, leads, 1) < 0.15, -1.0, 1.0)
    if leads == 2:
        gain[:, 1] *= (torch.rand(n, 1) < 0.8).float()
    noise = torch.randn_like(x) * augment.uniform(n, 0.0, 0.12, leads, 1).square() * 5
    level = augment.uniform(n, -0.3, 0.3, leads, 1)
    return x * gain + level + torch.where(torch.rand(n, 1, 1) < 0.5, noise, torch.zeros_like(noise))


def inputs(data: prepared_beats.Prepared, index: Tensor):
    """A batch for training: windows that are not hidden and one hidden one, each beat's window, rows and steps."""
    n = len(index)
    swap = draw.swaps(data, n)
    hidden = torch.rand(n) < augment.HIDDEN
    x = data.signal(index[~hidden])
    if data.leads == 2:
        x = torch.where(swap[~hidden][:, None, None], x.flip(1), x)
    x = changed(stretched(x, SAMPLES))
    x = torch.cat([x, torch.zeros(1, *x.shape[1:])])
    window = torch.full((n,), len(x) - 1)
    window[~hidden] = torch.arange(len(x) - 1)
    return x, window, {"rhythm": draw.noisy_rows(data, index, swap)}


def fit(module, data, drawn: Tensor, taught: Tensor, *, seed: int, size=384, rate=5e-3, report=None):
    """Trains in place on the beats `drawn`, by their labels and by what was `taught` of them; returns the averaged module."""
    torch.manual_seed(seed)
    steps = len(drawn) // size
    module.dropout = 0.2
    decayed = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.2)
    average = Average(module, 0.99)
    for part in (module.stem, module.blocks[0]):
        part.register_forward_hook(augment.mix_style)
    module.train()
    total, start = 0.0, time.monotonic()
    for step, index in enumerate(drawn[: steps * size].split(size)):
        x, window, f = inputs(data, index)
        logits = module.decide(module.encode(x)[window], f)
        loss = 0.3 * F.cross_entropy(logits, data.labels[index]) + 0.7 * F.cross_entropy(logits, taught[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        average.update(module, step)
        total += loss.item()
        if report and (step + 1) % 200 == 0:
            report(f"step {step + 1}/{steps} loss {total / 200:.4f} {time.monotonic() - start:.0f} s")
            total = 0.0
    return average.module


@torch.no_grad()
def predict(module, data, index: Tensor, windows=True) -> Tensor:
    """Logits `[len(index), classes]`; windows may be zeros."""
    out, cut = [], (data.windows.shape[-1] - SAMPLES) // 2
    for i in index.split(1024):
        x = data.signal(i)[..., cut : cut + SAMPLES]
        out.append(module(x if windows else torch.zeros_like(x), {"rhythm": data.stacked(i)}))
    return torch.cat(out)


@torch.no_grad()
def without_rows(module) -> None:
    """Makes the token of a record of one beat, which has no rows, that of rows of zeros: an ordinary beat."""
    rows = module.fusion.features["rhythm"]
    zeros = torch.zeros(1, beats.STEPS, rows.lstm.input_size, dtype=rows.missing.dtype)
    rows.missing.copy_(rows.proj(rows.lstm(zeros)[0][:, -1])[0])


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.train.beats", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(NAMES))
    parser.add_argument("data", help="folder that prepare_beats wrote")
    parser.add_argument("--output", required=True, help="weight file to write (.npz); FOLD in it is the fold")
    parser.add_argument("--fold", type=int, nargs="+", help="hold this fold of patients out; of several each in turn; -1 holds none out")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    def report(text):
        print(text, file=sys.stderr, flush=True)

    data, recipe = prepared_beats.load(args.data, NAMES[args.name]), RECIPE[args.name]
    known = torch.isin(data.kind, torch.tensor(recipe.kinds))
    for fold in args.fold or [-1]:
        output = args.output.replace("FOLD", str(fold))
        held = (data.fold[data.record] == fold) & (fold >= 0)
        tested = (held & (data.kind == REAL)).nonzero()[:, 0]
        answer, chosen = teachers.learn(data, known & ~held, seed=args.seed, lstms=recipe.lstms, steps=LSTM_STEPS, rounds=recipe.trees,
                                        threads=args.threads)
        torch.manual_seed(args.seed)
        module = EfficientECG(configuration(args.name))
        drawn = draw.order(data, chosen, args.steps * 384)
        asked = torch.cat([drawn.unique(), tested])
        taught = torch.zeros(len(data), len(mitbih.CLASSES))
        taught[asked] = answer(asked)
        if len(tested):
            report(f"fold {fold}, teachers: " + metrics.line(metrics.confusion(data.labels[tested], taught[tested].argmax(1))))
        averaged = fit(module, data, drawn, taught, seed=args.seed, report=report)
        without_rows(averaged)
        if fold < 0:
            calibrate.fold(averaged, TEMPERATURE[args.name], OFFSET[args.name])
        else:
            logits = predict(averaged, data, tested)
            report(f"fold {fold}: " + metrics.line(metrics.confusion(data.labels[tested], logits.argmax(1))))
            np.savez(output.removesuffix(".npz") + ".held.npz", logits=logits.numpy(), taught=taught[tested].numpy(),
                     labels=data.labels[tested].numpy(), record=data.record[tested].numpy(), lead=data.lead[tested].numpy(),
                     database=data.database[data.record[tested]].numpy(), names=np.array(data.names))
        export.save(output, averaged, "f2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
