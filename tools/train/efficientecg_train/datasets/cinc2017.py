"""The PhysioNet/CinC Challenge 2017 (AF classification from a short single-lead ECG), as PhysioNet publishes it.

`A00001.{mat,hea}` (MATLAB v4 int16, 1000 units a mV, 300 Hz, 9 to 61 s) and `REFERENCE.csv` (labels v3).
"""

from __future__ import annotations

import csv
import os

import numpy as np
import torch

from ..recordings import Recordings, prepared

CLASSES = ["N", "A", "O", "~"]
LEADS = ["ECG"]
RATE = 300
HEADER = 24  # bytes of a MATLAB v4 matrix named `val`
FOLDS = 5


def read(folder: str) -> Recordings:
    """All records of `REFERENCE.csv`, in its order."""
    with open(os.path.join(folder, "REFERENCE.csv"), newline="") as f:
        rows = list(csv.reader(f))
    signals = []
    for name, _ in rows:
        with open(os.path.join(folder, name + ".mat"), "rb") as f:
            signals.append(prepared(np.frombuffer(f.read(), "<i2", offset=HEADER)[None], RATE, "zscore"))
    n = len(rows)
    return Recordings(
        names=[name for name, _ in rows], signals=signals,
        labels=torch.tensor([CLASSES.index(label) for _, label in rows]),
        age=torch.full((n,), float("nan")), sex=torch.full((n,), -1))


def folds(data: Recordings) -> np.ndarray:
    """Each record's fold, `[n]`: every class split in a fixed random order. Patients are not published."""
    fold = np.empty(len(data), np.int64)
    draw = np.random.default_rng(2017)
    for c in range(len(CLASSES)):
        mine = draw.permutation(np.flatnonzero((data.labels == c).numpy()))
        fold[mine] = np.arange(len(mine)) % FOLDS
    return fold
