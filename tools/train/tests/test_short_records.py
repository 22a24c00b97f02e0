"""Records of CinC 2017 for `beats`: placed, given a second lead, and read as records of their own."""

import efficientecg
import numpy as np
import pytest

from efficientecg_train.train import prepare_beats, prepared_beats, short_records

RATE, SECONDS = 300, 32


def wave(rng):
    """Half a minute with a beat about every 0.8 s, in mV, and the places of its R peaks."""
    at = np.cumsum(0.8 * RATE + rng.integers(-6, 7, 60))
    at = at[at < (SECONDS - 1) * RATE].astype(int)
    x, t = np.zeros(SECONDS * RATE), np.arange(SECONDS * RATE)
    for beat in at:
        for after, width, height in ((0, 0.012, 1.0), (-0.16, 0.025, 0.15), (0.25, 0.05, 0.25)):
            x += height * np.exp(-(((t - beat) / RATE - after) / width) ** 2)
    return x + 0.005 * rng.standard_normal(len(x)), at


@pytest.fixture
def folder(tmp_path):
    """Four records of class N, one of A, one of A that is too short, one of O, as WFDB files."""
    rng = np.random.default_rng(5)
    for i in range(7):
        x = wave(rng)[0][: 20 * RATE if i == 5 else None]
        samples = np.round(1000 * x).astype("<i2")
        (tmp_path / f"A{i}.dat").write_bytes(samples.tobytes())
        (tmp_path / f"A{i}.hea").write_text(f"A{i} 1 {RATE} {len(samples)}\nA{i}.dat 16 1000/mV 16 0 {samples[0]} 0 0 ECG\n")
    (tmp_path / "REFERENCE.csv").write_text("".join(f"A{i},{label}\n" for i, label in enumerate("NNNNAAO")))
    return str(tmp_path)


def test_a_record_has_its_beats_and_a_second_lead(folder):
    (r,) = short_records.fibrillating(folder)
    assert r.name == "A4" and (r.labels == 0).all()
    truth = wave_of(folder, "A4")
    apart = np.abs(r.beats[:, None] - truth)
    assert apart.min(0).max() <= 6 and apart.min(1).max() <= 6
    first, second = r.signal
    assert 0.3 < abs(np.polyfit(first, second, 1)[0]) < 1.3 and abs(np.corrcoef(first, second)[0, 1]) > 0.8
    assert np.abs(first - second).max() > 0.01


def wave_of(folder, name):
    """The R peaks of a record, from its samples: the greatest within 0.4 s, and above 0.6 mV."""
    x = efficientecg.Record.open(f"{folder}/{name}").signal(0)
    reach = int(0.2 * RATE)
    return np.array([i for i in np.nonzero(x > 0.6)[0] if x[i] == x[max(i - reach, 0) : i + reach + 1].max()])


def test_simulated_ones_have_beats_where_their_waves_are(folder):
    made = short_records.simulated(folder)
    assert {r.name.split("~")[0] for r in made} == {"A0", "A1", "A2", "A3"}
    assert any((r.labels == 1).any() for r in made)
    for r in made:
        assert r.name.split("~")[1] in short_records.RHYTHMS
        assert np.isfinite(r.signal).all() and set(r.labels) <= {0, 1}
        around = np.stack([np.abs(r.signal[0, b - 6 : b + 7]).max() for b in r.beats[1:-1]])
        assert (around > 0.4 * np.median(around)).all()


def test_each_is_a_record_of_its_own_when_read_again(folder, tmp_path):
    for name, kind, records in (("f", prepare_beats.FIBRILLATING, short_records.fibrillating(folder)),
                                ("s", prepare_beats.SHORT, short_records.simulated(folder))):
        arrays = prepare_beats.short(records, kind, np.random.default_rng(1))
        np.savez(tmp_path / f"{name}.npz", **arrays, fold=-1, database=2)
    for leads in (1, 2):
        data = prepared_beats.load(str(tmp_path), leads)
        assert [name.split("~")[0] for name in data.names] == ["A4", "A0", "A1", "A2", "A3"]
        assert data.record.unique().tolist() == [0, 1, 2, 3, 4] and data.fold.tolist() == [-1] * 5
        assert ((data.kind == prepare_beats.FIBRILLATING) == (data.record == 0)).all()
        # No beat's neighbour is of another record.
        near = data.neighbours[(data.neighbours < len(data)).all(1)]
        assert len(near) == len(data) - 2 * len(data.names)
        assert (data.record[near] == data.record[near[:, 1:2]]).all()
        assert data.rows.isfinite().all() and data.signal(data.beat).shape[1] == leads
