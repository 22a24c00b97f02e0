"""Functions on signals, against something that is not ours."""

import numpy as np
import pytest
import scipy.signal
import wfdb

import efficientecg
from efficientecg import InputError


def test_peaks_are_those_that_the_record_was_made_with(demo):
    found = efficientecg.find_peaks(demo.signal("MLII"), 360)
    assert found.dtype == np.int64 and (np.diff(found) > 0).all()
    truth = wfdb.rdann("../demo/demo", "atr")
    score = efficientecg.evaluate.beats(truth, found, 360, start=0)
    assert score.gross["qrs_sensitivity"] == score.gross["qrs_predictivity"] == 1.0
    # Either polarity, any unit, doubles, part of a wider array.
    wide = np.stack([demo.signal("MLII")] * 2, 1).astype(np.float64) * -250
    assert np.array_equal(efficientecg.find_peaks(wide[:, 1], 360), found)


def test_resampling_keeps_what_both_rates_hold():
    t = np.arange(5000) / 500
    waves = np.stack([np.sin(2 * np.pi * f * t) for f in (1.3, 11.0, 40.0)])
    for to in (250, 300, 360, 1000):
        ours = efficientecg.resample(waves, 500, to)
        exact = np.stack([np.sin(2 * np.pi * f * np.arange(ours.shape[1]) / to) for f in (1.3, 11.0, 40.0)])
        inside = slice(to, -to)
        assert np.isfinite(ours).all() and abs(ours[:, inside] - exact[:, inside]).max() < 5e-5, to
        theirs = scipy.signal.resample_poly(waves, to, 500, axis=1)
        assert abs(ours.shape[1] - theirs.shape[1]) <= 1
        error = abs(theirs[:, : ours.shape[1]][:, inside] - exact[:, : theirs.shape[1]][:, inside]).max()
        assert 1e-4 < error < 2e-3, "SciPy's shorter filter is near, and farther"
    assert np.array_equal(efficientecg.resample(waves[0], 500, 250), efficientecg.resample(waves, 500, 250)[0])


