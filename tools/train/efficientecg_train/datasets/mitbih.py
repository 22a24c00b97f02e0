"""The MIT-BIH Arrhythmia Database: records, AAMI EC57 classes, de Chazal's patient split.

Signals are in mV. A record's two leads come in the order (MLII, the other one): MLII is found by
name, the second lead is V1 on 40 of the 48 records and V2, V4 or V5 on the rest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

CLASSES = ["N", "S", "V", "F", "Q"]
AAMI = {
    **dict.fromkeys("NLRej", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    **dict.fromkeys("/fQ", "Q"),
}

# De Chazal, O'Dwyer, Reilly, IEEE Trans. Biomed. Eng. 51(7), 2004. The paced records 102, 104, 107
# and 217 are in neither.
DS1 = ("101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 "
       "230").split()
DS2 = ("100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 "
       "234").split()
ALL = sorted([*DS1, *DS2, "102", "104", "107", "217"])
# 201 and 202 are one patient; 202 is tested on, so 201 is not trained on.
TRAIN = [r for r in DS1 if r != "201"]
# Held-out patients in turn; each fold has one of the four records rich in S beats.
FOLDS = [
    "209 101 106 115 230".split(),
    "118 223 109 112 203".split(),
    "207 124 208 122 205".split(),
    "220 114 119 116 215 108".split(),
]
EPSILON = 1e-6  # of the "zscore" normalisation


@dataclass
class Record:
    """One record: `signal [2, T]` in mV (f64), `beats [n]` sample positions, `labels [n]`."""

    name: str
    leads: list[str]
    sample_rate: int
    signal: np.ndarray
    beats: np.ndarray
    labels: np.ndarray
    age: float  # NaN when unknown
    sex: int  # 0 female, 1 male, -1 unknown

    def normalized(self) -> np.ndarray:
        """Per lead: minus the mean, over the population standard deviation plus 1e-6; f32."""
        mean = self.signal.mean(1, keepdims=True)
        std = self.signal.std(1, keepdims=True)
        return ((self.signal - mean) / (std + EPSILON)).astype(np.float32)


def patient(comments: list[str]) -> tuple[float, int]:
    """Age in years and sex from a header's first comment, such as `69 M 1085 1629 x1`."""
    fields = comments[0].split() if comments else []
    age, sex = float("nan"), -1
    if len(fields) >= 2:
        try:
            age = float(fields[0])
        except ValueError:
            pass
        sex = {"F": 0, "M": 1}.get(fields[1], -1)
    return (age if age > 0 else float("nan")), sex


def read(folder: str, name: str) -> Record:
    import wfdb

    path = os.path.join(folder, name)
    record = wfdb.rdrecord(path)
    notes = wfdb.rdann(path, "atr")
    keep = [i for i, s in enumerate(notes.symbol) if s in AAMI]
    # 102 and 104 have no MLII.
    order = [record.sig_name.index("MLII") if "MLII" in record.sig_name else 0]
    order += [i for i in range(record.n_sig) if i != order[0]]
    age, sex = patient(record.comments)
    return Record(
        name=name,
        leads=[record.sig_name[i] for i in order],
        sample_rate=int(record.fs),
        signal=record.p_signal[:, order].T.copy(),
        beats=notes.sample[keep].astype(np.int64),
        labels=np.array([CLASSES.index(AAMI[notes.symbol[i]]) for i in keep]),
        age=age,
        sex=sex,
    )
