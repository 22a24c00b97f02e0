"""Records of every kind are the same record."""

import datetime
import zipfile

import mne
import numpy as np
import pandas as pd
import pytest
import wfdb

import efficientecg
from efficientecg import InputError, Record, RecordError, RecordNotFoundError
from efficientecg._records import as_record

DEMO = "../demo/demo"


@pytest.fixture
def want(beats):
    return beats.classify(DEMO)


def same(found, want):
    assert len(want) == 110
    assert np.array_equal(found.sample, want.sample) and found.labels == want.labels
    np.testing.assert_allclose(found.probabilities, want.probabilities, atol=1e-4)


def test_of_a_path_and_of_wfdb(beats, want):
    record = wfdb.rdrecord(DEMO)
    found = beats.classify(record)
    same(found, want)
    assert (found.record.name, found.age, found.sex) == ("demo", 61, "female")
    same(beats.classify(Record.open(DEMO + ".hea")), want)
    record.p_signal = None
    with pytest.raises(InputError, match="record demo: expected physical signals, found none"):
        beats.classify(record)


def test_of_an_array(beats, want, demo):
    found = beats.classify(demo.to_array(), fs=360, leads=["MLII", "V1"], age=61, sex="female")
    same(found, want)
    volts = beats.classify(demo.to_array() / 1000, fs=360, leads=["MLII", "V1"], units="V", age=61, sex="female")
    same(volts, want)
    # Leads are matched by name, in any order.
    same(beats.classify(demo.to_array()[::-1], fs=360, leads=["V1", "MLII"], age=61, sex="female"), want)


def test_of_a_frame(beats, want, demo):
    frame = pd.DataFrame({name: demo.signal(name) for name in demo.leads})
    same(beats.classify(frame, fs=360, age=61, sex="f"), want)
    frame.index = np.arange(len(frame)) / 360
    same(beats.classify(frame, age=61, sex="f"), want)
    frame.index = pd.to_timedelta(frame.index, unit="s")
    same(beats.classify(frame, age=61, sex="f"), want)
    frame["pulse"] = 0.0
    same(beats.classify(frame, age=61, sex="f", leads=["MLII", "V1"]), want)
    frame.index = range(len(frame))
    with pytest.raises(InputError, match="index: expected times in seconds"):
        beats.classify(frame)
    with pytest.raises(InputError, match="leads: expected columns of the frame, found V9"):
        beats.classify(frame, fs=360, leads=["V9"])
    frame.index = np.arange(len(frame)) ** 1.1
    with pytest.raises(InputError, match="evenly spaced"):
        beats.classify(frame)


def test_of_mne(beats, want, demo):
    info = mne.create_info(["MLII", "V1", "Cz"], 360.0, ["ecg", "ecg", "eeg"])
    signal = np.concatenate([demo.to_array(), np.zeros((1, 32400))]) / 1000
    raw = mne.io.RawArray(signal, info, verbose=False)
    raw.set_meas_date(datetime.datetime(2026, 7, 1, tzinfo=datetime.timezone.utc))
    raw.info["subject_info"] = {"sex": 2, "birthday": datetime.date(1965, 6, 30)}
    found = beats.classify(raw)
    same(found, want)
    assert (found.age, found.sex) == (61, "female")


def test_a_record_says_what_it_is(demo):
    assert demo.leads == ["MLII", "V1"] and demo.units == ["mV", "mV"] and demo.rates == [360, 360]
    assert demo.signal("V1").dtype == np.float32 and np.array_equal(demo.signal(1), demo.to_array()[1])
    assert "MLII, V1" in repr(demo) and demo.seconds == 90
    theirs = wfdb.rdrecord(DEMO).p_signal.T
    np.testing.assert_allclose(demo.to_array(), theirs, atol=1e-6)


def test_records_of_bytes_and_archives(beats, want, tmp_path):
    lines = ["time,MLII,V1"]
    record = Record.open(DEMO)
    lines += [f"{i / 360:.6f},{a:.6f},{b:.6f}" for i, (a, b) in enumerate(record.to_array().T)]
    table = "\n".join(lines).encode()
    found = beats.classify(Record.from_bytes(table, "table.csv"), age=61, sex="female")
    same(found, want)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for ending in ("hea", "dat"):
            archive.write(f"{DEMO}.{ending}", f"folder/demo.{ending}")
    paths = efficientecg.records_in(tmp_path / "all.zip")
    assert len(paths) == 1
    same(beats.classify(paths[0]), want)


def test_a_text_is_one_name():
    frame = pd.DataFrame({"II": [0.0, 1.0, 2.0]})
    assert efficientecg.Record.from_array(np.zeros(9), 360, "II").leads == ["II"]
    assert efficientecg.Record.from_bytes(b"x\n1\n2\n3\n", "t.csv", fs=360, leads="II").leads == ["II"]
    assert as_record(frame, fs=360, leads="II").leads == ["II"]


def test_times_of_a_frame_that_are_missing_are_told():
    frame = pd.DataFrame({"II": np.zeros(4)}, index=[0.0, np.nan, 0.02, 0.03])
    with pytest.raises(InputError, match="index: expected evenly spaced times"):
        as_record(frame)


def test_what_a_record_says_is_not_said_again(beats, demo):
    for given in (demo, wfdb.rdrecord(DEMO)):
        for how in ({"fs": 500}, {"leads": ["I"]}, {"units": "V"}):
            with pytest.raises(InputError, match=f"{next(iter(how))}: expected none beside a record"):
                beats.classify(given, **how)


def test_what_is_no_record_is_one_line(beats, tmp_path):
    with pytest.raises(RecordNotFoundError, match="there") as error:
        beats.classify("not/there")
    assert isinstance(error.value, FileNotFoundError) and isinstance(error.value, RecordError)
    noise = tmp_path / "noise"
    noise.write_bytes(bytes(range(256)))
    with pytest.raises(RecordError, match="noise: format: expected one of WFDB"):
        beats.classify(noise)
    with pytest.raises(RecordError, match="lead MLII: missing; the record has \"I\""):
        beats.classify(np.zeros((2, 720)), fs=360, leads=["I", "V1"])
    with pytest.raises(InputError, match="record: expected a path, a Record"):
        beats.classify(np.zeros((2, 720)))
    with pytest.raises(InputError, match="leads: expected a name and a unit for each of 720 rows"):
        beats.classify(np.zeros((720, 2)), fs=360, leads=["MLII", "V1"])
    with pytest.raises(InputError, match="fs: expected samples a second"):
        beats.classify(np.zeros((2, 720)), fs=-1, leads=["MLII", "V1"])
    with pytest.raises(InputError, match="sex: expected female or male, found x"):
        beats.classify(np.zeros((2, 720)), fs=360, leads=["MLII", "V1"], sex="x")
    with pytest.raises(InputError, match="unit: expected beat or record"):
        beats.classify(DEMO, unit="day")
    with pytest.raises(InputError, match="lead: expected one of MLII, V1, found V9"):
        Record.open(DEMO).signal("V9")
    for place in (-1, 2):
        with pytest.raises(InputError, match=f"lead: expected a place from 0 to 1, found {place}"):
            Record.open(DEMO).signal(place)
    with pytest.raises(InputError, match="batch: expected 1 or more, found -1"):
        beats.classify(DEMO, batch=-1)
    with pytest.raises(InputError, match="beats: expected whole numbers, found 0.8"):
        beats.classify(DEMO, beats=[0.8, 1.6])
