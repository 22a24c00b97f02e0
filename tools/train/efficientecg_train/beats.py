"""Beats as tensors: windows cut on the fly from normalised records, features, labels."""

from __future__ import annotations

from dataclasses import dataclass

import efficientecg
import numpy as np
import torch
from torch import Tensor

from .datasets import mitbih

# Columns of a row, as the engine has them: R-R figures; shapes of all leads and of each; P waves of all leads, and one of each; of wide
# rows, what the beats around are like.
FIGURES, SHARED_SHAPES, SHAPES, SHARED_WAVES, SURROUNDINGS = 10, 6, 10, 7, 12
STEPS = 3  # rows: the beat before, the beat, the beat after
PAD = 512  # zeros on both sides of each record; at least half a stretched, shifted window


@dataclass
class Beats:
    """All beats of some records. `signal [2, total]` holds the records between zeros."""

    signal: Tensor
    center: Tensor  # [n] position in `signal`
    labels: Tensor  # [n]
    record: Tensor  # [n] index into `names`
    sample: Tensor  # [n] position in the record
    age: Tensor  # [n], NaN unknown
    sex: Tensor  # [n], -1 unknown
    rhythm: Tensor  # [n, steps, inputs]
    names: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def windows(self, index: Tensor, samples: int) -> Tensor:
        """`[B, 2, samples]`, the beat at position `samples // 2`."""
        at = self.center[index, None] + torch.arange(samples) - samples // 2
        return self.signal[:, at].transpose(0, 1).contiguous()

    def features(self, index: Tensor) -> dict[str, Tensor]:
        return {"age": self.age[index], "sex": self.sex[index], "rhythm": self.rhythm[index]}


def row_inputs(leads: int) -> int:
    """Inputs of a rhythm row."""
    return FIGURES + SHARED_SHAPES + SHAPES * leads + SHARED_WAVES + leads


def wide_inputs(leads: int) -> int:
    """Inputs of a wide row."""
    return row_inputs(leads) + SURROUNDINGS


def gather(records: list[mitbih.Record]) -> Beats:
    parts, start = [], 0
    columns = {k: [] for k in ("center", "labels", "record", "sample", "age", "sex", "rhythm")}
    gap = np.zeros((2, PAD), np.float32)
    for i, r in enumerate(records):
        signal = r.normalized()
        parts += [gap, signal, gap]
        n = len(r.beats)
        columns["center"].append(r.beats + start + PAD)
        columns["labels"].append(r.labels)
        columns["record"].append(np.full(n, i))
        columns["sample"].append(r.beats)
        columns["age"].append(np.full(n, r.age, np.float32))
        columns["sex"].append(np.full(n, r.sex))
        columns["rhythm"].append(efficientecg.features(signal, r.beats, r.sample_rate))
        start += r.signal.shape[1] + 2 * PAD
    tensors = {k: torch.from_numpy(np.concatenate(v)) for k, v in columns.items()}
    return Beats(signal=torch.from_numpy(np.concatenate(parts, 1)), names=[r.name for r in records],
                 **tensors)
