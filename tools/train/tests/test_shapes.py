"""The columns of beats' shapes and P waves, against hand-made records."""

import numpy as np
import pytest

from efficientecg_train import atrial, beats, morphology, rhythm

RATE = 100


def bump(x, center, half, height):
    k = np.arange(-half, half + 1)
    x[center + k] += height * (1 - np.abs(k) / (half + 1))


def record(odd=6):
    """Ten seconds at 100 Hz: a triangle a second, one of them wide and upside down."""
    places = 50 + 100 * np.arange(10)
    x = np.zeros((1, 1000), np.float32)
    for i, beat in enumerate(places):
        bump(x[0], beat, 8 if i == odd else 4, -1 if i == odd else 1)
    return x, places


def shapes(x, places, rate=RATE):
    return morphology.columns(morphology.align(x, places, rate))


def test_an_odd_beat_stands_out():
    x, places = record()
    got = shapes(x, places)
    assert got.dtype == np.float32 and got.shape == (10, morphology.inputs(1))
    odd = np.arange(10) == 6
    np.testing.assert_allclose(got[:, 0], np.where(odd, 4, -1), atol=1e-6)
    np.testing.assert_array_equal(got[:, 3] == -2, odd)  # like none of its neighbours
    np.testing.assert_allclose(got[:, 4], np.where(odd, 4 * 0.1 - 2, 4 * 0.9 - 2), atol=1e-6)
    np.testing.assert_array_equal(got[:, 5] > 0, odd | (np.arange(10) == 7))  # unlike the beat before
    np.testing.assert_array_equal(got[:, morphology.SHARED + 1] > 1, odd)  # wider


def test_beats_are_moved_onto_the_template():
    x, places = record(odd=None)
    moved = places.copy()
    moved[3] += 1  # within 1/60 s at 100 Hz, two samples
    np.testing.assert_allclose(shapes(x, moved), shapes(x, places), atol=1e-6)


def test_gain_sign_and_a_flat_lead():
    x, places = record()
    one = shapes(x, places)
    # Distances are steep near 0, where rounding shows.
    np.testing.assert_allclose(shapes(-4 * x, places), one, atol=5e-3)
    flat = shapes(np.concatenate([x, 0 * x + 3]), places)
    assert np.all(flat[:, morphology.inputs(1) :] == 0)
    assert morphology.align(0 * x + 3, places, RATE) is None


def test_early_beats_stand_out_where_they_prevail():
    x, places = np.zeros((1, 5000), np.float32), np.cumsum([100] + [120 if i % 5 == 0 else 60 for i in range(60)])[1:]
    late = np.arange(60) % 5 == 0
    for place, is_late in zip(places, late):
        bump(x[0], place, 4, 1.0)
        bump(x[0], place - 15, 4, 0.2 if is_late else -0.2)
    got = atrial.columns(morphology.align(x, places, RATE), places)
    assert got.dtype == np.float32 and got.shape == (60, atrial.inputs(1))
    np.testing.assert_array_equal(got[:, 0] < -1.5, late)  # like the late ones
    np.testing.assert_array_equal(got[:, 2] > 1, ~late)  # far from them
    np.testing.assert_allclose(got[:, 7], got[:, 0], atol=1e-6)  # of the only lead, as of all
    assert np.all(got[:, 4] < -1.5)  # the late ones are alike


def test_a_p_wave_before_the_record_is_taken_for_the_usual_one():
    x, places = np.zeros((1, 1000), np.float32), 20 + 100 * np.arange(10)
    for place in places:
        bump(x[0], place, 4, 1.0)
        if place > 30:
            bump(x[0], place - 15, 4, 0.2)
    x += 0.003 * np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    a = morphology.align(x, places, RATE)
    assert a.cut_off.tolist() == [True] + [False] * 9
    shape, wave = morphology.columns(a), atrial.columns(a, places)
    for got, columns, rest in (
        (shape, [13, 15], [6, 7, 14]), (wave, [0, 1, 2, 6, 7], [3, 4]),
    ):
        np.testing.assert_array_equal(got[0, columns], np.median(got[1:, columns].astype("f8"), 0).astype("f4"))
        assert np.all(got[0, rest] != np.median(got[1:, rest], 0))
    assert wave[0, 5] == 0 and wave[1, 5] == np.median(wave[2:, 5].astype("f8")).astype("f4")


def test_a_line_is_taken_away_whole():
    assert np.abs(atrial.straightened(3 - 0.5 * np.arange(9.0))).max() < 1e-12


@pytest.mark.parametrize("places", [[0, 3, 3, 999, 1000, 5000], [3, 3], [-7, 0], [50, 150, 152, 999]])
def test_edges_stay_finite(places):
    x, _ = record()
    got = beats.row_columns(x, np.array(places), RATE)
    assert got.shape == (len(places), beats.row_inputs(1))
    assert np.isfinite(got).all() and np.abs(got).max() <= morphology.LIMIT


def test_a_low_rate_or_no_samples_leave_the_rhythm_alone():
    x, places = record()
    for got in (beats.row_columns(x, places, 3), beats.row_columns(x[:, :0], np.array([1, 2]), RATE)):
        assert np.all(got[:, rhythm.INPUTS :] == 0) and np.any(got != 0)
