"""Archives on this machine's cores: every record once, whatever happens on the way."""

import json
import os
import signal

import pandas as pd
import pyarrow.parquet
import pytest
from conftest import ROOT, write_records

import efficientecg
from efficientecg import InputError, Model, RunError, archives

MODEL = "beats-1lead"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty records, two of them broken."""
    folder = tmp_path_factory.mktemp("records")
    write_records(folder, 60)
    (folder / "r00007.dat").write_bytes(b"short")
    (folder / "r00031.hea").write_text("r00031 1 360\n")
    return folder


@pytest.fixture(scope="module")
def want(folder):
    """What a loop over the records gives: findings and errors."""
    model, found, bad = Model(MODEL, threads=1), [], {}
    for path in efficientecg.records_in(folder):
        try:
            one = model.classify(path).to_pandas()
        except efficientecg.Error as error:
            bad[path] = str(error)
            continue
        one.insert(0, "record", path)
        found.append(one)
    assert len(bad) == 2
    return pd.concat(found, ignore_index=True), bad


def same(archive, want):
    found, bad = want
    assert (archive.records, archive.bad, archive.findings) == (60, 2, len(found))
    pd.testing.assert_frame_equal(archive.to_pandas().fillna("-"), found.fillna("-"), check_dtype=False)
    wrong = archive.to_pandas("bad")
    assert dict(zip(wrong["record"], wrong["error"])) == bad and len(wrong) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_every_record_is_there_once(folder, want, tmp_path, workers):
    made = archives.classify_archive(folder, MODEL, tmp_path, workers=workers, shard=7, progress=False)
    same(made, want)
    assert len(list((tmp_path / "findings").glob("part-*.parquet"))) == 9
    assert json.loads((tmp_path / "archive.json").read_text())["records"] == 60


def test_a_worker_that_is_killed_is_replaced(folder, want, tmp_path, monkeypatch):
    start, killed, lives = archives._start, [], iter(range(2))

    def mortal(job):
        worker = start(job)
        if next(lives, None) is not None:
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(worker.wait())
        return worker

    monkeypatch.setattr(archives, "_start", mortal)
    same(archives.classify_archive(folder, MODEL, tmp_path, workers=2, shard=7, progress=False), want)
    assert killed == [-signal.SIGKILL] * 2


def test_a_shard_that_kills_its_workers_is_told(folder, tmp_path, monkeypatch):
    start = archives._start

    def mortal(job):
        worker = start(job)
        worker.kill()
        worker.wait()
        return worker

    monkeypatch.setattr(archives, "_start", mortal)
    with pytest.raises(RunError, match="shard 0, from .*r00000.hea: expected a worker that lives, found 3 that ended with -9"):
        archives.classify_archive(folder, MODEL, tmp_path, workers=1, progress=False)


def test_a_run_that_was_stopped_goes_on(folder, want, tmp_path, monkeypatch):
    first = archives.plan(folder, MODEL, tmp_path, 7, {})
    assert first.missing() == list(range(9))
    for shard in (0, 4):
        first.run(shard)
    # What a run left that was stopped in the middle of a file.
    (tmp_path / "findings" / ".part-00002.parquet.1-2").write_bytes(b"half")
    asked, ask = [], archives._ask
    monkeypatch.setattr(archives, "_ask", lambda worker, shard, paths: asked.append(shard) or ask(worker, shard, paths))
    same(archives.classify_archive(folder, MODEL, tmp_path, workers=1, shard=7, progress=False), want)
    assert asked == [1, 2, 3, 5, 6, 7, 8]
    same(archives.classify_archive(folder, MODEL, tmp_path, workers=1, shard=7, progress=False), want)
    assert len(asked) == 7, "nothing is done twice"


def test_another_run_is_not_mixed_in(folder, tmp_path):
    archives.plan(folder, MODEL, tmp_path, 7, {})
    for paths, model, shard, how in [
        (folder, "cinc2017-rhythm", 7, {}),
        (folder, MODEL, 8, {}),
        (folder, MODEL, 7, {"any_quality": True}),
        ([folder / "r00000.hea"], MODEL, 7, {}),
    ]:
        with pytest.raises(InputError, match="expected an output of the same records, model and settings, found one of 60"):
            archives.classify_archive(paths, model, tmp_path, shard=shard, **how)


def test_what_cannot_be_planned_is_told(folder, tmp_path):
    with pytest.raises(InputError, match="paths: expected each record once"):
        archives.classify_archive(["a", "b", "./a"], MODEL, tmp_path)
    with pytest.raises(InputError, match="paths: expected records, found none"):
        archives.classify_archive([], MODEL, tmp_path)
    with pytest.raises(InputError, match="shard: expected"):
        archives.classify_archive(folder, MODEL, tmp_path, shard=0)
    with pytest.raises(InputError, match="workers: expected"):
        archives.classify_archive(folder, MODEL, tmp_path, workers=0)
    with pytest.raises(efficientecg.LoadError):
        archives.classify_archive(folder, "none", tmp_path)
    with pytest.raises(InputError, match="expected records .*, found none"):
        archives.list_records(f"file://{tmp_path}")


def test_a_setting_that_is_none_is_told(folder, tmp_path):
    with pytest.raises(RunError, match="TypeError.*unexpected keyword argument 'speed'"):
        archives.classify_archive(folder, MODEL, tmp_path, workers=1, progress=False, speed=2)


def test_a_weight_file_that_changed_is_another_model(folder, tmp_path):
    weights = tmp_path / "w.npz"
    weights.write_bytes((ROOT / "model/weights/beats-1lead.npz").read_bytes())
    archives.plan(folder, weights, tmp_path / "out", 7, {})
    archives.plan(folder, weights, tmp_path / "out", 7, {})
    weights.write_bytes((ROOT / "model/weights/cinc2017-rhythm.npz").read_bytes())
    with pytest.raises(InputError, match="expected an output of the same records, model and settings"):
        archives.plan(folder, weights, tmp_path / "out", 7, {})


def test_tables_are_read_as_they_are_told_to(tmp_path):
    samples = efficientecg.Record.open("../demo/demo").signal("MLII")[:3600]
    for place, scale in enumerate((1, 1000)):
        path = tmp_path / f"{place}.csv"
        path.write_text("\n".join(["x", *(f"{scale * x:.6f}" for x in samples)]))
        how = {"fs": 360, "leads": "ECG", "units": "mV" if scale == 1 else "uV"}
        made = archives.classify_archive([path], MODEL, tmp_path / f"out{place}", workers=1, progress=False, **how)
        want = Model(MODEL, threads=1).classify(path, **how)
        assert (made.bad, made.findings) == (0, len(want)) and len(want) > 5
        assert list(made.to_pandas()["class"]) == want.labels


def test_shards_of_any_number_keep_the_order(tmp_path):
    (tmp_path / "findings").mkdir()
    for number in (99_999, 100_000, 10_000, 2):
        pd.DataFrame({"record": [number]}).to_parquet(tmp_path / f"findings/part-{number:05}.parquet")
    assert list(archives.Archive(str(tmp_path), 4, 0, 4).to_pandas()["record"]) == [2, 10_000, 99_999, 100_000]


def test_stores_are_reached_by_url(folder, want, tmp_path):
    paths = archives.list_records(f"file://{folder}")
    assert len(paths) == 60 and all(path.startswith("file://") for path in paths)
    made = archives.classify_archive(paths, MODEL, f"file://{tmp_path}/out", workers=1, shard=30, progress=False)
    found = made.to_pandas()
    assert made.records == 60 and made.findings == len(found)
    found["record"] = found["record"].str.replace("file://", "", regex=False)
    pd.testing.assert_frame_equal(found.fillna("-"), want[0].fillna("-"), check_dtype=False)


def test_a_header_names_files_of_its_own_folder_alone():
    assert archives._beside(b"# a comment\nr 2 360\nr.dat 16\nr.dat 16\n../up.dat 16\n~ 0\n") == ["r.dat"]


def test_columns_have_one_type_in_every_shard(folder, tmp_path):
    # A shard of nothing but a broken record.
    paths = [folder / "r00007.hea", folder / "r00001.hea"]
    made = archives.classify_archive(paths, MODEL, tmp_path, workers=1, shard=1, progress=False)
    schemas = {str(pyarrow.parquet.read_schema(path)) for path in (tmp_path / "findings").glob("part-*.parquet")}
    assert len(schemas) == 1 and made.bad == 1


def test_a_frame_of_paths_becomes_a_frame_of_findings(folder, want):
    paths = [str(folder / f"r{i:05}.hea") for i in range(60)]
    made = archives.classify_frame(pd.DataFrame({"record": paths}), MODEL)
    assert {name: str(kind) for name, kind in made.dtypes.items()} == archives.frame_types(MODEL)
    good = made[made["error"].isna()].drop(columns="error").reset_index(drop=True)
    pd.testing.assert_frame_equal(good.fillna("-"), want[0].fillna("-"), check_dtype=False)
    bad = made[made["error"].notna()]
    assert dict(zip(bad["record"], bad["error"])) == want[1] and bad["class"].isna().all()


def test_progress_is_told(folder, tmp_path, capsys):
    archives.classify_archive(folder, MODEL, tmp_path, workers=1, shard=30)
    assert "60/60" in capsys.readouterr().err


def test_a_weight_file_goes_to_the_workers(folder, want, tmp_path):
    weights = ROOT / "model/weights/beats-1lead.npz"
    for place, model in enumerate([weights, weights.read_bytes(), Model(weights, threads=2)]):
        same(archives.classify_archive(folder, model, tmp_path / str(place), workers=1, progress=False), want)
