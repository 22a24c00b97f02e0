"""Whole records as tensors: signals of unequal length, labels, patient features, rhythm rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import efficientecg
import numpy as np
import torch
from torch import Tensor

EPSILON = 1e-6  # of the "zscore" normalisation


def normalized(signal: np.ndarray) -> np.ndarray:
    """`[leads, T]` of any unit: `"zscore"`, per lead minus the mean, over the population standard deviation plus 1e-6; f32."""
    signal = signal.astype(np.float64)
    mean, std = signal.mean(1, keepdims=True), signal.std(1, keepdims=True)
    return ((signal - mean) / (std + EPSILON)).astype(np.float32)


def prepared(signal: np.ndarray, rate: float, normalize: str) -> np.ndarray:
    """`[leads, T]` of a record that is classified as a whole, NaN missing, as the engine prepares it: held samples are missing, mains hum is
    taken off, gaps are bridged, and what is missing takes no part in the `"zscore"` or the `"median"`; f32."""
    out = []
    for lead in signal:
        lead = efficientecg.remove_hum(efficientecg.blank_held(lead, rate), rate)
        known = np.isfinite(lead)
        if not known.any():
            out.append(np.zeros(len(lead)))
        elif normalize == "zscore":
            out.append(efficientecg.z_score(lead))
        else:
            middle = np.median(lead[known].astype(np.float64)) if normalize == "median" else 0.0
            out.append(efficientecg.fill_missing(lead).astype(np.float64) - middle)
    return np.array(out, np.float32)


def less_median(signal: np.ndarray) -> np.ndarray:
    """`[leads, T]` in mV, NaN missing: `"normalize": "median"`, per lead minus the median of what is known; missing becomes 0; f32."""
    signal = signal.astype(np.float32)
    signal = np.where(np.isfinite(signal), signal, np.nan)
    known = [row[np.isfinite(row)].astype(np.float64) for row in signal]
    median = np.array([[np.median(row) if row.size else 0.0] for row in known])
    return np.nan_to_num(signal - median, nan=0.0).astype(np.float32)


@dataclass
class Recordings:
    """Records of one data set. `labels` is `[n]` (multiclass) or `[n, classes]` (multilabel)."""

    names: list[str]
    signals: list[np.ndarray]  # [leads, T] f32, as the network takes them
    labels: Tensor
    age: Tensor  # [n], NaN unknown
    sex: Tensor  # [n], -1 unknown
    rhythm: Tensor | None = None  # [n, steps, inputs], padded
    steps: Tensor | None = None  # [n]

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, index) -> Recordings:
        index = torch.as_tensor(np.asarray(index), dtype=torch.long)
        some = {"labels": self.labels[index], "age": self.age[index], "sex": self.sex[index]}
        if self.rhythm is not None:
            some |= {"rhythm": self.rhythm[index], "steps": self.steps[index]}
        pick = index.tolist()
        return replace(self, names=[self.names[i] for i in pick], signals=[self.signals[i] for i in pick], **some)

    def with_rhythm(self, path: str) -> Recordings:
        """With the rows that `efficientecg features` wrote for the same records in the same order."""
        with np.load(path) as z:
            rows, steps = z["rhythm"], z["rhythm_steps"]
        if len(rows) != len(self):
            raise ValueError(f"{path}: rhythm: expected {len(self)} records, found {len(rows)}")
        return replace(self, rhythm=torch.from_numpy(rows).float(), steps=torch.from_numpy(steps.astype(np.int64)))

    def without_rhythm(self) -> Recordings:
        return replace(self, rhythm=None, steps=None)

    def features(self, index: Tensor) -> dict[str, Tensor]:
        out = {"age": self.age[index], "sex": self.sex[index]}
        if self.rhythm is not None:
            steps = self.steps[index]
            longest = max(1, int(steps.max()))
            out |= {"rhythm": self.rhythm[index, :longest], "rhythm_steps": steps}
        return out

    def by_length(self, size: int):
        """Batches of records of one length, as indices: nothing is padded."""
        lengths = np.array([s.shape[1] for s in self.signals])
        for length in np.unique(lengths):
            yield from torch.from_numpy(np.flatnonzero(lengths == length)).split(size)

    def whole(self, index: Tensor) -> Tensor:
        """`[B, leads, T]` of records of one length."""
        return torch.from_numpy(np.stack([self.signals[i] for i in index.tolist()]))
