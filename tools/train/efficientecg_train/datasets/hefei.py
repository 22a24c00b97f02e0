"""The text layout of the Hefei Hi-tech Cup ECG contest (2019): 8 leads, 10 s at 500 Hz.

`LABELS` has a line a record, `0.txt<TAB>age<TAB>MALE|FEMALE<TAB>event<TAB>event...`, where age and sex may be empty. Each
record is a text file: a line with the names of the leads, then a line of integers a sample, one unit being 4.88 uV.
`EVENTS` names the classes, one a line.
"""

from __future__ import annotations

import os

import numpy as np
import torch

from ..recordings import Recordings, normalized

LEADS = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
RATE = 500
MILLIVOLTS = 0.00488  # a unit


def samples(path: str) -> np.ndarray:
    """`[8, T]` in mV, in the order of `LEADS` whatever the file's."""
    with open(path, encoding="utf-8") as f:
        names = f.readline().split()
        if sorted(names) != sorted(LEADS):
            raise ValueError(f"{path}: line 1: expected the leads {' '.join(LEADS)}, found {' '.join(names)}")
        values = np.loadtxt(f, dtype=np.int64, ndmin=2)
    if values.shape[1] != len(LEADS):
        raise ValueError(f"{path}: expected {len(LEADS)} columns, found {values.shape[1]}")
    return values[:, [names.index(lead) for lead in LEADS]].T * MILLIVOLTS


def read(folder: str, labels: str, events: str) -> tuple[Recordings, list[str]]:
    """The records of `labels` in its order, found in `folder`, and the names of the classes (multilabel)."""
    with open(events, encoding="utf-8") as f:
        classes = [line.strip() for line in f if line.strip()]
    place = {name: i for i, name in enumerate(classes)}
    names, signals, rows, ages, sexes = [], [], [], [], []
    with open(labels, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            name, age, sex, *found = [field.strip() for field in line.rstrip("\r\n").split("\t")]
            row = np.zeros(len(classes), np.float32)
            for event in filter(None, found):
                if event not in place:
                    raise ValueError(f"{labels}: line {number}: the event {event!r} is not in {events}")
                row[place[event]] = 1
            names.append(name)
            signals.append(normalized(samples(os.path.join(folder, name))))
            rows.append(row)
            ages.append(float(age) if age else float("nan"))
            sexes.append({"FEMALE": 0, "MALE": 1}.get(sex.upper(), -1))
    return Recordings(names=names, signals=signals, labels=torch.from_numpy(np.array(rows)),
                      age=torch.tensor(ages), sex=torch.tensor(sexes)), classes
