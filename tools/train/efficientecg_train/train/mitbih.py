"""Trains the beat classifier on MIT-BIH and on records simulated from it.

    python -m efficientecg_train.train.mitbih RECORDS --output W.npz        all of DS1
    python -m efficientecg_train.train.mitbih RECORDS --fold 0 --output ... without one fold, and test on it
"""

from __future__ import annotations

import argparse
import copy
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

from .. import beats, config, export
from ..datasets import mitbih
from ..evaluate import metrics
from ..network import EfficientECG
from . import augment, simulate

# Share of each class in training batches. A larger share of F costs S, V and N more than F gains.
SHARE = [0.70, 0.11, 0.182, 0.006, 0.002]

# Added to the classifier's bias after training on all of DS1; chosen on the held-out folds and on stretches of them
# that are dense in S.
OFFSET = [0.0, -0.5, 1.5, -1.5, -1.0]

# Records simulated of each of `simulate.KINDS` from each real one.
TIMES = [2, 2, 1, 2, 2, 3]


def configuration(samples: int = 288, stem=(16, 7, 2)) -> dict:
    age, sex = config.age_sex()
    heart = {"name": "rhythm", "kind": "sequence", "inputs": beats.row_inputs(2), "hidden": 32}
    return config.make(
        "mitbih-beats", ["MLII", "V1"], 360, samples, mitbih.CLASSES,
        stem=stem,
        stages_=[(1, 5, 2, 16, 1), (3, 5, 2, 24, 2), (3, 5, 2, 32, 2), (3, 5, 1, 48, 1)],
        head=96, fusion={"dim": 32, "heads": 4, "features": [age, sex, heart]},
    )


def weights(data: beats.Beats) -> torch.Tensor:
    """Sampling weights: classes by `SHARE`, records within a class by the root of their count."""
    w = torch.zeros(len(data))
    for c, share in enumerate(SHARE):
        of_class = data.labels == c
        for r in range(len(data.names)):
            mine = of_class & (data.record == r)
            if mine.any():
                w[mine] = float(mine.sum()) ** -0.5
        if of_class.any():
            w[of_class] *= share / w[of_class].sum()
    return w


class Average:
    """Exponential moving average of parameters and batch-norm statistics."""

    def __init__(self, module, decay):
        self.module, self.decay = copy.deepcopy(module).eval(), decay

    @torch.no_grad()
    def update(self, module, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for a, b in zip(self.module.state_dict().values(), module.state_dict().values()):
            if a.is_floating_point():
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


@torch.no_grad()
def predict(module, data: beats.Beats, samples, dtype=torch.float32, batch=512, hide=()):
    """Logits `[n, classes]` of every beat; features named in `hide` are missing."""
    out = []
    for index in torch.arange(len(data)).split(batch):
        f = {k: v for k, v in data.features(index).items() if k not in hide}
        f = {k: v.to(dtype) if v.is_floating_point() else v for k, v in f.items()}
        out.append(module(data.windows(index, samples).to(dtype), f))
    return torch.cat(out)


def simulations(records: list[mitbih.Record], seed: int) -> list[mitbih.Record]:
    """`TIMES` records of each kind of rhythm from each record that has a usual P wave."""
    waves = {r.name: simulate.p_wave(r) for r in records}
    out = []
    for i, r in enumerate(records):
        if waves[r.name] is None:
            continue
        others = [w for name, w in waves.items() if w is not None and name != r.name]
        for k, kind in enumerate(simulate.KINDS):
            for again in range(TIMES[k]):
                made = simulate.simulate(r, kind, others, np.random.default_rng([seed, i, k, again]))
                out += [made] if made is not None else []
    return out


def batch(real: beats.Beats, made: beats.Beats, i: torch.Tensor, j: torch.Tensor, samples: int, rate: float):
    """Windows of the beats whose window is not hidden and one hidden one, features, labels, each beat's window."""
    n = len(i) + len(j)
    hidden = torch.rand(n) < augment.HIDDEN
    a, b = i[~hidden[: len(i)]], j[~hidden[len(i) :]]
    x = torch.cat([augment.windows(real, a, samples), augment.windows(made, b, samples)])
    x = torch.cat([augment.signal(x, rate), torch.zeros(1, 2, samples)])
    window = torch.full((n,), len(x) - 1)
    window[~hidden] = torch.arange(len(x) - 1)
    both = zip(real.features(i).items(), made.features(j).values())
    f = {name: torch.cat([value, other]) for (name, value), other in both}
    return x, augment.features(f), torch.cat([real.labels[i], made.labels[j]]), window


def fit(module, real, made, *, epochs, seed, per_epoch=16384, size=256, rate=4e-3, report=None):
    """Trains in place, on as many beats of simulated records as of real ones; returns the averaged module."""
    torch.manual_seed(seed)
    samples, hertz = module.config["samples"], module.config["sample_rate"]
    module.dropout = 0.2
    for block in module.blocks:
        block.drop_path = 0.1
    decayed = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], rate)
    steps = epochs * (per_epoch // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.2)
    average = Average(module, 0.995)
    for part in (module.stem, module.blocks[0], module.blocks[1]):
        part.register_forward_hook(augment.mix_style)
    of_real, of_made = weights(real), weights(made)
    module.train()
    step = 0
    for epoch in range(epochs):
        total, start = 0.0, time.monotonic()
        orders = [torch.multinomial(w, per_epoch // 2, replacement=True).split(size // 2) for w in (of_real, of_made)]
        for i, j in zip(*orders):
            x, f, labels, window = batch(real, made, i, j, samples, hertz)
            loss = F.cross_entropy(module.decide(module.encode(x)[window], f), labels, label_smoothing=0.02)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
            optimizer.step()
            schedule.step()
            average.update(module, step)
            step += 1
            total += loss.item()
        if report:
            report(epoch, total * size / per_epoch, time.monotonic() - start, average.module)
    return average.module


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.train.mitbih", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", help="folder with MIT-BIH's .hea, .dat and .atr files")
    parser.add_argument("--output", required=True, help="weight file to write (.npz)")
    parser.add_argument("--fold", type=int, help="hold this fold of DS1's patients out")
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--samples", type=int, default=288)
    parser.add_argument("--stem", type=int, nargs=3, default=(16, 7, 2))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    held = mitbih.FOLDS[args.fold] if args.fold is not None else []
    records = [mitbih.read(args.records, r) for r in mitbih.TRAIN if r not in held]
    real, made = beats.gather(records), beats.gather(simulations(records, args.seed))
    test = beats.gather([mitbih.read(args.records, r) for r in held]) if held else None
    module = EfficientECG(configuration(args.samples, args.stem))

    def report(epoch, loss, seconds, averaged):
        text = f"epoch {epoch + 1}/{args.epochs} loss {loss:.4f} {seconds:.0f} s"
        last = epoch + 1 == args.epochs
        if test is not None and ((epoch + 1) % 4 == 0 or last):
            logits = predict(averaged, test, args.samples)
            text += " held out: " + metrics.line(metrics.confusion(test.labels, logits.argmax(1)))
            if last:
                np.savez(args.output.removesuffix(".npz") + ".held.npz", logits=logits.numpy(),
                         labels=test.labels.numpy(), record=np.array(test.names)[test.record])
        print(text, file=sys.stderr, flush=True)

    averaged = fit(module, real, made, epochs=args.epochs, seed=args.seed, report=report)
    if not held:
        with torch.no_grad():
            averaged.classifier.bias += torch.tensor(OFFSET)
    export.save(args.output, averaged, "f2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
