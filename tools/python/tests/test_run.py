"""Runs on arrays: what is read where it lies, shapes, features, taps, and what is refused."""

import sys
import threading

import numpy as np
import pytest

import efficientecg
from efficientecg import InputError, Model


def test_an_array_of_f32_is_read_where_it_lies(beats, signal):
    out = beats.run(signal)
    assert out._signal_address == signal.ctypes.data
    assert beats.run(signal[1:3])._signal_address == signal[1:3].ctypes.data, "a part of it too"
    signal.flags.writeable = False
    assert beats.run(signal)._signal_address == signal.ctypes.data, "and what nobody may write to"
    signal.flags.writeable = True


@pytest.mark.parametrize("change", [
    lambda x: x.astype(np.float64),
    lambda x: np.asfortranarray(x),
    lambda x: np.repeat(x, 2, -1)[..., ::2],
    lambda x: x.astype(">f4"),
    lambda x: x.tolist(),
])
def test_what_lies_otherwise_is_converted(beats, signal, change):
    changed = change(signal)
    out = beats.run(changed)
    assert np.array_equal(out.logits, beats.run(signal).logits)
    if isinstance(changed, np.ndarray):
        assert out._signal_address != changed.ctypes.data


def test_an_array_that_is_not_aligned_is_copied(beats, signal):
    raw = np.zeros(signal.nbytes + 1, np.uint8)
    odd = raw[1:].view(np.float32).reshape(signal.shape)
    odd[...] = signal
    assert np.array_equal(beats.run(odd).logits, beats.run(signal).logits)


def test_a_batch_is_its_records(beats, signal):
    age, sex = [60.0, None, np.nan, 33], ["male", None, "female", "male"]
    rhythm = np.random.default_rng(3).standard_normal((4, 3, 45)).astype(np.float32)
    whole = beats.run(signal, age=age, sex=sex, rhythm=rhythm)
    assert whole.logits.shape == whole.probabilities.shape == (4, 5)
    assert whole.logits.dtype == np.float32 and np.isfinite(whole.logits).all()
    np.testing.assert_allclose(whole.probabilities.sum(1), 1, atol=1e-6)
    for i in range(4):
        one = beats.run(signal[i], age=age[i], sex=sex[i], rhythm=rhythm[i])
        assert one.logits.shape == (5,)
        np.testing.assert_allclose(one.logits, whole.logits[i], atol=2e-5)


def test_features_in_all_their_forms(beats, signal):
    plain = beats.run(signal, age=[60] * 4, sex=["female"] * 4).logits
    for age, sex in [(60, "female"), (np.full(4, 60.0), np.zeros(4, np.int64)), (np.float32(60), 0), ((60,) * 4, [0] * 4)]:
        assert np.array_equal(beats.run(signal, age=age, sex=sex).logits, plain), (age, sex)
    missing = beats.run(signal).logits
    assert not np.array_equal(missing, plain)
    for age, sex in [(None, None), (np.nan, -1), ([None] * 4, [None] * 4), (np.full(4, np.nan), np.full(4, -1))]:
        assert np.array_equal(beats.run(signal, age=age, sex=sex).logits, missing), (age, sex)


def test_rows_past_a_records_steps_are_never_read(beats, signal):
    rows = np.full((4, 3, 45), np.nan, np.float32)
    rows[:, :2] = 0.5
    cut = beats.run(signal, rhythm=rows, rhythm_steps=[2, 2, 2, 0])
    short = beats.run(signal, rhythm=rows[:, :2])
    np.testing.assert_allclose(cut.logits[:3], short.logits[:3], atol=1e-6)
    np.testing.assert_allclose(cut.logits[3], beats.run(signal[3]).logits, atol=2e-5)
    assert np.array_equal(beats.run(signal, rhythm=rows, rhythm_steps=2).logits, short.logits)


def test_taps_are_what_the_network_computes(beats, signal):
    out = beats.run(signal, taps=["head", "attention"])
    head, attention = out.taps["head"], out.taps["attention"]
    assert head.shape[:2] == (4, beats.config["head_channels"]) and attention.shape[:2] == (4, 3)
    # The classifier by hand, on the taps.
    weights = efficientecg.load_weights("../../model/weights/mitbih-beats.npz")[1]
    x = np.concatenate([head.mean(-1), attention.reshape(4, -1)], 1)
    logits = x @ weights["classifier.weight"].astype(np.float64).T + weights["classifier.bias"].astype(np.float64)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(out.logits, logits, atol=1e-4)
    assert beats.run(signal[0], taps=["head"]).taps["head"].shape == head.shape[1:]


