"""Trains `beats` (two leads, any) and `beats-1lead` (one lead, any) on what `prepare_beats.py` made.

    python -m efficientecg_train.train.beats beats DATA --output W.npz            on all patients
    python -m efficientecg_train.train.beats beats DATA --fold 0 1 2 3 4 --output W-FOLD.npz    without a fold, whose logits go to W-0.held.npz

Rows carry nearly everything. So several teachers, which read rows alone, are trained from their own seeds, and the network learns
the mean of their probabilities as well as the labels. Half of the windows are hidden from it.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import beats, config, export
from ..datasets import mitbih
from ..evaluate import calibrate, metrics
from ..network import EfficientECG
from . import augment, prepared_beats
from .mitbih import Average
from .prepare_beats import DISTURBED, RATE, REAL, SIMULATED

NAMES = {"beats": 2, "beats-1lead": 1}
SAMPLES = 144
# Share of each class in training batches, and of real, disturbed and simulated records.
SHARE = [0.70, 0.14, 0.15, 0.007, 0.003]
MIX = {REAL: 0.5, DISTURBED: 0.2, SIMULATED: 0.3}
# Added to the classifier's bias after training on all patients, chosen on the folds.
OFFSET = {"beats": [0.0, -0.25, 0.0, 0.0, 0.0], "beats-1lead": [0.0, -0.5, -0.75, -1.0, -1.0]}
# By which the logits are then divided; chosen on the folds too.
TEMPERATURE = {"beats": 0.905, "beats-1lead": 0.970}


def configuration(name: str) -> dict:
    leads = NAMES[name]
    heart = {"name": "rhythm", "kind": "sequence", "inputs": beats.wide_inputs(leads), "hidden": 64}
    return config.make(
        name, ["*"] * leads, RATE, SAMPLES, mitbih.CLASSES, stem=(8, 9, 4),
        stages_=[(1, 5, 2, 16, 1), (3, 5, 2, 24, 1), (3, 3, 1, 32, 1)], head=64, fusion={"dim": 32, "heads": 4, "features": [heart]},
    )


def weights(data: prepared_beats.Prepared, chosen: Tensor) -> Tensor:
    """`[n]` sampling weights: kinds by `MIX`, classes within each by `SHARE`, every record alike within a class."""
    out = torch.zeros(len(data))
    for kind, part in MIX.items():
        of_kind = torch.zeros(len(data))
        for c, share in enumerate(SHARE):
            mine = chosen & (data.kind == kind) & (data.labels == c)
            if mine.any():
                count = torch.bincount(data.record[mine], minlength=len(data.names)).float()
                of_kind[mine] = 1 / count[data.record[mine]]
                of_kind[mine] *= share / of_kind[mine].sum()
        out += part * of_kind / of_kind.sum().clamp(min=1e-9)
    return out


def swapped_columns() -> list[int]:
    """The columns of a row of two leads as they are when the leads change places."""
    # R-R figures and shapes of both leads; of one lead; without surroundings.
    shared, per, base = beats.FIGURES + beats.SHARED_SHAPES, beats.SHAPES, beats.row_inputs(2)
    end = shared + 2 * per
    order = [*range(shared), *range(shared + per, end), *range(shared, shared + per), *range(end, base - 2)]
    return [*order, base - 1, base - 2, *range(base, base + beats.SURROUNDINGS)]


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
    swap = torch.rand(n) < (0.5 if data.leads == 2 else 0.0)
    hidden = torch.rand(n) < augment.HIDDEN
    x = data.signal(index[~hidden])
    if data.leads == 2:
        x = torch.where(swap[~hidden][:, None, None], x.flip(1), x)
    x = changed(stretched(x, SAMPLES))
    x = torch.cat([x, torch.zeros(1, *x.shape[1:])])
    window = torch.full((n,), len(x) - 1)
    window[~hidden] = torch.arange(len(x) - 1)
    return x, window, {"rhythm": noisy_rows(data, index, swap)}


def noisy_rows(data: prepared_beats.Prepared, index: Tensor, swap: Tensor) -> Tensor:
    rows = data.stacked(index)
    if data.leads == 2:
        rows = torch.where(swap[:, None, None], rows[..., swapped_columns()], rows)
    return rows + 0.25 * torch.randn_like(rows)


class Teacher(nn.Module):
    """Reads rows alone."""

    def __init__(self, inputs: int, hidden: int = 64):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(mitbih.CLASSES))

    def forward(self, rows: Tensor) -> Tensor:
        return self.out(F.dropout(self.lstm(rows)[0][:, -1], 0.25, self.training))


def order(data, chosen: Tensor, count: int) -> Tensor:
    """So many of the `chosen` beats, drawn by `weights`."""
    places = chosen.nonzero()[:, 0]
    return places[torch.multinomial(weights(data, chosen)[places], count, replacement=True)]


def teach(data, chosen: Tensor, asked: Tensor, *, seed: int, teachers: int, steps: int, size=512, rate=6e-3) -> Tensor:
    """The mean of the teachers' probabilities, `[n, classes]`, each trained on the `chosen` beats; 0 but for those `asked`."""
    total = torch.zeros(len(data), len(mitbih.CLASSES))
    for k in range(teachers):
        torch.manual_seed(1000 * seed + k)
        teacher = Teacher(data.rows.shape[1])
        optimizer = torch.optim.AdamW(teacher.parameters(), rate, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.2)
        average = Average(teacher, 0.99)
        for step, index in enumerate(order(data, chosen, steps * size).split(size)):
            rows = noisy_rows(data, index, torch.rand(len(index)) < (0.5 if data.leads == 2 else 0.0))
            loss = F.cross_entropy(teacher(rows), data.labels[index], label_smoothing=0.02)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), 2.0)
            optimizer.step()
            schedule.step()
            average.update(teacher, step)
        with torch.no_grad():
            for index in asked.split(4096):
                total[index] += average.module(data.stacked(index)).softmax(-1)
    return total / teachers


def fit(module, data, drawn: Tensor, taught: Tensor, *, seed: int, size=384, rate=5e-3, report=None):
    """Trains in place on the beats `drawn`, by their labels and by what was `taught`; returns the averaged module."""
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
    parser.add_argument("--teachers", type=int, default=5)
    parser.add_argument("--teacher-steps", type=int, default=500)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    def report(text):
        print(text, file=sys.stderr, flush=True)

    data = prepared_beats.load(args.data, NAMES[args.name])
    for fold in args.fold or [-1]:
        output = args.output.replace("FOLD", str(fold))
        held = data.fold[data.record] == fold
        tested = (held & (data.kind == REAL)).nonzero()[:, 0]
        torch.manual_seed(args.seed)
        module = EfficientECG(configuration(args.name))
        drawn = order(data, ~held, args.steps * 384)
        taught = teach(data, ~held, torch.cat([drawn.unique(), tested]), seed=args.seed, teachers=args.teachers,
                       steps=args.teacher_steps)
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
