"""The files that peers are given, by the runtimes that read them, against the training module in f64."""

import numpy as np
import pytest

from efficientecg_peers import contest, networks, report
from efficientecg_peers.worker import RUNTIMES, Forms


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    networks.write(str(folder), "tiny", networks.tiny(), [1, 4], records=4)
    return str(folder / "tiny")


def open_runtime(tiny, name, batch=4, threads=1):
    runtime, precision = RUNTIMES[name]
    with np.load(tiny + ".in.npz") as z:
        inputs = {k: z[k] for k in z.files}
    inputs["signal"] = runtime.layout(inputs["signal"])
    return Forms(runtime, precision, tiny, batch, threads, inputs)


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("form", ["together", "one_by_one", "shared_out"])
def test_every_form_gives_the_modules_logits(tiny, name, form):
    reference = np.load(tiny + ".logits.npy")
    assert np.isfinite(reference).all() and np.abs(reference[0] - reference[1]).max() > 0.1
    runner, run = getattr(open_runtime(tiny, name, threads=2), form)()
    error = contest.worst_error(run(), reference)
    assert error < (6e-2 if getattr(runner, "computes_in", "f32") != "f32" else 1e-5)


@pytest.mark.parametrize("name", ["ort", "litert", "openvino"])
@pytest.mark.parametrize("feature", ["signal", "age", "sex"])
def test_every_input_counts(tiny, name, feature):
    forms = open_runtime(tiny, name, batch=1)
    _, run = forms.together()
    before = run()
    other = forms.inputs[feature]
    forms.inputs[feature] = 1 - other if feature == "sex" else other + 20
    assert np.abs(run() - before).max() > 1e-3


def test_the_fastest_form_is_taken(tiny):
    assert open_runtime(tiny, "ort", batch=1, threads=2).names() == ["together"]
    form, _, run = open_runtime(tiny, "ort", threads=2).best("")
    assert form in ("together", "one_by_one", "shared_out")
    assert contest.worst_error(run(), np.load(tiny + ".logits.npy")) < 1e-5


def test_wrong_logits_are_an_error():
    reference = np.array([[1.0, -4.0]])
    assert contest.worst_error([[1.0, -3.0]], reference) == 0.25
    assert contest.worst_error([[float("nan"), -4.0]], reference) == float("inf")
    with pytest.raises(contest.Failure, match="shape"):
        contest.worst_error([[1.0]], reference)


def test_the_best_peer_is_none_of_the_reduced_ones():
    row = {"network": "n", "batch": 1, "threads": 1, "rounds": 2, "disturbed": 0, "date": "", "machine": "", "commit": "",
           "ms": {"engine f32": [2.0, 4.0], "LiteRT": [3.0, 6.0], "OpenVINO default": [1.0, 2.0], "rten": [8.0, 8.0]},
           "about": {}, "error": {}}
    assert report.best_peer(row) == "LiteRT"
    assert report.ratio(row["ms"]["engine f32"], row["ms"]["LiteRT"]) == (1.5, 1.5, 1.5)
    last = report.times([row]).splitlines()[-1]
    assert last.startswith("| n | 1 | 1 | 3.00 |") and last.endswith("| LiteRT · **1.50** |")
