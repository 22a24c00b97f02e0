"""Simulated records: the beats stay where their waves are, the classes what the rhythm makes them."""

import numpy as np
import pytest

from efficientecg_train.datasets.mitbih import Record
from efficientecg_train.train import simulate

RATE = 360


def record(n=400, early=()):
    """A beat about every 0.8 s with a P wave, R peaks of 1 mV in both leads."""
    rng = np.random.default_rng(1)
    gaps = np.full(n, 288) + rng.integers(-6, 7, n)
    for beat in early:
        gaps[beat] = 180
    beats, labels = 300 + np.cumsum(gaps), np.zeros(n, int)
    labels[list(early)] = 1
    x = np.zeros((2, beats[-1] + 300))
    for beat in beats:
        for center, half, height in ((beat, 12, 1.0), (beat - 60, 20, 0.15), (beat + 80, 30, 0.2)):
            k = np.arange(-half, half + 1)
            x[:, center + k] += height * (1 - np.abs(k) / (half + 1))
    return Record("x", ["MLII", "V1"], RATE, x, beats, labels, 60.0, 1)


@pytest.mark.parametrize("kind", simulate.KINDS)
def test_beats_stay_on_their_peaks(kind):
    r = record(early=range(20, 400, 20))
    wave = simulate.p_wave(r)
    assert wave.shape[0] == 2 and abs(wave.max() - 0.15) < 0.05
    for seed in range(4):
        made = simulate.simulate(r, kind, [wave], np.random.default_rng(seed))
        assert np.isfinite(made.signal).all() and len(made.beats) == len(made.labels)
        assert np.all(np.diff(made.beats) > 60) and made.beats[-1] < made.signal.shape[1]
        assert np.all(made.signal[0, made.beats] > 0.7)


def test_what_becomes_of_the_classes():
    r = record()
    for kind in simulate.KINDS[:-1]:
        made = [simulate.simulate(r, kind, [], np.random.default_rng(seed)) for seed in range(6)]
        early = sum((m.labels == 1).sum() for m in made)
        assert (early > 0) == (kind in ("runs", "single", "geminy"))
        for m in made:
            gaps, usual = np.diff(m.beats)[m.labels[1:] == 1], np.median(np.diff(r.beats))
            assert np.all(gaps < 1.3 * usual)  # early, whatever the drift of the rate
    assert simulate.simulate(r, "dense", [], np.random.default_rng(0)) is None


def test_dense_keeps_whole_beats():
    r = record(early=range(20, 400, 20))
    made = simulate.simulate(r, "dense", [], np.random.default_rng(3))
    assert (made.labels == 1).sum() == 19 and len(made.beats) < 200
    early = np.nonzero(made.labels == 1)[0]
    np.testing.assert_array_equal(np.diff(made.beats)[early - 1], 180)


def test_intervals_become_those_wanted():
    r = record()
    wanted = simulate.intervals(r)
    wanted[100], wanted[101], wanted[200] = 200, 400, 700
    signal, beats = simulate.retimed(r.signal, r.beats, wanted, RATE)
    np.testing.assert_array_equal(np.diff(beats), wanted[1:-1])
    assert np.all(signal[0, beats] > 0.9)
