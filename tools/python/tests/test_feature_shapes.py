"""The columns of beats' shapes and P waves, by the package and by their oracle, against hand-made records."""

import numpy as np
import pytest
from oracles import atrial, morphology, rhythm, rows, surroundings

import efficientecg

FIRST = rhythm.INPUTS

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


def package(x, places, rate=RATE):
    """All columns by the package."""
    return efficientecg.features(np.ascontiguousarray(x, np.float32), places, rate)[:, 1]


@pytest.fixture(params=[package, lambda x, places, rate=RATE: rows.row_columns(x, places, rate)], ids=["package", "oracle"])
def columns(request):
    return request.param


def shapes_of(made, leads=1):
    return made[:, FIRST : FIRST + morphology.inputs(leads)]


def waves_of(made, leads=1):
    return made[:, FIRST + morphology.inputs(leads) :]


def test_an_odd_beat_stands_out(columns):
    x, places = record()
    got = shapes_of(columns(x, places))
    assert got.dtype == np.float32 and got.shape == (10, morphology.inputs(1))
    odd = np.arange(10) == 6
    np.testing.assert_allclose(got[:, 0], np.where(odd, 4, -1), atol=1e-6)
    np.testing.assert_array_equal(got[:, 3] == -2, odd)  # like none of its neighbours
    np.testing.assert_allclose(got[:, 4], np.where(odd, 4 * 0.1 - 2, 4 * 0.9 - 2), atol=1e-6)
    np.testing.assert_array_equal(got[:, 5] > 0, odd | (np.arange(10) == 7))  # unlike the beat before
    np.testing.assert_array_equal(got[:, morphology.SHARED + 1] > 1, odd)  # wider


def test_beats_are_moved_onto_the_template(columns):
    x, places = record(odd=None)
    moved = places.copy()
    moved[3] += 1  # within 1/60 s at 100 Hz, two samples
    np.testing.assert_allclose(shapes_of(columns(x, moved)), shapes_of(columns(x, places)), atol=1e-6)


def test_gain_sign_and_a_flat_lead(columns):
    x, places = record()
    one = shapes_of(columns(x, places))
    # Distances are steep near 0, where rounding shows.
    np.testing.assert_allclose(shapes_of(columns(-4 * x, places)), one, atol=5e-3)
    flat = shapes_of(columns(np.concatenate([x, 0 * x + 3]), places), 2)
    assert np.all(flat[:, morphology.inputs(1) :] == 0)
    assert morphology.align(0 * x + 3, places, RATE) is None


def test_early_beats_stand_out_where_they_prevail(columns):
    x, places = np.zeros((1, 5000), np.float32), np.cumsum([100] + [120 if i % 5 == 0 else 60 for i in range(60)])[1:]
    late = np.arange(60) % 5 == 0
    for place, is_late in zip(places, late):
        bump(x[0], place, 4, 1.0)
        bump(x[0], place - 15, 4, 0.2 if is_late else -0.2)
    got = waves_of(columns(x, places))
    assert got.dtype == np.float32 and got.shape == (60, atrial.inputs(1))
    np.testing.assert_array_equal(got[:, 0] < -1.5, late)  # like the late ones
    np.testing.assert_array_equal(got[:, 2] > 1, ~late)  # far from them
    np.testing.assert_allclose(got[:, 7], got[:, 0], atol=1e-6)  # of the only lead, as of all
    assert np.all(got[:, 4] < -1.5)  # the late ones are alike


def test_a_p_wave_before_the_record_is_taken_for_the_usual_one(columns):
    x, places = np.zeros((1, 1000), np.float32), 20 + 100 * np.arange(10)
    for place in places:
        bump(x[0], place, 4, 1.0)
        if place > 30:
            bump(x[0], place - 15, 4, 0.2)
    x += 0.003 * np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    assert morphology.align(x, places, RATE).cut_off.tolist() == [True] + [False] * 9
    made = columns(x, places)
    shape, wave = shapes_of(made), waves_of(made)
    for got, columns, rest in (
        (shape, [13, 15], [6, 7, 14]), (wave, [0, 1, 2, 6, 7], [3, 4]),
    ):
        np.testing.assert_array_equal(got[0, columns], np.median(got[1:, columns].astype("f8"), 0).astype("f4"))
        assert np.all(got[0, rest] != np.median(got[1:, rest], 0))
    assert wave[0, 5] == 0 and wave[1, 5] == np.median(wave[2:, 5].astype("f8")).astype("f4")


