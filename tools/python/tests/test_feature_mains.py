"""Mains hum is taken off, and nothing else."""

import numpy as np
import pytest
from oracles import mains

import efficientecg

RATE = 300.0


@pytest.fixture(params=["package", "oracle"])
def without_hum(request):
    return efficientecg.remove_hum if request.param == "package" else mains.without_hum


@pytest.fixture(params=["package", "oracle"])
def blank(request):
    return efficientecg.blank_held if request.param == "package" else mains.blank


def heart(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    noise = 0.01 * np.random.default_rng(1).standard_normal(len(t))
    return (np.exp(-0.5 * ((t % 1 - 0.4) / 0.012) ** 2) + noise).astype(np.float32)


@pytest.mark.parametrize("seconds", [9.0, 65.0])
@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_hum_is_taken_off(without_hum, seconds, hertz):
    clean = heart(seconds)
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(len(clean)) / RATE + 0.7)
    x = without_hum(clean + wave, RATE)
    assert x.shape == clean.shape and np.abs(x - clean).max() < 0.05
    gap = slice(600, 750)
    broken = clean + wave
    broken[gap] = np.nan
    x = without_hum(broken, RATE)
    assert np.isnan(x[gap]).all() and np.isfinite(np.delete(x, np.r_[gap])).all()
    assert np.nanmax(np.abs(x - clean)) < 0.06


def test_what_does_not_hum_stays(without_hum):
    for x in [heart(9.0), np.zeros(900, np.float32), np.full(900, np.nan, np.float32), np.zeros(0, np.float32), np.ones(1)]:
        assert np.array_equal(without_hum(x, RATE), x.astype(np.float32), equal_nan=True)


def test_a_held_value_is_missing(blank):
    x = heart(10.0)
    x[1000:1061] = x[1000]
    x[2000:2060] = x[2000]
    held = np.isnan(blank(x, RATE))
    assert held[1000:1061].all() and held.sum() == 61
    drawn = np.where(np.arange(3000) % 300 < 120, np.arange(3000) % 300, 0).astype(np.float32)
    assert np.isfinite(blank(drawn, RATE)).all()


@pytest.mark.parametrize("seconds", [3.0, 65.0])
def test_the_package_is_the_oracle(seconds):
    clean = heart(seconds)
    x = clean + (0.2 * np.sin(2 * np.pi * 50 * np.arange(len(clean)) / RATE)).astype(np.float32)
    x[100:140] = np.nan
    np.testing.assert_allclose(efficientecg.remove_hum(x, RATE), mains.without_hum(x, RATE), atol=1e-5)
    x[200:300] = x[200]
    np.testing.assert_array_equal(efficientecg.blank_held(x, RATE), mains.blank(x, RATE))
