"""Tests `beats` and `beats-1lead`, reading records through the engine.

    python -m efficientecg_train.evaluate.beats folds W-0.held.npz ...            the figures of the held-out folds, and offsets
    python -m efficientecg_train.evaluate.beats ablate DATA W-0.npz ...           the same with parts of the input taken away
    python -m efficientecg_train.evaluate.beats disturbed MITBIH SVDB W-0.npz ... each fold's network on disturbed records of its fold
    python -m efficientecg_train.evaluate.beats ds2 MITBIH W.npz                  DS2; --predictions X.txt makes the engine's golden

`W-0.npz` and `W-0.held.npz` are what `train.beats --fold 0` wrote, before offsets and temperature.
"""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np
import torch

from .. import beats, export, inputs, patients
from ..datasets import mitbih
from ..train import disturb, prepared_beats
from ..train.beats import OFFSET, predict
from ..train.prepare_beats import REAL
from . import calibrate, metrics

SECONDS = 300  # of each record that is disturbed


def figures(truth, found) -> str:
    """S, V, accuracy as columns of a table."""
    m = metrics.confusion(truth, found)
    (s_se, s_ppv, s), (v_se, v_ppv, v) = metrics.per_class(m)[1:3]
    return (f"{s:.3f} | {100 * s_se:.1f} | {100 * s_ppv:.1f} | {v:.3f} | {100 * v_se:.1f} | {100 * v_ppv:.1f} | "
            f"{100 * metrics.accuracy(m):.2f} |")


HEADER = "| | S F1 | Se % | PPV % | V F1 | Se % | PPV % | accuracy % |\n| --- |" + " ---: |" * 7


def best_offsets(logits: np.ndarray, labels: np.ndarray) -> list[float]:
    """Offsets of S and V in steps of 0.25 that give the best sum of their F1; F and Q keep -1."""
    def score(o):
        found = metrics.per_class(metrics.confusion(labels, (logits + o).argmax(1)))
        return found[1][2] + found[2][2]

    grid = [[0.0, s, v, -1.0, -1.0] for s in np.arange(-2, 1.01, 0.25) for v in np.arange(-2, 1.01, 0.25)]
    return [float(x) for x in max(grid, key=lambda o: score(np.array(o)))]


def folds(args) -> None:
    held = []
    for path in args.held:
        with np.load(path) as z:
            held.append({key: z[key] for key in z.files})
    first = held[0]
    fold = np.concatenate([np.full(len(h["labels"]), i) for i, h in enumerate(held)])
    logits, taught, labels, record, lead, database = (
        np.concatenate([h[key] for h in held]) for key in ("logits", "taught", "labels", "record", "lead", "database"))
    names = first["names"]
    offset = np.array(OFFSET[args.name] if args.name else best_offsets(logits, labels))
    others = np.concatenate([(logits[fold == f] + best_offsets(logits[fold != f], labels[fold != f])) for f in np.unique(fold)])
    order = np.argsort(fold, kind="stable")
    print(f"offsets {offset.tolist()}\n\n{HEADER}")
    print(f"| as trained | {figures(labels, logits.argmax(1))}")
    print(f"| with the offsets | {figures(labels, (logits + offset).argmax(1))}")
    print(f"| with offsets of the other folds | {figures(labels[order], others.argmax(1))}")
    print(f"| the mean of the teachers, with their offsets | "
          f"{figures(labels, (np.log(taught + 1e-9) + best_offsets(np.log(taught + 1e-9), labels)).argmax(1))}")
    found = (logits + offset).argmax(1)
    for title, mine in [("MIT-BIH (DS1)", database == 0), ("SVDB", database == 1),
                        *[(f"lead {i + 1}", lead == i) for i in (0, 1) if args.one],
                        *[(f"fold {f}", fold == f) for f in np.unique(fold)]]:
        print(f"| {title} | {figures(labels[mine], found[mine])}")
    print("\n" + metrics.table(metrics.confusion(labels, found)))
    t = calibrate.temperature(torch.from_numpy(logits + offset).double(), torch.from_numpy(labels))
    for title, x in [("as trained", logits), ("with the offsets", logits + offset), (f"and temperature {t:.3f}", (logits + offset) / t)]:
        p = torch.from_numpy(x).double().softmax(1).numpy()
        print(f"expected calibration error {title}: {100 * calibrate.error(labels, p):.2f} %")
        sure = p.max(1)
        parts = [(low, high, (sure >= low) & (sure < high)) for low, high in ((0, .5), (.5, .7), (.7, .9), (.9, .99), (.99, 1.01))]
        print("  " + ", ".join(f"{low}-{min(high, 1)}: {mine.sum()} beats, sure {100 * sure[mine].mean():.1f}, right "
                               f"{100 * (p.argmax(1) == labels)[mine].mean():.1f} %" for low, high, mine in parts if mine.any()))
    print("\nby patient: record, beats, S of N, S missed, V of N, V missed")
    for i in np.unique(record):
        name = names[i]
        m = metrics.confusion(labels[record == i], found[record == i])
        print(f"{name} {m.sum()}: S {m[1].sum()} found {m[1, 1]}, false {m[:, 1].sum() - m[1, 1]}; "
              f"V {m[2].sum()} found {m[2, 2]}, false {m[:, 2].sum() - m[2, 2]}; accuracy {100 * metrics.accuracy(m):.1f} %")