def test_a_line_is_taken_away_whole():
    assert np.abs(atrial.straightened(3 - 0.5 * np.arange(9.0))).max() < 1e-12


@pytest.mark.parametrize("places", [[0, 3, 3, 999, 1000, 5000], [3, 3], [-7, 0], [50, 150, 152, 999]])
def test_edges_stay_finite(columns, places):
    x, _ = record()
    got = columns(x, np.array(places), RATE)
    assert got.shape == (len(places), rows.row_inputs(1))
    assert np.isfinite(got).all() and np.abs(got).max() <= morphology.LIMIT


def test_a_low_rate_or_no_samples_leave_the_rhythm_alone(columns):
    x, places = record()
    for got in (columns(x, places, 3), columns(x[:, :0], np.array([1, 2]), RATE)):
        assert np.all(got[:, rhythm.INPUTS :] == 0) and np.any(got != 0)


def wave(seed, rate, seconds=60, leads=2):
    """A record of beats, some early, some wide, with noise: normalised, and its beats."""
    random = np.random.default_rng(seed)
    early = random.random(int(seconds)) < 0.2
    places = np.cumsum(np.where(early, 0.55, 0.85) * rate * random.uniform(0.95, 1.05, len(early))).astype(np.int64)
    places = places[places < seconds * rate - rate]
    t = np.arange(int(seconds * rate))
    one = sum(np.exp(-(((t - p) / (rate * (0.012 + 0.02 * e))) ** 2)) for p, e in zip(places, early))
    p_waves = sum(0.12 * (1 - 2 * e) * np.exp(-(((t - p) / rate + 0.16) / 0.02) ** 2) for p, e in zip(places, early))
    x = np.stack([one + p_waves, 0.5 * one - p_waves, 0.1 * one][:leads]) + 0.02 * random.standard_normal((leads, len(t)))
    return ((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)).astype(np.float32), places


@pytest.mark.parametrize("seed, rate, leads", [(1, 360, 2), (2, 180, 2), (3, 180, 1), (4, 128, 1), (5, 250, 3)])
def test_the_package_has_every_column_of_the_oracle(seed, rate, leads):
    x, places = wave(seed, rate, leads=leads)
    want = rows.wide_columns(x, places, rate)
    got = efficientecg.features(x, places, rate, kind="beats-wide")
    assert len(places) > 40 and got.shape == (len(places), 3, want.shape[1]) and np.isfinite(got).all()
    for column in range(want.shape[1]):
        np.testing.assert_allclose(got[:, 1, column], want[:, column], atol=2e-4, err_msg=f"column {column}")


def test_what_recurs_is_foretold_and_what_does_not_is_missed():
    base = np.ones((60, rows.row_inputs(1)), np.float32)
    base[:, 2] = np.where(np.arange(60) % 2, -1.25, 1.25)
    got = surroundings.columns(base, 1)
    assert got.shape == (60, surroundings.INPUTS)
    np.testing.assert_allclose(got[30], [0, 0, 2, 0, 4, 2.5, 0, 1, 1, 1, 1, 1], atol=0.01)
    base[:, 2] = 0
    base[30, 2] = -1
    got = surroundings.columns(base, 1)
    np.testing.assert_allclose(got[30, [0, 1, 3]], [0, 20 * 0.2 / 60, -1], atol=1e-6)
    assert got[31, 3] == 0
    for n in range(1, 6):
        assert np.isfinite(surroundings.columns(base[:n], 1)).all()
