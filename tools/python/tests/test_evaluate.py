"""Scores, by hand and against WFDB's own."""

import numpy as np
import pytest
import wfdb
import wfdb.processing

from efficientecg import InputError, evaluate


def test_a_matrix_by_hand():
    # Found: N as N, V as N; missed: S; extra: one V between.
    reference = ([1000, 2000, 3000, 4000], ["N", "V", "A", "N"])
    test = ([1005, 1990, 2500, 4001], ["N", "N", "V", "N"])
    score = evaluate.beats(reference, test, 360, start=0)
    want = np.zeros((7, 7), np.int64)
    want[0, 0], want[2, 0], want[1, 5], want[5, 2] = 2, 1, 1, 1
    assert np.array_equal(score.matrix, want)
    assert score.gross["qrs_sensitivity"] == 3 / 4 and score.gross["qrs_predictivity"] == 3 / 4
    assert score.gross["veb_sensitivity"] == 0 and score.gross["veb_predictivity"] == 0
    assert score.gross["sveb_predictivity"] is None, "no beat was given S"
    assert score.accuracy == 0.5 and score.classes["N"]["f1"] == 0.8
    assert score.to_pandas().loc["V", "n"] == 1 and "qrs sensitivity" in str(score)


def test_records_add_up():
    one = evaluate.beats([100, 500], [100, 500], 360, start=0)
    two = evaluate.beats([100, 500, 900, 1300], [100, 500, 1300], 360, start=0)
    both = sum([one, two])
    assert np.array_equal(both.matrix, one.matrix + two.matrix)
    assert both.gross["qrs_sensitivity"] == 5 / 6 and both.average["qrs_sensitivity"] == (1 + 3 / 4) / 2
    assert one.rr_error_ms == 0 and both.rr_error_ms is not None


def test_detection_as_wfdb_counts_it(demo):
    """`wfdb.processing.compare_annotations` pairs by itself."""
    truth = wfdb.rdann("../demo/demo", "atr")
    times = truth.sample[np.isin(truth.symbol, list("NAVLR"))]
    random = np.random.default_rng(2)
    kept = times[random.random(len(times)) > 0.1] + random.integers(-20, 20, 1)
    found = np.sort(np.r_[kept, random.integers(1000, 30000, 5)])
    theirs = wfdb.processing.compare_annotations(times, found, window_width=54)
    ours = evaluate.beats(times, found, 360, start=0)
    assert ours.gross["qrs_sensitivity"] == pytest.approx(theirs.sensitivity, abs=0.011)
    assert ours.gross["qrs_predictivity"] == pytest.approx(theirs.positive_predictivity, abs=0.011)


def test_every_form_of_beats_scores_the_same(beats, tmp_path):
    found = beats.classify("../demo/demo")
    truth = wfdb.rdann("../demo/demo", "atr")
    found.write_wfdb(tmp_path / "demo.ecg")
    want = evaluate.beats(truth, found, start=0)
    assert want.gross["qrs_sensitivity"] == 1 and want.gross["veb_sensitivity"] > 0.9
    for reference in (truth, "../demo/demo.atr", (truth.sample, truth.symbol)):
        for test in (found, tmp_path / "demo.ecg", found.to_wfdb(), (found.sample, found.labels)):
            assert np.array_equal(evaluate.beats(reference, test, 360, start=0).matrix, want.matrix)


def test_classes_by_hand():
    score = evaluate.classes(["N", "N", "A", "O"], ["N", "A", "A", "N"], ["N", "A", "O", "~"], averaged=["N", "A", "O"])
    assert score.matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert score.classes["N"]["f1"] == 0.5 and score.classes["~"]["f1"] is None
    assert score.mean_f1 == pytest.approx((0.5 + 2 / 3 + 0) / 3) and score.accuracy == 0.5
    assert np.array_equal(evaluate.classes([0, 0, 1, 2], [0, 1, 1, 0], ["N", "A", "O", "~"]).matrix, score.matrix)


def test_what_was_not_assessed_is_no_class():
    with pytest.raises(InputError, match="classes: expected some of N, A, found -; leave such cases out"):
        evaluate.classes(["N", "A"], ["N", "-"], ["N", "A"])
    with pytest.raises(InputError, match="expected places of classes, 0 to 1, found -1"):
        evaluate.classes([0], [-1], ["N", "A"])


def test_areas_are_the_share_of_pairs_that_are_won():
    random = np.random.default_rng(5)
    truth, scores = random.integers(0, 2, (60, 3)), random.integers(0, 9, (60, 3)) / 8
    areas, mean = evaluate.auc(truth, scores)
    for label in range(3):
        yes, no = scores[truth[:, label] == 1, label], scores[truth[:, label] == 0, label]
        won = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
        assert areas[label] == pytest.approx(won)
    assert mean == pytest.approx(np.mean(areas))
    assert evaluate.auc([[1], [1]], [[0.1], [0.2]]) == ([None], None)
    with pytest.raises(InputError, match="scores: expected shape"):
        evaluate.auc([0, 1], [0.1, 0.2])


def test_what_was_not_assessed_has_no_rank():
    with pytest.raises(InputError, match="scores, case 1: expected numbers, found NaN; leave out cases"):
        evaluate.auc([[0], [1]], [[0.5], [np.nan]])
    with pytest.raises(InputError, match="truth: expected 0 or 1, found -1"):
        evaluate.auc([[0], [-1]], [[0.5], [0.1]])


def test_annotations_of_another_rate_are_brought_to_it():
    truth = wfdb.Annotation("r", "atr", np.array([360, 720, 1080]), symbol=["N", "V", "N"], fs=360)
    score = evaluate.beats(truth, ([1000, 2000, 3000], ["N", "V", "N"]), 1000, start=0)
    assert score.gross["qrs_sensitivity"] == 1 and score.accuracy == 1


def test_bad_input_is_told():
    for how, said in [({"window": -1}, "window: "), ({"window": np.inf}, "window: "), ({"start": np.nan}, "start: ")]:
        with pytest.raises(InputError, match=said):
            evaluate.beats([1], [1], 360, **how)
    with pytest.raises(InputError, match="times: expected whole numbers, found 0.8; give positions in samples"):
        evaluate.beats([0.8, 1.6], [1], 360)
    with pytest.raises(InputError, match="expected some of N, A, found Z"):
        evaluate.classes(["N"], ["N"], ["N", "A"], averaged=["Z"])
    # Times past all reason are clamped.
    assert evaluate.beats([-(2**63), 2**63 - 1], [100], 360, start=0).matrix.sum() < 4
    with pytest.raises(InputError, match="fs: expected ticks a second, found none"):
        evaluate.beats([1], [1])
    with pytest.raises(InputError, match="symbol 0: expected a symbol of WFDB, as N or V, found x1"):
        evaluate.beats(([1], ["x1"]), [1], 360)
    with pytest.raises(InputError, match="escape: expected S or N"):
        evaluate.beats([1], [1], 360, escape="V")
