import efficientecg
import numpy as np
import torch

from efficientecg_train import beats, patients
from efficientecg_train.datasets.mitbih import Record
from efficientecg_train.train import beats as train_beats
from efficientecg_train.train import draw, prepared_beats

RATE = 180


def record(name, classes, rate=RATE):
    """Beats of two leads, those of class 1 early."""
    rng = np.random.default_rng(len(classes))
    at = np.cumsum(np.where(np.array(classes) == 1, 0.6, 0.9) * rate).astype(int)
    t = np.arange(at[-1] + rate)
    wave = sum(np.exp(-((t - b) / (0.015 * rate)) ** 2) + 0.1 * np.exp(-((t - b + 0.16 * rate) / (0.02 * rate)) ** 2) for b in at)
    signal = np.stack([wave, 0.4 * wave + 0.3 * np.roll(wave, 3)]) + 0.01 * rng.standard_normal((2, len(t)))
    return Record(name, ["a", "b"], rate, signal, at, np.array(classes), float("nan"), -1)


def test_each_fold_has_its_share_of_early_beats():
    records = [record(str(i), [1] * (i + 1) + [0]) for i in range(20)]
    fold = patients.folds(records)
    assert sorted(fold) == sorted(list(range(5)) * 4)
    early = [sum(sum(r.labels == 1) for r, f in zip(records, fold) if f == own) for own in range(5)]
    assert early == [42] * 5


def test_swapped_columns_are_those_of_swapped_leads():
    r = record("r", [0, 0, 0, 1, 0, 0, 0, 0, 1] * 4)
    x = r.normalized()
    wide = [efficientecg.features(signal, r.beats, RATE, kind="beats-wide")[:, 1] for signal in (x, x[::-1])]
    assert wide[0].shape[1] == beats.wide_inputs(2)
    assert np.abs(wide[0] - wide[1]).max() > 0.1
    np.testing.assert_allclose(wide[0][:, draw.swapped_columns()], wide[1], atol=2e-3)


def test_neighbours_are_of_the_same_version():
    got = prepared_beats.neighbours(np.array([0, 0, 0, 1, 2, 2]))
    np.testing.assert_array_equal(got, [[6, 0, 1], [0, 1, 2], [1, 2, 6], [6, 3, 6], [6, 4, 5], [4, 5, 6]])


def test_windows_keep_their_middle_when_stretched():
    x = torch.zeros(500, 1, 180)
    x[:, 0, 88:93] = 1.0
    out = train_beats.stretched(x, 144)
    assert out.shape == (500, 1, 144) and (out[:, 0, 72] == 1).float().mean() > 0.5
    assert (out[:, 0, :60] == 0).all() and (out[:, 0, 84:] == 0).all()
