"""Records of CinC 2017, half a minute to a minute of one lead, for `beats`.

MIT-BIH and SVDB have few patients. CinC 2017 has thousands, but a class of the record alone, so two things are taken from it:

- *fibrillating*: records of class A. All of their beats are N, but for ventricular ones, which `teachers.py` finds and leaves out;
- *short*: records of class N with the rhythm changed (`simulate.py`), whose classes are known because they were made.

Beats are placed by the engine's detector. A second lead is made of the first: another gain, either sign, some noise.
"""

from __future__ import annotations

import csv
import os
from dataclasses import replace

import efficientecg
import numpy as np

from ..datasets.mitbih import Record
from . import simulate

RHYTHMS = {"runs": 0.2, "single": 0.22, "geminy": 0.2, "block": 0.06, "mild": 0.27, "fibrillation": 0.05}
SHORTEST = {"A": 25, "N": 29}  # s
BEATS = 20  # that a record has at least
DRAWN = 2000  # records of class N; those without a P wave to be seen fall out
REGULAR = 18  # beats that show the P wave
OTHERS = 8  # P waves of other records to choose from


def names(folder: str, label: str) -> list[str]:
    """Records of this class that are long enough, in the order of `REFERENCE.csv`."""
    with open(os.path.join(folder, "REFERENCE.csv"), newline="") as file:
        mine = [name for name, its in csv.reader(file) if its == label]
    return [name for name in mine if efficientecg.Record.open(os.path.join(folder, name)).seconds >= SHORTEST[label]]


def read(folder: str, name: str, rng) -> Record | None:
    """With a second lead, and every beat N; None if there are fewer than `BEATS`."""
    record = efficientecg.Record.open(os.path.join(folder, name))
    x = record.signal(0).astype(np.float64)
    found = np.asarray(efficientecg.find_peaks(x.astype(np.float32), record.fs), np.int64)
    if len(found) < BEATS:
        return None
    second = x * rng.uniform(0.4, 1.2) * rng.choice([-1, 1]) + rng.normal(0, rng.uniform(0.005, 0.04), len(x))
    return Record(name, ["ECG", "made"], int(record.fs), np.stack([x, second]), found, np.zeros(len(found), int), float("nan"), -1)


def fibrillating(folder: str) -> list[Record]:
    """The records of class A."""
    made = [read(folder, name, np.random.default_rng([3, i])) for i, name in enumerate(names(folder, "A"))]
    return [r for r in made if r is not None]


def simulated(folder: str) -> list[Record]:
    """Records of class N, each with one of `RHYTHMS`."""
    mine = names(folder, "N")
    drawn = np.sort(np.random.default_rng(8).choice(len(mine), min(DRAWN, len(mine)), replace=False))
    out, waves = [], []
    for i in drawn:
        rng = np.random.default_rng([4, int(i)])
        r = read(folder, mine[i], rng)
        if r is None:
            continue
        r = replace(r, signal=r.signal * rng.uniform(0.6, 1.4) / tall(r))
        wave = simulate.p_wave(r, REGULAR)
        if wave is None:
            continue
        others = [waves[k] for k in rng.integers(0, len(waves), OTHERS)] if waves else []
        waves.append(wave)
        out.append(simulate.simulate(r, str(rng.choice(list(RHYTHMS), p=list(RHYTHMS.values()))), others, rng))
    return out


def tall(r: Record) -> float:
    """The usual height of an R peak, in mV: what `simulate.py` adds is in mV, and gains of these recorders differ."""
    return max(float(np.median(np.abs(r.signal[0, r.beats] - np.median(r.signal[0])))), 1e-3)
