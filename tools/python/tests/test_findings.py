"""What is made of findings."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import wfdb

import efficientecg
from efficientecg import InputError, Model

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def found():
    return Model("mitbih-beats", threads=1).classify("../demo/demo")


@pytest.fixture(scope="module")
def refused():
    """The demo with noise from 30 s to 60 s."""
    record = efficientecg.Record.open("../demo/demo")
    signal = record.to_array()
    signal[:, 30 * 360 : 60 * 360] = np.random.default_rng(1).standard_normal((2, 30 * 360)) * 3
    return Model("mitbih-beats", threads=1).classify(signal, fs=360, leads=record.leads)


def test_a_frame_has_a_row_each_beat(found):
    frame = found.to_pandas()
    assert list(frame.columns) == ["sample", "seconds", "class", "reason", "N", "S", "V", "F", "Q"]
    assert len(frame) == 110 and frame["class"].value_counts()["V"] == found.counts["V"] == 5
    assert (frame["class"] == frame[found.classes].idxmax(axis=1)).all()
    np.testing.assert_allclose(frame["seconds"], frame["sample"] / 360)


def test_what_cannot_be_assessed_has_no_class(refused):
    inside = (refused.seconds > 31) & (refused.seconds < 59)
    assert inside.sum() > 0, "noise has peaks"
    for i in np.flatnonzero(inside):
        assert refused[i].label == "-" and refused[i].reason and np.isnan(refused[i].probabilities).all()
    assert refused.counts["-"] >= inside.sum()
    frame = refused.to_pandas()
    assert frame["class"].isna().sum() == refused.counts["-"] and frame["reason"].notna().sum() == refused.counts["-"]
    assert refused.not_assessed and all(part.end > part.onset for part in refused.not_assessed)
    assert "not assessed" in refused._repr_html_()
    notes = [text for text in refused.to_wfdb().aux_note if text]
    assert len(notes) == refused.counts["-"] and all(note.startswith("- ") for note in notes)


def test_a_flat_record_has_no_class():
    flat = Model("cinc2017-rhythm").classify(np.zeros((1, 9000)), fs=300, leads=["ECG"])
    assert (len(flat), flat.labels, flat.reason) == (1, ["-"], "flat")
    assert np.isnan(flat.probabilities).all() and "not assessed: flat" in repr(flat)
    page = flat._repr_html_()
    assert "Not assessed: flat" in page and "Research only" in page and "found" not in page
    assert pd.isna(flat.to_pandas()["class"][0])


def test_annotations_are_those_of_wfdb(found, tmp_path):
    made = found.to_wfdb("ecg")
    assert made.symbol == found.labels and made.fs == 360
    made.wrann(write_dir=str(tmp_path))
    found.write_wfdb(tmp_path / "ours.ecg")
    for name in ("demo", "ours"):
        read = wfdb.rdann(str(tmp_path / name), "ecg")
        assert np.array_equal(read.sample, found.sample) and read.symbol == found.labels, name


def test_the_paper_is_drawn_to_scale(found):
    ax = found.plot(10, 5)
    assert ax.get_xlim() == (10, 15)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 100]
    assert len(lines) == 2
    x, y = lines[0].get_data()
    lead = found.record.signal("MLII")[3600 : 3600 + len(x)]
    np.testing.assert_allclose(np.asarray(y) - y[0], lead - lead[0], atol=1e-5)
    marks = [text.get_text() for text in ax.texts if text.get_text() in "NSVFQ"]
    inside = (found.seconds >= 10) & (found.seconds < 15)
    assert marks == [label for label, yes in zip(found.labels, inside) if yes]
    assert ax.xaxis.get_major_locator().tick_values(0, 1)[1] - ax.xaxis.get_major_locator().tick_values(0, 1)[0] == 0.2
    assert "Research only" in ax.get_title(loc="left")
    # 25 mm a second, on a page of its own.
    width = ax.figure.get_size_inches()[0]
    assert 5 * 25 / 25.4 <= width <= 5 * 25 / 25.4 + 1.1
    for how in ({"seconds": 0}, {"seconds": 100}, {"start": 90}, {"leads": ["V9"]}):
        with pytest.raises(InputError):
            found.plot(**how)
    matplotlib.pyplot.close("all")


def test_every_word_for_a_voltage_is_drawn_to_scale(beats, demo):
    leads = ["MLII", "V1", "pulse"]
    signal = np.concatenate([demo.to_array() * 1000, demo.to_array()[:1]])
    # The Greek letter, and its look-alike.
    record = efficientecg.Record.from_array(signal, 360, leads, units=["μV", "µvolts", "adu"])
    ax = beats.classify(record).plot(10, 5)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 100]
    for line, lead in zip(lines[:2], demo.to_array()[:, 3600:]):
        y = np.asarray(line.get_ydata())
        np.testing.assert_allclose(y - y[0], lead[: len(y)] - lead[0], atol=1e-4)
    assert [text.get_text().strip() for text in ax.texts if "scale" in text.get_text()] == ["pulse, adu: not to scale"]
    matplotlib.pyplot.close("all")


def test_a_page_for_notebooks(found):
    page = found._repr_html_()
    for part in ("mitbih-beats", "90.0 s", "61 years", "<td>V</td><td>5</td>", found.limits[:30], "Research only"):
        assert part in page, part
    assert page.count("<tr>") == 6


def test_names_of_files_are_no_markup(beats):
    record = efficientecg.Record.from_array(np.zeros((2, 3600)), 360, ["MLII", "V1"], name="<script>")
    assert "<script>" not in beats.classify(record)._repr_html_()


def test_settings_count(beats, demo):
    given = beats.classify(demo, beats=[446, 714, 986])
    assert list(given.sample) == [446, 714, 986] and len(given) == 3
    assert np.array_equal(given.probabilities, beats.classify(demo, beats=[446, 714, 986], batch=1).probabilities)
    mapped = beats.classify(demo.to_array(), fs=360, leads=["MLII", "V5"], lead_map={"V1": ["V2", "V5"]})
    assert len(mapped) == 110 and mapped.missing == ["age", "sex"]
    assert beats.classify(demo, age=7).unusual == [
        "age 7 is far from that of the patients whom the model learned from"
    ]
    with pytest.raises(InputError, match="beats: expected ascending positions"):
        beats.classify(demo, beats=[5, 3])


def test_progress_is_told(beats, demo, capsys):
    assert len(beats.classify(demo, progress=True)) == 110
    assert "110/110" in capsys.readouterr().err


def test_episodes_of_a_long_record(demo):
    model = Model("cinc2017-rhythm", threads=1)
    long = np.tile(demo.signal("MLII"), 5)
    found = model.classify(long[None], fs=360, leads=["ECG"])
    assert found.fibrillation is not None and 0 <= found.fibrillation.burden <= 1
    assert "episodes of fibrillation" in found._repr_html_()
