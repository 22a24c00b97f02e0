import math

import numpy as np
import pytest
import torch

from efficientecg_train import recordings
from efficientecg_train.datasets import cinc2017, hefei, ptbxl
from efficientecg_train.evaluate import calibrate, record_metrics
from efficientecg_train.train import augment_records, autoencoder


def cinc(folder, records):
    """Writes records as PhysioNet does: MATLAB v4 int16 named `val`."""
    for name, (samples, _) in records.items():
        head = np.array([30, 1, len(samples), 0, 4], "<i4").tobytes() + b"val\0"
        (folder / f"{name}.mat").write_bytes(head + np.asarray(samples, "<i2").tobytes())
    (folder / "REFERENCE.csv").write_text("".join(f"{n},{label}\n" for n, (_, label) in records.items()))


def test_cinc_records_keep_their_own_lengths(tmp_path):
    cinc(tmp_path, {"A1": ([1, 2, 3, 6], "O"), "A2": ([5, 7], "N"), "A3": ([0, 0, 0, 8], "~")})
    data = cinc2017.read(str(tmp_path))
    assert data.names == ["A1", "A2", "A3"] and data.labels.tolist() == [2, 0, 3]
    assert [s.shape for s in data.signals] == [(1, 4), (1, 2), (1, 4)]
    # Mean 3, deviation sqrt(14 / 4).
    np.testing.assert_allclose(data.signals[0][0], (np.array([1, 2, 3, 6]) - 3) / math.sqrt(3.5), rtol=1e-6)
    assert sorted(i.tolist() for i in data.by_length(8)) == [[0, 2], [1]]
    assert data.whole(torch.tensor([0, 2])).shape == (2, 1, 4)


def test_folds_hold_each_class_in_equal_parts():
    labels = torch.tensor([0] * 50 + [1] * 10 + [2] * 25 + [3] * 5)
    none = torch.zeros(90)
    data = recordings.Recordings([""] * 90, [np.zeros((1, 2), "f4")] * 90, labels, none, none)
    fold = cinc2017.folds(data)
    for c, each in enumerate([10, 2, 5, 1]):
        assert np.bincount(fold[(labels == c).numpy()], minlength=5).tolist() == [each] * 5


def test_ptbxl_leads_by_name_superclasses_and_old_age(tmp_path):
    names = ["V6", "V5", "V4", "V3", "V2", "V1", "AVF", "AVL", "AVR", "III", "II", "I"]
    (tmp_path / "r").mkdir()
    x = np.arange(36).reshape(3, 12).astype("<i2")
    x.tofile(tmp_path / "r/1.dat")
    lines = ["1 12 500 3"] + [f"1.dat 16 1000.0(0)/mV 16 0 0 0 0 {n}" for n in names]
    (tmp_path / "r/1.hea").write_text("\n".join(lines) + "\n")
    (tmp_path / "scp_statements.csv").write_text(
        ",diagnostic,diagnostic_class\nNORM,1.0,NORM\nIMI,1.0,MI\nAMI,1.0,MI\nSR,,\nLVH,1.0,HYP\n")
    row = "{},{},{},\"{}\",{},{}\n".format
    (tmp_path / "ptbxl_database.csv").write_text(
        "ecg_id,age,sex,scp_codes,strat_fold,filename_hr\n"
        + row(1, 300, 1, "{'IMI': 15.0, 'AMI': 0.0, 'LVH': 50.0, 'SR': 0.0}", 4, "r/1")
        + row(2, 50, 0, "{'NORM': 100.0}", 5, "r/absent")
        + row(3, 50, 0, "{'SR': 100.0}", 5, "r/1")
        + row(4, "", "", "{'NORM': 80.0}", 9, "r/1"))
    data, fold = ptbxl.read(str(tmp_path))
    assert fold.tolist() == [4, 9]
    assert data.labels.tolist() == [[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]]
    assert data.age[0] == 90 and math.isnan(data.age[1]) and data.sex.tolist() == [0, -1]
    # Lead I is the last column, V6 the first; less their medians.
    np.testing.assert_allclose(data.signals[0][0], np.array([-12, 0, 12]) / 1000, rtol=1e-6)
    np.testing.assert_allclose(data.signals[0][7], np.array([-12, 0, 12]) / 1000, rtol=1e-6)


