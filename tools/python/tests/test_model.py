"""Where models come from, and what they say of themselves."""

import os
import pickle

import numpy as np
import pytest

import efficientecg
from efficientecg import InputError, LoadError, Model

WEIGHTS = "../../model/weights/mitbih-beats.npz"


def test_a_name_a_path_and_bytes_are_the_same_model(beats, signal, tmp_path):
    want = beats.run(signal).logits
    with open(WEIGHTS, "rb") as file:
        data = file.read()
    bare = tmp_path / "network"
    bare.write_bytes(data)
    for source in (WEIGHTS, data, bytearray(data), bare, str(bare)):
        model = Model(source, threads=1)
        assert model.name == "mitbih-beats" and np.array_equal(model.run(signal).logits, want)
    assert Model(WEIGHTS).limits == beats.limits and Model(data).limits is None


def test_every_model_loads_and_has_limits():
    for name, limits in efficientecg.models().items():
        model = Model(name, threads=1)
        assert (model.name, model.limits) == (name, limits) and "Trained on" in limits
        assert model.parameters > 10_000 and model.multiply_adds() > 1e5
        assert model.unit == ("beat" if "beats" in name else "record")
        assert name in repr(model) and model.device.startswith("cpu")


@pytest.mark.parametrize("source, said", [
    ("mitbih", "model: expected one of mitbih-beats, beats"),
    ("none/at/all.npz", "none/at/all.npz: "),
    (b"PK nothing", "<memory>"),
    (b"", "<memory>"),
])
def test_what_cannot_be_loaded_is_one_line(source, said):
    with pytest.raises(LoadError) as error:
        Model(source)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("how, said", [
    ({"threads": 0}, "threads: expected 1 to 1024, found 0"),
    ({"threads": -1}, "threads: expected 1 to 1024, found -1"),
    ({"precision": "f8"}, "precision: expected f32 or bf16, found f8"),
    ({"backend": "gpu"}, "backend: expected cpu or reference, found gpu"),
])
def test_options_are_checked(how, said):
    with pytest.raises(ValueError, match=said):
        Model("beats", **how)
    with pytest.raises(InputError, match="expected a name, a path or bytes, found int"):
        Model(7)


def test_weights_go_to_a_file_and_back(beats, signal, tmp_path):
    config, state = efficientecg.load_weights(WEIGHTS)
    assert config == beats.config
    path = tmp_path / "again.npz"
    state["head.bn.num_batches_tracked"] = np.array(3)
    efficientecg.save_weights(path, state, config)
    assert np.array_equal(Model(path, threads=1).run(signal).logits, beats.run(signal).logits)
    state["classifier.bias"] = np.full(5, 1e6)
    with pytest.raises(InputError, match="classifier.bias: expected finite values in float16"):
        efficientecg.save_weights(path, state, config, dtype="float16")
    np.savez(path, a=np.zeros(1))
    with pytest.raises(InputError, match="config: expected the network's configuration"):
        efficientecg.load_weights(path)


def test_a_model_can_be_sent_to_another_process(beats, signal):
    for model in (beats, Model(WEIGHTS, threads=1, precision="f32")):
        again = pickle.loads(pickle.dumps(model))
        assert repr(again) == repr(model) and again.device == model.device
        assert np.array_equal(again.run(signal).logits, model.run(signal).logits)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_model_works_in_a_process_that_was_forked(signal, demo):
    model = Model("mitbih-beats", threads=2)
    want = model.run(signal).logits
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Threads are not in the child: a run that waited for them would never end.
        try:
            good = np.array_equal(model.run(signal).logits, want) and len(model.classify(demo)) == 110
            os.write(writing, b"1" if good else b"0")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert answer.read() == b"1"
    os.waitpid(child, 0)
    assert np.array_equal(model.run(signal).logits, want)


def test_bench_counts_runs(beats):
    timing = efficientecg.bench(beats, batch=2, samples=100, seconds=0)
    assert (timing.runs, timing.batch, timing.samples) == (3, 2, 100)
    assert 0 < timing.least <= timing.median <= timing.most
    assert timing.records_per_second == 2 / timing.median and "mitbih-beats on cpu" in str(timing)


def test_probabilities_by_scikit_learns_convention(demo):
    model = Model("cinc2017-rhythm", threads=1)
    lead = efficientecg.resample(demo.signal("MLII"), 360, 300)[:9000]
    both = np.stack([lead, np.zeros(9000)])[:, None]
    assert list(model.classes_) == ["N", "A", "O", "~"]
    found = model.predict_proba(both)
    assert found.shape == (2, 4) and np.isnan(found[1]).all() and abs(found[0].sum() - 1) < 1e-6
    assert list(model.predict(both)) == [model.classes[found[0].argmax()], "-"]
    # The same record by its path, and as a record.
    again = model.predict_proba(["../demo/demo", demo], lead_map={"ECG": "MLII"})
    assert np.array_equal(again[0], again[1]) and np.isfinite(again).all()
    with pytest.raises(InputError, match="expected shape"):
        model.predict_proba(lead)
    with pytest.raises(InputError, match="expected one that classifies records, found one of beats"):
        Model("beats").predict(both)


def test_several_labels_are_a_row_of_indicators():
    model = Model("ptbxl-8lead", threads=1)
    found = model.predict(np.zeros((2, 8, 5000)))
    assert np.array_equal(found, np.full((2, 5), -1)), "what cannot be assessed is neither 0 nor 1"
