"""The beats that `prepare_beats.py` wrote, as tensors, for networks of two leads or of one."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import beats
from .prepare_beats import REAL


@dataclass
class Prepared:
    """Examples: a beat, read by two leads or by one of them."""

    windows: Tensor  # [beats, 2, wide] f16
    beat: Tensor  # [n] index into `windows`
    lead: Tensor  # [n] the lead of a network of one
    rows: Tensor  # [n + 1, inputs]; the last is zeros
    neighbours: Tensor  # [n, 3] rows of the beat before, the beat and the beat after
    labels: Tensor  # [n]
    record: Tensor  # [n]
    kind: Tensor  # [n]
    fold: Tensor  # [records], -1 for those of CinC 2017
    database: Tensor  # [records], 0 MIT-BIH, 1 SVDB, 2 CinC 2017
    names: list[str]
    leads: int

    def __len__(self) -> int:
        return len(self.labels)

    def stacked(self, index: Tensor) -> Tensor:
        """`[B, 3, inputs]`."""
        return self.rows[self.neighbours[index]]

    def signal(self, index: Tensor) -> Tensor:
        """`[B, leads, wide]`."""
        x = self.windows[self.beat[index]].float()
        return x if self.leads == 2 else x[torch.arange(len(index)), self.lead[index]].unsqueeze(1)


def neighbours(group: np.ndarray) -> np.ndarray:
    """`[n, 3]` places of the example before, itself, and after; `n`, a row of zeros, where it is of another group."""
    n = len(group)
    at = np.arange(n)
    same = group[1:] == group[:-1]
    before, after = np.full(n, n), np.full(n, n)
    before[1:][same] = at[:-1][same]
    after[:-1][same] = at[1:][same]
    return np.stack([before, at, after], 1)


def load(folder: str, leads: int) -> Prepared:
    parts: dict[str, list] = {k: [] for k in ("windows", "beat", "lead", "rows", "group", "labels", "record", "kind")}
    fold, database, names, start, groups = [], [], [], 0, 0
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        with np.load(path) as file:
            a = {key: file[key] for key in file.files}
        n, real = len(a["labels"]), int((a["kind"] == REAL).sum())
        views = [(np.arange(n), a["lead"], a["version"], a["rows"] if leads == 2 else a["single"])]
        if leads == 1 and real:
            # The real record is read by its other lead too.
            other = 1 - a["lead"][0]
            rows = a["first"] if other == 0 else a["second"]
            views.append((np.arange(real), np.full(real, other), np.zeros(real, int), rows))
        parts["windows"].append(a["windows"])
        for beat, lead, version, rows in views:
            parts["beat"].append(beat + start)
            parts["lead"].append(lead)
            if rows.shape[1] != beats.wide_inputs(leads) or "names" not in a:
                raise ValueError(f"{path}: rows of {rows.shape[1]} columns, or no names: made by another version; prepare the folder anew")
            parts["rows"].append(rows)
            parts["group"].append(groups + version)
            parts["labels"].append(a["labels"][beat])
            parts["kind"].append(a["kind"][beat])
            parts["record"].append(a["record"][beat] + len(names))
            groups += int(a["version"].max()) + 1
        start += n
        names += a["names"].tolist()
        fold += [int(a["fold"])] * len(a["names"])
        database += [int(a["database"])] * len(a["names"])
    joined = {key: np.concatenate(value) for key, value in parts.items()}
    rows = np.concatenate([joined["rows"], np.zeros((1, beats.wide_inputs(leads)), np.float32)])
    return Prepared(
        **{key: torch.from_numpy(joined[key]) for key in ("windows", "beat", "lead", "labels", "record", "kind")},
        rows=torch.from_numpy(rows), neighbours=torch.from_numpy(neighbours(joined["group"])),
        fold=torch.tensor(fold), database=torch.tensor(database), names=names, leads=leads,
    )
