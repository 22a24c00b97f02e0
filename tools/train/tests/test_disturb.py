import numpy as np
import pytest

from efficientecg_train.train import disturb

RATE = 128


def ecg():
    t = np.arange(60 * RATE) / RATE
    return np.stack([np.exp(-((t % 1 - 0.5) / 0.02) ** 2), 0.3 * np.sin(2 * np.pi * t)])


@pytest.mark.parametrize("name", [*disturb.KINDS, "swapped", "several"])
def test_a_new_array_of_the_same_shape_for_the_same_seed(name):
    function = getattr(disturb, name)
    x = ecg()
    before = x.copy()
    a, b = (function(x, RATE, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(a, b)
    assert a.shape == x.shape
    assert name in ("gaps", "several") or np.isfinite(a).all()
    short = function(x[:, :5], RATE, np.random.default_rng(3))
    assert short.shape == (2, 5)


def test_sizes_are_set_against_the_height():
    x = ecg()
    np.testing.assert_allclose(disturb.height(x), [[1.0], [0.6]], atol=0.02)
    np.testing.assert_array_equal(disturb.height(np.full((1, 50), 7.0)), [[1.0]])
    wave = disturb.hum(x, 500, np.random.default_rng(0), size=0.1, mains=50.0) - x
    np.testing.assert_allclose(wave.max(1) / disturb.height(x)[:, 0], 0.05, rtol=0.45)
    spectrum = np.abs(np.fft.rfft(wave[0]))
    assert abs(np.argmax(spectrum) * 500 / len(wave[0]) - 50) < 0.3


def test_gaps_are_missing_and_flat_stretches_hold():
    x = ecg()
    missing = np.isnan(disturb.gaps(x, RATE, np.random.default_rng(1)))
    assert 0 < missing.mean() < 0.2
    held = disturb.flat(x, RATE, np.random.default_rng(1))
    changed = held != x
    assert changed.any() and (np.diff(held, axis=1)[changed[:, 1:] & changed[:, :-1]] == 0).all()
