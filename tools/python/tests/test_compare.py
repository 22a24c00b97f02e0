"""`testing.compare`, with a network of PyTorch. Without PyTorch nothing can be compared: EFFICIENTECG_REQUIRE_TORCH=1 makes that a failure."""

import sys

import numpy as np
import pytest
from conftest import ROOT, needs

import efficientecg
from efficientecg.testing import Comparison, compare, random_inputs

torch = needs("torch", "torch")
WEIGHTS = ROOT / "model/weights"


@pytest.fixture(scope="module")
def networks():
    """The package that trains, from beside this one."""
    sys.path.insert(0, str(ROOT / "tools/train"))
    from efficientecg_train import export, network

    yield export, network
    sys.path.pop(0)


@pytest.mark.parametrize("name", list(efficientecg.models()))
def test_every_model_is_the_module_that_was_trained(networks, name):
    export, _ = networks
    found = compare(export.load(WEIGHTS / f"{name}.npz"), name)
    assert found.passed and {"logits", "probabilities", "stem", "head"} <= set(found.errors)
    assert all(np.isfinite(error) and error <= 2e-5 for error in found.errors.values())


def test_a_module_without_a_file(networks):
    export, network = networks
    config = export.load(WEIGHTS / "cinc2017-rhythm.npz").config
    module = network.EfficientECG(config)
    inputs = random_inputs(config, batch=2, samples=700, seed=3)
    assert compare(module, inputs=inputs).passed
    told = compare(module, inputs=inputs, forward=lambda module, signal, features: module(signal, features))
    assert list(told.errors) == ["logits", "probabilities"]


def test_another_networks_weights_do_not_pass(networks):
    export, _ = networks
    module = export.load(WEIGHTS / "mitbih-beats.npz")
    with torch.no_grad():
        module.classifier.bias[2] += 0.01
    with pytest.raises(AssertionError, match="mitbih-beats differs from the module:\nlogits .* too much"):
        compare(module, "mitbih-beats")
    assert not compare(module, "mitbih-beats", check=False).passed


def test_what_is_not_finite_does_not_pass():
    assert not Comparison({"logits": float("nan")}, 1.0).passed
    assert not Comparison({"logits": float("inf")}, 1.0).passed


def test_a_module_that_takes_no_features(networks):
    module = torch.nn.Identity()
    with pytest.raises(efficientecg.InputError, match="expected one that takes the features age, sex"):
        compare(module, "mitbih-beats")
    with pytest.raises(efficientecg.InputError, match="config: expected the network's configuration"):
        compare(module)
