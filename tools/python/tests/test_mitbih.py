"""On the MIT-BIH Arrhythmia Database: shipped models on the package's features give every beat of DS2 the class that is kept in
`tests/golden`, which training wrote. Needs the records: EFFICIENTECG_MITBIH names their folder, else they are those that cargo's tests unpacked.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import wfdb
from conftest import ROOT, required

import efficientecg

BEATS = set("NLRejAaJSVEF/fQ")


def records() -> Path:
    named = os.environ.get("EFFICIENTECG_MITBIH")
    folder = Path(named) if named else ROOT / "target/mitbih"
    if not (folder / "234.atr").is_file():
        assert not named and not required("mitbih"), f"{folder} has no 234.atr"
        pytest.skip(f"no records of MIT-BIH: {folder} has no 234.atr")
    return folder


def golden(name):
    """The class of every beat by record."""
    lines = (ROOT / f"tests/golden/{name}-ds2.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("name", ["mitbih-beats", "beats", "beats-1lead"])
def test_every_beat_of_ds2_has_the_class_that_training_gave_it(name):
    folder, model, want = records(), efficientecg.Model(name), golden(name)
    assert len(want) == 22
    count = 0
    for record, classes in want.items():
        notes = wfdb.rdann(str(folder / record), "atr")
        beats = notes.sample[[symbol in BEATS for symbol in notes.symbol]]
        # MLII and the other lead, whatever its name.
        leads = [lead for lead in efficientecg.Record.open(folder / record).leads if lead != "MLII"]
        lead_map = {"V1": leads[0]} if name == "mitbih-beats" else {}
        made = model.prepare(folder / record, beats=beats, lead_map=lead_map)
        given = {key: made[key] for key in ("age", "sex", "rhythm") if key in made}
        out = model.run(made["signal"], **given)
        assert np.isfinite(out.logits).all() and len(out.best) == len(beats)
        found = "".join(model.classes[place] for place in out.best)
        differ = [i for i, (a, b) in enumerate(zip(found, classes)) if a != b]
        assert len(found) == len(classes) and not differ, (record, differ[:5])
        count += len(found)
    assert count == 49_712 if name == "mitbih-beats" else count > 49_000


def test_peaks_of_every_record():
    folder, scores = records(), []
    for header in sorted(folder.glob("*.hea")):
        record = efficientecg.Record.open(header)
        found = efficientecg.find_peaks(record.signal(0), record.fs)
        scores.append(efficientecg.evaluate.beats(header.with_suffix(".atr"), found, record.fs, start=0))
    assert len(scores) == 48
    # The figures of benches/results, to a hundredth of a percent.
    gross = sum(scores).gross
    assert gross["qrs_sensitivity"] > 0.999 and gross["qrs_predictivity"] > 0.998
