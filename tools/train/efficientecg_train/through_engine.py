"""Windows and rows of beats as the engine makes them: records are written as WFDB and read back through `efficientecg features`.

So training sees what the program sees, resampling and gaps included, and no formula is written twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile

import numpy as np

from . import config
from .datasets import mitbih
from .datasets.mitbih import Record

GAIN = 1000  # steps per mV


def write(folder: str, name: str, r: Record) -> None:
    """The record as format 16 with leads ECG1, ECG2, and its beats as `.atr`; NaN is missing."""
    import wfdb

    steps = np.clip(np.round(np.nan_to_num(r.signal, nan=0.0) * GAIN), -32767, 32767).astype("<i2")
    steps[np.isnan(r.signal)] = -32768
    steps.T.tofile(os.path.join(folder, f"{name}.dat"))
    with open(os.path.join(folder, f"{name}.hea"), "w", encoding="ascii") as f:
        f.write(f"{name} {len(steps)} {r.sample_rate} {steps.shape[1]}\n")
        for i, lead in enumerate(steps):
            sum_ = int(lead.astype(np.int64).sum()) & 0xFFFF
            sum_ -= 65536 if sum_ >= 32768 else 0
            f.write(f"{name}.dat 16 {GAIN}/mV 16 0 {lead[0]} {sum_} 0 ECG{i + 1}\n")
    wfdb.wrann(name, "atr", r.beats, symbol=["N"] * len(r.beats), write_dir=folder)


def configuration(leads: int, rate: int, samples: int, row_inputs: int) -> dict:
    """Of a network that only says what it takes."""
    heart = {"name": "rhythm", "kind": "sequence", "inputs": row_inputs, "hidden": 1}
    return config.make("beats", ["*"] * leads, rate, samples, mitbih.CLASSES, stem=(1, 3, 2),
                       stages_=[(1, 3, 1, 1, 1)], head=1, fusion={"dim": 1, "heads": 1, "features": [heart]})


def read(program: str, paths: list[str], wanted: dict, mapping=()):
    """Windows `[beats, leads, samples]` and rows `[beats, steps, inputs]` of these records' annotated beats, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
            json.dump(wanted, f)
        with open(os.path.join(folder, "list.txt"), "w", encoding="utf-8") as f:
            f.write("\n".join(os.path.abspath(path) for path in paths) + "\n")
        out = os.path.join(folder, "out.npz")
        subprocess.run([program, "features", "--config", f"{folder}/config.json", "--records", f"{folder}/list.txt",
                        "--beats", "atr", "--output", out, "--threads", "1", *mapping], check=True,
                       stdout=subprocess.DEVNULL)
        with np.load(out) as made:
            return made["signal"], made["rhythm"]


def features(program: str, records: list[Record], leads: list[int], wanted: dict):
    """The same of these leads of records in memory."""
    with tempfile.TemporaryDirectory() as folder:
        for i, r in enumerate(records):
            write(folder, f"r{i}", r)
        mapping = [arg for lead in leads for arg in ("--lead", f"*=ECG{lead + 1}")]
        return read(program, [os.path.join(folder, f"r{i}") for i in range(len(records))], wanted, mapping)