def parts(leads: int) -> dict[str, list[int]]:
    """Columns of wide rows by what they tell of."""
    shapes, per = beats.FIGURES + beats.SHARED_SHAPES, beats.SHAPES  # the first column of the first lead, and columns of a lead
    waves = shapes + per * leads
    base = beats.row_inputs(leads)
    of_lead = [shapes + per * lead + k for lead in range(leads) for k in range(per)]
    p_wave = [k for k in of_lead if (k - shapes) % per >= 7]
    return {
        "intervals": [*range(beats.FIGURES), *range(base, base + 7)],
        "QRS shapes": [*range(beats.FIGURES, shapes), *(k for k in of_lead if k not in p_wave), base + 10, base + 11],
        "P waves": [*p_wave, *range(waves, base), *range(base + 7, base + 10)],
        "what surrounds the beat": [*range(base, base + beats.SURROUNDINGS)],
    }


def ablate(args) -> None:
    modules = [export.load(path) for path in args.weights]
    leads = len(modules[0].config["leads"])
    data = prepared_beats.load(args.data, leads)
    offset = np.array(OFFSET[modules[0].config["name"]])
    print(HEADER)
    whole = data.rows
    for title, columns in {"nothing": [], "windows": [], **parts(leads)}.items():
        data.rows = whole.clone()
        data.rows[:, columns] = 0.0
        truth, found = [], []
        for f, module in enumerate(modules):
            index = ((data.fold[data.record] == f) & (data.kind == REAL)).nonzero()[::5, 0]
            logits = predict(module, data, index, windows=title != "windows")
            truth.append(data.labels[index].numpy())
            found.append((logits.numpy() + offset).argmax(1))
        print(f"| {title} | {figures(np.concatenate(truth), np.concatenate(found))}", flush=True)


def logits_of(module, windows, rows) -> np.ndarray:
    out = []
    with torch.no_grad():
        for i in torch.arange(len(windows)).split(512):
            x, r = torch.from_numpy(windows[i]).double(), torch.from_numpy(rows[i]).double()
            out.append(module(x, {"rhythm": r}).numpy())
    return np.concatenate(out)


def kinds():
    """What is done to the signal, by name."""
    plain = {
        "nothing": lambda x, rate, rng: x,
        "hum of 50 Hz, a tenth of the height": lambda x, rate, rng: disturb.hum(x, rate, rng, 0.1, 50.0),
        "hum of 60 Hz, a tenth of the height": lambda x, rate, rng: disturb.hum(x, rate, rng, 0.1, 60.0),
        "offsets of up to one height": disturb.offset,
        "wander": disturb.wander,
        "noise, root mean square 4 % of the height": lambda x, rate, rng: disturb.muscle(x, rate, rng, 0.04),
        "half a second missing, twice a minute": lambda x, rate, rng: disturb.gaps(x, rate, rng, 2.0, 0.5, 0.501),
        "one second flat, twice a minute": lambda x, rate, rng: disturb.flat(x, rate, rng, 2.0, 1.0, 1.001),
        "clipping": disturb.clipping,
    }
    return plain


