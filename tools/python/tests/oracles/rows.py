"""Writes a record's rhythm rows as text, to hold the engine against (`tests/tests/rows.rs`).

    python -m oracles.rows RECORD OUT.txt        in tools/python/tests; beats from RECORD.atr

A line a beat: the columns of the beat itself (`rhythm.py`, `morphology.py`, `atrial.py`, `surroundings.py`), six digits after the point.
"""

from __future__ import annotations

import sys

import numpy as np

from . import atrial, morphology, rhythm, surroundings

BEATS = "NLRejAaJSVEF/fQ"


def row_inputs(leads: int) -> int:
    """Inputs of a rhythm row."""
    return rhythm.INPUTS + morphology.inputs(leads) + atrial.inputs(leads)


def row_columns(signal: np.ndarray, beats, rate: float) -> np.ndarray:
    """`[n, row_inputs(leads)]` f32: R-R figures, shapes, P waves; the latter are 0 where there is no template."""
    figures = rhythm.columns(beats, rate)
    aligned = morphology.align(signal, beats, rate)
    if aligned is None:
        return np.pad(figures, ((0, 0), (0, row_inputs(len(signal)) - rhythm.INPUTS)))
    return np.concatenate([figures, morphology.columns(aligned), atrial.columns(aligned, beats)], 1)


def wide_columns(signal: np.ndarray, beats, rate: float) -> np.ndarray:
    """The same, then the columns of what surrounds the beat."""
    plain = row_columns(signal, beats, rate)
    return np.concatenate([plain, surroundings.columns(plain, len(signal))], 1)


def main(record: str, output: str) -> None:
    import wfdb

    read, notes = wfdb.rdrecord(record), wfdb.rdann(record, "atr")
    signal = read.p_signal.T
    signal = ((signal - signal.mean(1, keepdims=True)) / (signal.std(1, keepdims=True) + 1e-6)).astype(np.float32)
    beats = notes.sample[[symbol in BEATS for symbol in notes.symbol]]
    with open(output, "w", encoding="ascii") as f:
        f.write("# A line a beat, made by python -m oracles.rows RECORD THIS.txt in tools/python/tests\n")
        for row in wide_columns(signal, beats, read.fs):
            f.write(" ".join(f"{x:.6f}" for x in row) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
