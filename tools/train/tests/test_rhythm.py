"""The rhythm rows against hand-worked cases."""

import math

import numpy as np

from efficientecg_train import rhythm

LN2 = math.log(2)


def test_three_beats_by_hand():
    # At 100 Hz: intervals 1 s and 0.5 s; both means 0.75 s; one change, ln 2, clamped from 6.9 to 4.
    got = rhythm.rows([0, 100, 150], 100)
    a, b = 5 * math.log(4 / 3), 5 * math.log(2 / 3)  # of 1 s and of 0.5 s
    want = [
        [[0, 0, 0, 0, 0], [0, a, 0, 4, -2], [a, b, a, 4, -2]],
        [[0, a, 0, 4, -2], [a, b, a, 4, -2], [b, 0, b, 4, -2]],
        [[a, b, a, 4, -2], [b, 0, b, 4, -2], [0, 0, 0, 0, 0]],
    ]
    assert got.dtype == np.float32 and got.shape == (3, 3, 5)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)


def test_a_premature_beat_in_a_steady_rhythm():
    # 61 beats a second apart, but beat 30 comes at half the interval, with a full pause after it.
    p = np.arange(61) * 360
    p[30] -= 180
    got = rhythm.rows(p, 360)
    early, late = 5 * math.log(0.5), 5 * math.log(1.5)
    # Of the 39 changes around it three are not zero, so the rhythm counts as steady.
    s = 4 * 36 / 39 - 2
    want = [[0, early, 0, 0, s], [early, late, early, 0, s], [late, 0, late, 0, s]]
    np.testing.assert_allclose(got[30], want, rtol=0, atol=1e-6)


def test_the_local_mean_reaches_twenty_beats_either_way():
    p = np.concatenate([np.arange(30) * 100, 2900 + np.arange(1, 31) * 200])
    got = rhythm.rows(p, 100)
    record = (29 * 1 + 30 * 2) / 59
    local = (20 * 1 + 20 * 2) / 40  # around beat 29: intervals 10..29 are 1 s, 30..49 are 2 s
    np.testing.assert_allclose(
        got[29, 1, :4], [5 * math.log(1 / local), 5 * math.log(2 / local), 5 * math.log(1 / record), 0],
        rtol=0, atol=1e-6)
    np.testing.assert_allclose(got[9, 1, :2], 0, atol=1e-6)  # beats 0..29 only
    assert got[10, 1, 0] < 0  # the first 2 s interval is in its mean


def test_changes_are_a_median():
    # Intervals 1, 2, 1, 2 s: every change is ln 2 until a steady pair joins.
    got = rhythm.rows([0, 100, 300, 400, 600, 800], 100)
    assert np.all(got[2, 1, 3] == 4)  # changes ln2 ln2 ln2 0: the median is ln 2, clamped
    assert np.all(got[2, 1, 4] == -1)  # one in four is steady
    slow = rhythm.rows([0, 1000, 2010, 3010], 1000)
    np.testing.assert_allclose(slow[1, 1, 3], 10 * math.log(1.01), atol=1e-6)


def test_extremes_stay_finite():
    assert rhythm.rows([5], 360) is None and rhythm.rows([], 360) is None
    got = rhythm.rows([0, 0, 1, 10**9], 360)
    assert np.isfinite(got).all() and np.abs(got).max() <= 4
