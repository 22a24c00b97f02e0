"""The MIT-BIH Arrhythmia Database: records, AAMI EC57 classes, de Chazal's patient split.

Signals are in mV. A record's two leads come in the order (MLII, the other one): MLII is found by
name, the second lead is V1 on 40 of the 48 records and V2, V4 or V5 on the rest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import efficientecg
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


def read(folder: str, name: str) -> Record:
    path = os.path.join(folder, name)
    record = efficientecg.Record.open(path)
    notes = [(frame, AAMI[symbol]) for frame, symbol in efficientecg.read_annotations(path + ".atr") if symbol in AAMI]
    # 102 and 104 have no MLII.
    order = [record.leads.index("MLII") if "MLII" in record.leads else 0]
    order += [i for i in range(len(record.leads)) if i != order[0]]
    return Record(
        name=name,
        leads=[record.leads[i] for i in order],
        sample_rate=int(record.fs),
        signal=np.stack([record.signal(i).astype(np.float64) for i in order]),
        beats=np.array([frame for frame, _ in notes], np.int64),
        labels=np.array([CLASSES.index(label) for _, label in notes]),
        age=float("nan") if record.age is None else record.age,
        sex={"female": 0, "male": 1}.get(record.sex, -1),
    )
