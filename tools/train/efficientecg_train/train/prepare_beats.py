"""Makes the training data of `beats` and `beats-1lead`: windows and rows of real, disturbed and simulated records.

    python -m efficientecg_train.train.prepare_beats MITBIH SVDB CINC DATA

DATA gets an .npz for each record of MIT-BIH and SVDB: its beats as annotated, then those of the whole record disturbed (`disturb.py`),
then those of 15 minutes of it with another rhythm (`simulate.py`), a third of these disturbed too. P waves of other patients are
taken from the same fold's only. Two more files hold what CinC 2017 gives (`short_records.py`), which is of no fold. All seeds are
fixed. A file that is there is left as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from .. import beats, inputs, patients
from ..datasets.mitbih import Record
from . import disturb, short_records, simulate

# Hz; at this rate the smoothing of the rows takes out hum of 60 Hz, and nearly all of 50.
RATE = 180
WIDE = 180  # samples cut around a beat, more than a network's window, so that it can be stretched and moved
SECONDS = 900  # of a simulated record
REAL, DISTURBED, SIMULATED, FIBRILLATING, SHORT = range(5)


def part(r: Record, rng) -> Record:
    """A stretch of `SECONDS`, which begins and ends between beats."""
    samples = SECONDS * r.sample_rate
    if r.signal.shape[1] <= samples:
        return r
    start = int(rng.integers(r.signal.shape[1] - samples))
    inside = (r.beats > start + 0.4 * r.sample_rate) & (r.beats < start + samples - 0.4 * r.sample_rate)
    return replace(r, signal=r.signal[:, start : start + samples], beats=r.beats[inside] - start, labels=r.labels[inside])


def disturbed(r: Record, chance: float, rng) -> Record:
    """With disturbances, and beats where a detector might put them: all a little early or late, and each."""
    shift = rng.uniform(-0.012, 0.012) + 0.003 * rng.standard_normal(len(r.beats))
    moved = np.clip(r.beats + np.round(shift * r.sample_rate).astype(np.int64), 0, r.signal.shape[1] - 1)
    return replace(r, signal=disturb.several(r.signal, r.sample_rate, rng, chance), beats=np.maximum.accumulate(moved))


def versions(r: Record, others: list[np.ndarray], rng) -> list[tuple[int, Record]]:
    """The record itself, disturbed and simulated, each with its kind."""
    out = [(REAL, r), (DISTURBED, disturbed(r, 0.25, rng))]
    if simulate.p_wave(r) is None:
        return out
    for kind in simulate.KINDS:
        made = simulate.simulate(r if kind == "dense" else part(r, rng), kind, others, rng)
        if made is not None and len(made.beats) > 20:
            out.append((SIMULATED, disturbed(made, 0.15, rng) if rng.random() < 0.33 else made))
    return out


def mild(r: Record, others: list[np.ndarray], rng) -> list[tuple[int, Record]]:
    """One more simulated record, from a generator of its own."""
    made = None if simulate.p_wave(r) is None else simulate.simulate(part(r, rng), "mild", others, rng)
    return [] if made is None or len(made.beats) <= 20 else [(SIMULATED, made)]


def prepare(made: list[tuple[int, Record]], rng) -> dict[str, np.ndarray]:
    """Arrays of all beats of these versions of a record; of the real one the rows of either lead, `first` and `second`."""
    records = [r for _, r in made]
    lead = rng.integers(0, 2, len(made))
    both = inputs.configuration(2, RATE, WIDE, beats.wide_inputs(2))
    windows, rows = inputs.features(records, [0, 1], both)
    either = inputs.configuration(1, RATE, 8, beats.wide_inputs(1))
    counts = [len(r.beats) for r in records]
    of = np.repeat(np.arange(len(made)), counts)
    single, real = np.zeros((sum(counts), beats.wide_inputs(1)), np.float32), {}
    for which in (0, 1):
        mine = [i for i, (kind, _) in enumerate(made) if lead[i] == which or kind == REAL]
        if not mine:
            continue
        one = inputs.features([records[i] for i in mine], [which], either)[1][:, 1]
        for i, own in zip(mine, np.split(one, np.cumsum([counts[i] for i in mine])[:-1])):
            if lead[i] == which:
                single[of == i] = own
            if made[i][0] == REAL:
                real[which] = own
    out = {
        "windows": windows.astype(np.float16), "rows": rows[:, 1], "single": single, "lead": lead[of],
        "labels": np.concatenate([r.labels for r in records]), "version": of, "kind": np.array([k for k, _ in made])[of],
    }
    return {**out, "first": real[0], "second": real[1]} if real else out


def short(made: list[Record], kind: int, rng) -> dict[str, np.ndarray]:
    """Arrays of records of CinC 2017, of which each is a record of its own; of simulated ones three of ten are disturbed."""
    some = rng.random(len(made)) < (0.3 if kind == SHORT else 0.0)
    arrays = prepare([(kind, disturbed(r, 0.15, rng) if change else r) for r, change in zip(made, some)], rng)
    return {**arrays, "record": arrays["version"], "names": np.array([r.name for r in made])}


def joined(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The versions of `a`, then those of `b`."""
    b = {**b, "version": b["version"] + a["version"].max() + 1}
    return {**a, **{key: np.concatenate([a[key], value]) for key, value in b.items()}}


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.train.prepare_beats", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mitbih")
    parser.add_argument("svdb")
    parser.add_argument("cinc2017")
    parser.add_argument("data", help="folder to write")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("K", "N"), help="every Nth file from the Kth")
    args = parser.parse_args(argv)
    os.makedirs(args.data, exist_ok=True)
    records = patients.read(args.mitbih, args.svdb)
    fold = patients.folds(records)
    waves = [simulate.p_wave(r) for r in records]

    def annotated(i: int) -> dict[str, np.ndarray]:
        r, rng = records[i], np.random.default_rng([1, i])
        others = [w for j, w in enumerate(waves) if w is not None and j != i and fold[j] == fold[i]
                  and records[j].sample_rate == r.sample_rate]
        arrays = prepare(versions(r, others, rng), rng)
        rng = np.random.default_rng([2, i])
        more = mild(r, others, rng)
        if more:
            arrays = joined(arrays, prepare(more, rng))
        return {**arrays, "record": np.zeros(len(arrays["labels"]), int), "names": np.array([r.name]),
                "fold": fold[i], "database": 0 if r.sample_rate == 360 else 1}

    def unannotated(kind: int, read: Callable[[str], list[Record]]) -> dict[str, np.ndarray]:
        return {**short(read(args.cinc2017), kind, np.random.default_rng([5, kind])), "fold": -1, "database": 2}

    files = [(f"{i:02}-{r.name}", partial(annotated, i)) for i, r in enumerate(records)]
    files += [("cinc2017-fibrillating", partial(unannotated, FIBRILLATING, short_records.fibrillating)),
              ("cinc2017-simulated", partial(unannotated, SHORT, short_records.simulated))]
    for name, make in files[args.part[0] :: args.part[1]]:
        path = os.path.join(args.data, name + ".npz")
        if os.path.exists(path):
            continue
        arrays = make()
        np.savez(path + ".part.npz", **arrays)
        os.replace(path + ".part.npz", path)
        print(f"{name}: {len(arrays['labels'])} beats", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
