"""Windows and rows of beats, made by the Python package of the engine: training sees what a user's run sees.

Resampling, gaps and the formulas of the rows are the engine's own; nothing of them is written here.
"""

from __future__ import annotations

import os

import efficientecg
import numpy as np

from . import config
from .datasets import mitbih
from .datasets.mitbih import Record

STEPS = 1000  # of a mV: signals are rounded as a recorder's are


def configuration(leads: int, rate: int, samples: int, row_inputs: int) -> dict:
    """Of a network that only says what it takes."""
    heart = {"name": "rhythm", "kind": "sequence", "inputs": row_inputs, "hidden": 1}
    return config.make("beats", ["*"] * leads, rate, samples, mitbih.CLASSES, stem=(1, 3, 2),
                       stages_=[(1, 3, 1, 1, 1)], head=1, fusion={"dim": 1, "heads": 1, "features": [heart]})


def _joined(made: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """`signal` and `rhythm` of several records, one after another."""
    made = [one for one in made if len(one["signal"])]
    return np.concatenate([one["signal"] for one in made]), np.concatenate([one["rhythm"] for one in made])


def read(paths: list[str], wanted: dict) -> tuple[np.ndarray, np.ndarray]:
    """Windows `[beats, leads, samples]` and rows `[beats, steps, inputs]` of these records' annotated beats, in their order."""
    def one(path: str) -> dict:
        record = mitbih.read(*os.path.split(path))
        return efficientecg.prepare(wanted, path, beats=record.beats)

    return _joined([one(path) for path in paths])


def features(records: list[Record], leads: list[int], wanted: dict) -> tuple[np.ndarray, np.ndarray]:
    """The same of these leads of records in memory; NaN is missing."""
    def one(r: Record) -> dict:
        signal = (np.clip(np.round(r.signal * STEPS), -32767, 32767) / STEPS).astype(np.float32)
        names = [f"ECG{lead + 1}" for lead in range(len(signal))]
        record = efficientecg.Record.from_array(signal, r.sample_rate, names, name=r.name)
        return efficientecg.prepare(wanted, record, beats=r.beats, lead_map={"*": [names[lead] for lead in leads]})

    return _joined([one(r) for r in records])
