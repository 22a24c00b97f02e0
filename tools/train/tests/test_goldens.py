"""The classes of DS2 by PyTorch in f64, on features of the engine's package: those that are kept, to the beat.

Needs the records of MIT-BIH, whose folder EFFICIENTECG_MITBIH names; else those that cargo's tests unpacked.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from efficientecg_train import beats, export, inputs
from efficientecg_train.datasets import mitbih
from efficientecg_train.evaluate.beats import logits_of
from efficientecg_train.train.mitbih import predict

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder():
    named = os.environ.get("EFFICIENTECG_MITBIH")
    found = Path(named) if named else ROOT / "target/mitbih"
    if not (found / "234.atr").is_file():
        assert not named, f"{found} has no 234.atr"
        pytest.skip(f"no records of MIT-BIH: {found} has no 234.atr")
    return str(found)


def golden(name):
    lines = (ROOT / f"tests/golden/{name}-ds2.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("name", ["mitbih-beats", "beats", "beats-1lead"])
def test_classes_are_those_that_are_kept(folder, name):
    module = export.load(ROOT / f"model/weights/{name}.npz", torch.float64)
    want = golden(name)
    assert list(want) == mitbih.DS2
    # A few of the records: each takes seconds.
    chosen = mitbih.DS2 if os.environ.get("EFFICIENTECG_LONG") else mitbih.DS2[::7]
    for record in chosen:
        if name == "mitbih-beats":
            logits = predict(module, beats.gather([mitbih.read(folder, record)]), module.config["samples"], torch.float64).numpy()
        else:
            logits = logits_of(module, *inputs.read([os.path.join(folder, record)], module.config))
        assert np.isfinite(logits).all()
        found = "".join(np.array(mitbih.CLASSES)[logits.argmax(1)])
        differ = [i for i, (a, b) in enumerate(zip(found, want[record])) if a != b]
        assert len(found) == len(want[record]) and not differ, (record, differ[:5])
