"""The patients that the beat classifiers `beats` and `beats-1lead` are trained on: DS1 of MIT-BIH without 201, and SVDB.

Five folds of patients, filled in turn from the patient with most S beats to the one with fewest, forth and back, so that
each has its share of S. (Record 201 is the patient of 202, which is in DS2.)
"""

from __future__ import annotations

import numpy as np

from .datasets import mitbih, svdb
from .datasets.mitbih import Record

FOLDS = 5


def read(mitbih_folder: str, svdb_folder: str) -> list[Record]:
    """DS1's records, then SVDB's."""
    records = [mitbih.read(mitbih_folder, name) for name in mitbih.TRAIN]
    return records + [svdb.read(svdb_folder, name) for name in svdb.names(svdb_folder)]


def folds(records: list[Record]) -> np.ndarray:
    """`[records]`: the fold of each."""
    most_first = sorted(range(len(records)), key=lambda i: (-(records[i].labels == 1).sum(), i))
    fold = np.zeros(len(records), int)
    for place, i in enumerate(most_first):
        turn = place % (2 * FOLDS)
        fold[i] = min(turn, 2 * FOLDS - 1 - turn)
    return fold
