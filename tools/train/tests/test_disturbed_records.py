"""Disturbed copies of records are what their kind says."""

import numpy as np
import pytest

from efficientecg_train.evaluate import disturbed_records as d

RATE = 300


def record() -> np.ndarray:
    return np.random.default_rng(3).integers(-900, 900, (3000, 2)).astype("<i2")


@pytest.mark.parametrize("kind", d.KINDS)
def test_what_a_kind_changes(kind):
    x = record()
    y = d.disturbed(x, kind, RATE, np.random.default_rng(1))
    assert y.shape == x.shape and y.dtype == np.dtype("<i2")
    moved = y.astype(int) - x
    if kind.startswith("hum"):
        at = np.exp(-2j * np.pi * int(kind[3:]) / RATE * np.arange(3000))
        size = 2 * np.abs(moved.T @ at) / 3000
        assert np.allclose(size, 0.1 * np.ptp(x.astype(int), 0), rtol=0.02)
    elif kind == "offset":
        assert (np.abs(moved) == 400).all() and (moved == moved[0]).all()
    elif kind == "none":
        assert not moved.any()
    else:
        rows = np.flatnonzero(moved.any(1))
        length = RATE // 2 if kind == "missing" else RATE
        assert np.ptp(rows) < length and len(rows) >= length - 2
        assert (y[rows] == (d.MISSING if kind == "missing" else x[rows[0] - 1])).all()


def test_a_header_tells_of_its_samples():
    x = record()
    lines = ["r 2 300 3000", "r.dat 16 1000 16 0 1 2 0 I", "r.dat 16 1000 16 0 3 4 0 II"]
    made = d.header(lines, x).splitlines()
    for lead, line in enumerate(made[1:]):
        fields = line.split()
        assert int(fields[5]) == x[0, lead] and (int(fields[6]) - int(x[:, lead].sum())) % 65536 == 0