def test_heart_rate_variability_by_its_definitions():
    random = np.random.default_rng(4)
    rr = 0.8 + 0.05 * np.sin(2 * np.pi * 0.1 * np.arange(3000) * 0.8) + 0.01 * random.standard_normal(3000)
    beats = np.round(np.r_[0, np.cumsum(rr)] * 1000)
    ms = np.diff(beats)
    found = efficientecg.hrv(beats, 1000)
    assert found["count"] == 3000
    expected = {
        "mean": ms.mean(),
        "sdnn": ms.std(ddof=1),
        "rmssd": np.sqrt(np.mean(np.diff(ms) ** 2)),
        "pnn50": (abs(np.diff(ms)) > 50).sum() / len(ms),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
    assert found["lf"] > 10 * found["hf"] > 0, "the wave is one of 0.1 Hz"
    assert found["lf_hf"] == pytest.approx(found["lf"] / found["hf"])
    # An ectopic beat takes the intervals on both its sides away.
    symbols = ["N"] * 3001
    symbols[1500] = "V"
    assert efficientecg.hrv(beats, 1000, symbols=symbols)["count"] == 2998
    assert efficientecg.hrv([0, 800], 1000)["sdnn"] is None and efficientecg.hrv([], 1000)["mean"] is None
    with pytest.raises(InputError, match="symbols: expected one for each of 3 beats"):
        efficientecg.hrv([0, 1, 2], 1, symbols="NN")


def test_rows_of_features_are_what_the_network_gets(demo, beats):
    made = beats.prepare(demo)
    normal = np.stack([efficientecg.z_score(row) for row in demo.to_array()])
    rows = efficientecg.features(normal, made["_times"], 360)
    assert rows.shape == (110, 3, 45) and np.isfinite(rows).all()
    assert np.array_equal(rows, made["rhythm"])
    wide = efficientecg.features(normal, made["_times"], 360, kind="beats-wide")
    assert wide.shape == (110, 3, 57) and np.array_equal(wide[..., :45], rows)
    # A beat's row stands in those of its neighbours.
    assert np.array_equal(rows[1:, 0], rows[:-1, 1]) and not rows[0, 0].any()
    record = efficientecg.features(demo.signal("MLII"), made["_times"], 360, kind="record")
    assert record.shape == (110, 10) and abs(record).max() <= 4
    assert efficientecg.features(normal, [100], 360) is None
    for how, said in [
        (([5, 3], 360, "beats"), "beats: expected ascending"),
        (([3, 5], 0, "beats"), "fs: expected"),
        (([3, 5], 360, "all"), "kind: expected"),
    ]:
        with pytest.raises(InputError, match=said):
            efficientecg.features(normal, how[0], how[1], kind=how[2])


def test_windows_are_cut_around_beats(demo, beats):
    made = beats.prepare(demo, age=50)
    normal = np.stack([efficientecg.z_score(row) for row in demo.to_array()])
    at = int(made["_times"][40])
    assert np.array_equal(made["signal"][40], normal[:, at - 144 : at + 144])
    assert (made["age"] == 50).all() and set(made["_reasons"]) == {None}
    out = beats.run(made["signal"], age=made["age"], sex=made["sex"], rhythm=made["rhythm"])
    found = beats.classify(demo, age=50)
    np.testing.assert_allclose(out.probabilities, found.probabilities, atol=1e-5)
    assert [beats.classes[i] for i in out.best] == found.labels


def test_quality_tells_noise_from_an_ecg(demo):
    good = efficientecg.signal_quality(demo.to_array(), 360)
    assert good and good.reason is None and good.not_assessed == [] and len(good.windows) == 18
    signal = demo.to_array()
    signal[:, :10800] = np.nan
    half = efficientecg.signal_quality(signal, 360)
    assert half.not_assessed[0][2] == "missing" and half.not_assessed[0][:2] == (0, 30)
    noise = efficientecg.signal_quality(np.random.default_rng(1).standard_normal(3600), 360)
    assert not noise and noise.reason is not None
    assert list(noise.to_pandas()["reason"]) == [noise.reason]


def test_hum_goes_and_the_rest_stays():
    t = np.arange(10 * 500) / 500
    wave = np.sin(2 * np.pi * 7 * t)
    for mains in (50, 60):
        clean = efficientecg.remove_hum(wave + 0.5 * np.sin(2 * np.pi * mains * t + 1), 500)
        assert abs(clean - wave)[500:-500].max() < 0.02, mains
    assert np.array_equal(efficientecg.remove_hum(wave, 500), wave.astype(np.float32))


def test_missing_samples():
    x = np.sin(np.arange(1000) / 10).astype(np.float32)
    x[300:400] = x[300]
    held = efficientecg.blank_held(x, 100)
    assert np.isnan(held[301:399]).all() and np.isfinite(held[:300]).all()
    filled = efficientecg.fill_missing(held)
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(np.diff(filled[300:399], n=2), 0, atol=1e-6)
    z = efficientecg.z_score(x)
    np.testing.assert_allclose(z, (x - x.mean()) / (x.std() + 1e-6), atol=1e-5)


@pytest.mark.parametrize("call, said", [
    (lambda: efficientecg.find_peaks(np.zeros((2, 100)), 360), "signal: expected one dimension, found shape \\[2, 100\\]"),
    (lambda: efficientecg.find_peaks(np.zeros(100), 20), "sample rate for R-peak detection: expected 50 to 100000 Hz"),
    (lambda: efficientecg.resample(np.zeros(100), 0, 100), "rate"),
    (lambda: efficientecg.resample(np.zeros((1, 2, 3)), 100, 100), "signal: expected shape \\[leads, samples\\]"),
    (lambda: efficientecg.signal_quality(np.zeros(100), -1), "fs: expected samples a second"),
    (lambda: efficientecg.hrv(np.zeros((2, 2)), 100), "beats: expected one dimension"),
    (lambda: efficientecg.hrv([0, 1, 2], 0), "fs: expected"),
    (lambda: efficientecg.hrv([0, 2, 1], 100), "beats: expected ascending"),
    (lambda: efficientecg.hrv([0, np.nan, 2], 100), "beats: expected ascending"),
    (lambda: efficientecg.features(np.zeros((1, 100)), [5, 50], 1e12), "fs: expected samples a second, above 0 to 100000"),
    (lambda: efficientecg.features(np.zeros((1, 100)), [0.5, 1.5], 100), "beats: expected whole numbers, found 0.5"),
    (lambda: efficientecg.features(np.zeros((1, 100)), [5, np.nan], 100), "beats: expected whole numbers, found NaN"),
])
def test_bad_input_is_told(call, said):
    with pytest.raises(InputError, match=said):
        call()
