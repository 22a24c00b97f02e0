"""The R-R figures of the package, and of their oracle, against hand-worked cases."""

import math

import numpy as np
import pytest
from oracles import rhythm

import efficientecg


def package(beats, rate):
    """The figures by the package: a flat lead has no shapes."""
    beats = np.asarray(beats, np.int64)
    rows = efficientecg.features(np.zeros((1, 10), np.float32), beats, rate)
    return None if rows is None else rows[:, 1, : rhythm.INPUTS]


@pytest.fixture(params=[package, rhythm.columns], ids=["package", "oracle"])
def columns(request):
    return request.param

LN2 = math.log(2)


def test_three_beats_by_hand(columns):
    # At 100 Hz: intervals 1 s and 0.5 s; means and median 0.75 s; one change, ln 2, clamped from 6.9 to 4; the 0.8 quantile
    # is 0.9 s, the 0.1 quantile 0.55 s.
    got = columns([0, 100, 150], 100)
    a, b = 5 * math.log(4 / 3), 5 * math.log(2 / 3)  # of 1 s and of 0.5 s
    c, d = 4 * math.log(1 / 0.9), 4 * math.log(0.5 / 0.9)
    more = [4 * math.log(0.9 / 0.55), 4 * math.log(0.75 / 0.9)]
    want = [
        [0, a, 0, 4, -2, 0, c, *more, 0],
        [a, b, a, 4, -2, c, d, *more, 0],
        [b, 0, b, 4, -2, d, 0, *more, 4 * math.log(0.5)],
    ]
    assert got.dtype == np.float32 and got.shape == (3, rhythm.INPUTS)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)


def test_a_premature_beat_in_a_steady_rhythm(columns):
    # 61 beats a second apart, but beat 30 comes at half the interval, with a full pause after it.
    p = np.arange(61) * 360
    p[30] -= 180
    got = columns(p, 360)
    early, late = math.log(0.5), math.log(1.5)
    # Of the 39 changes around it three are not zero, so the rhythm counts as steady.
    s = 4 * 36 / 39 - 2
    want = [5 * early, 5 * late, 5 * early, 0, s, 4 * early, 4 * late, 0, 0, 4 * early]
    np.testing.assert_allclose(got[30], want, rtol=0, atol=1e-6)


def test_where_most_beats_are_early_the_long_intervals_are_the_measure(columns):
    # Every fourth interval is 1 s, the others 0.5 s.
    p = np.cumsum([100 if i % 4 == 0 else 50 for i in range(101)])
    got = columns(p, 100)
    np.testing.assert_allclose(got[48, [5, 6]], [0, 4 * math.log(0.5)], atol=1e-6)
    np.testing.assert_allclose(got[50, [0, 5]], [5 * math.log(0.5 / 0.625), 4 * math.log(0.5)], atol=1e-6)


def test_the_local_mean_reaches_twenty_beats_either_way(columns):
    p = np.concatenate([np.arange(30) * 100, 2900 + np.arange(1, 31) * 200])
    got = columns(p, 100)
    record = (29 * 1 + 30 * 2) / 59
    local = (20 * 1 + 20 * 2) / 40  # around beat 29: intervals 10..29 are 1 s, 30..49 are 2 s
    np.testing.assert_allclose(
        got[29, :4], [5 * math.log(1 / local), 5 * math.log(2 / local), 5 * math.log(1 / record), 0],
        rtol=0, atol=1e-6)
    np.testing.assert_allclose(got[9, :2], 0, atol=1e-6)  # beats 0..29 only
    assert got[10, 0] < 0  # the first 2 s interval is in its mean


def test_rows_are_those_of_the_beat_and_its_neighbours():
    got = rhythm.stacked(np.array([[1.0], [2.0], [3.0]], np.float32))
    np.testing.assert_array_equal(got[..., 0], [[0, 1, 2], [1, 2, 3], [2, 3, 0]])


def test_changes_are_a_median(columns):
    # Intervals 1, 2, 1, 2 s: every change is ln 2 until a steady pair joins.
    got = columns([0, 100, 300, 400, 600, 800], 100)
    assert np.all(got[2, 3] == 4)  # changes ln2 ln2 ln2 0: the median is ln 2, clamped
    assert np.all(got[2, 4] == -1)  # one in four is steady
    slow = columns([0, 1000, 2010, 3010], 1000)
    np.testing.assert_allclose(slow[1, 3], 10 * math.log(1.01), atol=1e-6)


def test_extremes_stay_finite(columns):
    assert columns([5], 360) is None and columns([], 360) is None
    got = columns([0, 0, 1, 10**9], 360)
    assert np.isfinite(got).all() and np.abs(got).max() <= 4