def test_results_are_those_of_the_reference_in_f64(beats, signal):
    slow = Model("mitbih-beats", backend="reference")
    np.testing.assert_allclose(beats.run(signal, age=50).logits, slow.run(signal, age=50).logits, atol=2e-4)


def test_results_do_not_depend_on_threads(signal):
    few, many = (Model("mitbih-beats", threads=n).run(signal).logits for n in (1, 3))
    assert np.array_equal(few, many)


@pytest.mark.parametrize("how, said", [
    ({"signal": np.zeros((1, 3, 288))}, "signal: expected shape [B, 2, T], found shape [1, 3, 288]"),
    ({"signal": np.zeros(288)}, "signal: expected shape [batch, leads, samples] or [leads, samples], found shape [288]"),
    ({"signal": np.full((1, 2, 288), np.nan)}, "signal, record 0: expected finite values, found NaN at lead 0, sample 0"),
    ({"signal": np.zeros((0, 2, 288))}, "signal: expected at least one record"),
    ({"signal": "none"}, "signal: expected an array of numbers, found str"),
    ({"signal": np.zeros((2, 2, 288)), "age": [1, 2, 3]}, "age: expected the elements of shape [2], found 3 elements"),
    ({"signal": np.zeros((1, 2, 288)), "age": "old"}, "age: expected a number, or one a record, found old of type str"),
    ({"signal": np.zeros((1, 2, 288)), "sex": "f"}, "sex, record 0: expected one of female, male, found f"),
    ({"signal": np.zeros((1, 2, 288)), "sex": 2}, "sex, record 0: expected a category below 2, found 2"),
    ({"signal": np.zeros((1, 2, 288)), "sex": -2}, "sex: expected the place of a category, or -1, found -2"),
    ({"signal": np.zeros((1, 2, 288)), "sex": 1.5}, "sex: expected the name or place of a category"),
    ({"signal": np.zeros((1, 2, 288)), "weight": 70}, "weight: expected only age, sex, rhythm, found an unknown feature"),
    ({"signal": np.zeros((1, 2, 288)), "rhythm": np.zeros((1, 3, 4))}, "rhythm: expected shape [1, steps, 45], found shape [1, 3, 4]"),
    ({"signal": np.zeros((1, 2, 288)), "rhythm_steps": [1]}, "rhythm_steps: expected the rows rhythm beside it, found none"),
    ({"signal": np.zeros((1, 2, 288)), "rhythm": np.zeros((1, 3, 45)), "rhythm_steps": [4]}, "rhythm_steps, record 0: expected 0 to 3, found 4"),
    ({"signal": np.zeros((1, 2, 288)), "taps": ["feet"]}, "tap: expected one of stem"),
])
def test_bad_input_is_one_line(beats, how, said):
    with pytest.raises(InputError) as error:
        beats.run(**how)
    assert str(error.value).startswith(said) and "\n" not in str(error.value) and "; " in str(error.value)
    assert isinstance(error.value, ValueError)


def test_what_overflows_is_an_error_of_the_run(beats, signal):
    with pytest.raises(efficientecg.RunError, match="record 1: expected finite logits"):
        huge = signal.copy()
        huge[1] *= np.float32(1e38)
        beats.run(huge)


def test_other_threads_run_meanwhile(beats):
    """With no forced switches another thread gets in only where a run lets go of the interpreter."""
    signal = np.zeros((400, 2, 288), np.float32)
    interval = sys.getswitchinterval()

    def once():
        started, done = threading.Event(), []

        def work():
            started.set()
            beats.run(signal)
            done.append(True)

        thread = threading.Thread(target=work)
        thread.start()
        started.wait()
        seen = not done
        thread.join()
        return seen

    try:
        sys.setswitchinterval(1000)
        assert any(once() for _ in range(20))
    finally:
        sys.setswitchinterval(interval)


def test_threads_share_a_model(beats, signal):
    want, got = beats.run(signal).logits, [None] * 4

    def work(i):
        got[i] = [beats.run(signal).logits for _ in range(20)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(one, want) for many in got for one in many)