def contest(folder, header="I II V1 V2 V3 V4 V5 V6", events="a\nb\n", labels="0.txt\t60\tMALE\tb\n1.txt\t\t\ta\tb\n"):
    for name, sign in (("0.txt", 1), ("1.txt", -1)):
        rows = "".join(" ".join(str(sign * (10 * t + c)) for c in range(8)) + "\n" for t in range(4))
        (folder / name).write_text(header + "\n" + rows)
    (folder / "labels.txt").write_text(labels)
    (folder / "events.txt").write_text(events)
    return hefei.read(str(folder), str(folder / "labels.txt"), str(folder / "events.txt"))


def test_hefei_text(tmp_path):
    data, classes = contest(tmp_path, header="II I V1 V2 V3 V4 V5 V6")
    assert classes == ["a", "b"] and data.labels.tolist() == [[0, 1], [1, 1]]
    assert data.age[0] == 60 and math.isnan(data.age[1]) and data.sex.tolist() == [1, -1]
    np.testing.assert_allclose(hefei.samples(str(tmp_path / "0.txt"))[0], 0.00488 * np.array([1, 11, 21, 31]))


@pytest.mark.parametrize("how, said", [
    ({"header": "I II V1 V2 V3 V4 V5 V7"}, "line 1"),
    ({"events": "a\n"}, "line 1: the event 'b'"),
])
def test_hefei_says_what_is_wrong(tmp_path, how, said):
    with pytest.raises(ValueError, match=said):
        contest(tmp_path, **how)


def test_challenge_score_by_hand():
    truth = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    found = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    # N: 2 * 2 / (3 + 2); A: 2 / (2 + 2); O: 4 / (2 + 4).
    assert record_metrics.challenge(truth, found) == pytest.approx((4 / 5 + 1 / 2 + 4 / 6) / 3)


def test_auc_by_pairs():
    draw = np.random.default_rng(0)
    truth, score = draw.integers(0, 2, 60), draw.integers(0, 9, 60)
    pairs = [(p > q) + (p == q) / 2 for p in score[truth == 1] for q in score[truth == 0]]
    assert record_metrics.aucs(truth[:, None], score[:, None])[0] == pytest.approx(np.mean(pairs))
    assert math.isnan(record_metrics.aucs(np.ones((3, 1)), np.zeros((3, 1)))[0])


def test_crops_interpolate_and_begin_anew():
    line = np.arange(100, dtype="f4")[None]
    data = recordings.Recordings(["a"], [line], torch.tensor([0]), torch.zeros(1), torch.zeros(1))
    np.random.seed(3)
    for _ in range(20):
        x = augment_records.crops(data, torch.tensor([0]), 150)[0, 0].numpy()
        steps = np.diff(x)
        ahead = steps[steps > 0]
        assert np.isfinite(x).all() and x.min() >= 0 and x.max() <= 99
        np.testing.assert_allclose(ahead, ahead[0], atol=1e-3)
        assert 0.9 <= ahead[0] <= 1.1 and 1 <= (steps < 0).sum() <= 2


def test_reversed_rows():
    rows = torch.arange(8.0).reshape(2, 4, 1)
    back, there = autoencoder.reversed_rows(rows, torch.tensor([3, 1]))
    assert back[0, :3, 0].tolist() == [2, 1, 0] and back[1, 0, 0] == 4
    assert there.tolist() == [[True, True, True, False], [True, False, False, False]]


def test_autoencoder_keeps_short_sequences():
    torch.manual_seed(0)
    rows, steps = torch.randn(256, 3, 2), torch.randint(1, 4, (256,))
    lstm = torch.nn.LSTM(2, 16, batch_first=True)
    assert autoencoder.fit(lstm, rows, steps, epochs=60, size=64) < 0.3


def test_calibration_error_by_hand():
    # Bins of 1/15: 0.6 and 0.61 share one (one right of two), 0.9 has its own (right).
    p = np.array([[0.6, 0.4], [0.39, 0.61], [0.1, 0.9]])
    assert calibrate.error(np.array([0, 0, 1]), p) == pytest.approx((abs(1.21 - 1) + abs(0.9 - 1)) / 3)


def test_temperature_undoes_a_scale():
    torch.manual_seed(0)
    logits = torch.randn(20000, 3)
    labels = torch.distributions.Categorical(logits=logits).sample()
    assert calibrate.temperature(2.5 * logits, labels) == pytest.approx(2.5, rel=0.05)


def test_the_median_is_of_what_is_known():
    nan = np.nan
    x = np.array([[3.0, 1.0, 8.0, nan], [4.0, 1.0, 3.0, 2.0], [nan] * 4])
    want = [[0.0, -2.0, 5.0, 0.0], [1.5, -1.5, 0.5, -0.5], [0.0] * 4]
    assert recordings.less_median(x).tolist() == want