def disturbed(args) -> None:
    records = patients.read(args.mitbih, args.svdb)
    fold = patients.folds(records)
    modules = [export.load(path, torch.float64) for path in args.weights]
    leads = len(modules[0].config["leads"])
    offset = np.array(OFFSET[modules[0].config["name"]])
    print(HEADER)
    for title, change in kinds().items():
        truth, found = [], []
        for f, module in enumerate(modules):
            mine = []
            for i in np.nonzero(fold == f)[0]:
                r = records[i]
                samples = SECONDS * r.sample_rate
                few = r.beats < samples - r.sample_rate
                x = change(r.signal[:, :samples], r.sample_rate, np.random.default_rng([7, i]))
                mine.append(mitbih.Record(r.name, r.leads, r.sample_rate, x, r.beats[few], r.labels[few], r.age, r.sex))
            windows, rows = inputs.features(mine, list(range(leads)), module.config)
            truth.append(np.concatenate([r.labels for r in mine]))
            found.append((logits_of(module, windows, rows) + offset).argmax(1))
        print(f"| {title} | {figures(np.concatenate(truth), np.concatenate(found))}", flush=True)


def ds2(args) -> None:
    module = export.load(args.weights, torch.float64)
    paths = [os.path.join(args.mitbih, name) for name in mitbih.DS2]
    windows, rows = inputs.read(paths, module.config)
    records = [mitbih.read(args.mitbih, name) for name in mitbih.DS2]
    labels = np.concatenate([r.labels for r in records])
    of = np.repeat(np.arange(len(records)), [len(r.labels) for r in records])
    logits = logits_of(module, windows, rows)
    if not np.isfinite(logits).all():
        raise AssertionError("logits are not finite")
    found = logits.argmax(1)
    print(metrics.table(metrics.confusion(labels, found)))
    print(f"\n{HEADER}\n| DS2 | {figures(labels, found)}")
    for i, r in enumerate(records):
        print(f"| {r.name} | {figures(labels[of == i], found[of == i])}")
    p = torch.from_numpy(logits).softmax(1).numpy()
    print(f"expected calibration error {100 * calibrate.error(labels, p):.2f} %")
    if args.predictions:
        letters = np.array(mitbih.CLASSES)[found]
        with open(args.predictions, "w", encoding="ascii") as f:
            f.write("# The class of every beat of DS2, a line a record: made by\n")
            f.write("# python -m efficientecg_train.evaluate.beats ds2 MITBIH W.npz --predictions THIS.txt\n")
            for i, r in enumerate(records):
                f.write(f"{r.name} {''.join(letters[of == i])}\n")


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.evaluate.beats", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True)
    one = what.add_parser("folds")
    one.add_argument("held", nargs="+")
    one.add_argument("--name", choices=list(OFFSET), help="with this model's offsets, not the best for these folds")
    one.add_argument("--one", action="store_true", help="also by lead")
    one.set_defaults(run=folds)
    four = what.add_parser("ablate")
    four.add_argument("data")
    four.add_argument("weights", nargs="+", help="of fold 0, 1, ...")
    four.set_defaults(run=ablate)
    two = what.add_parser("disturbed")
    two.add_argument("mitbih")
    two.add_argument("svdb")
    two.add_argument("weights", nargs="+", help="of fold 0, 1, ...")
    two.set_defaults(run=disturbed)
    three = what.add_parser("ds2")
    three.add_argument("mitbih")
    three.add_argument("weights")
    three.add_argument("--predictions", metavar="OUT.txt")
    three.set_defaults(run=ds2)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    args.run(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
