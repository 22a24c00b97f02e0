"""Archives on Ray, on two workers of this machine; EFFICIENTECG_REQUIRE_RAY=1 makes its absence a failure.

EFFICIENTECG_RAY_RECORDS is how many records there are; 10,000 in tests/long.
"""

import os
import signal
import sys
import threading
import time

import pandas as pd
import pytest
from conftest import needs, write_records

from efficientecg import archives
from efficientecg.errors import RunError

ray = needs("ray", "ray")
COUNT = int(os.environ.get("EFFICIENTECG_RAY_RECORDS", "300"))
SHARD = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_records(folder, COUNT)
    (folder / "r00007.dat").write_bytes(b"short")
    return folder


@pytest.fixture(scope="module")
def cluster():
    # Workers take in the package that is tested here, wherever it lies.
    import efficientecg

    place = os.path.dirname(os.path.dirname(efficientecg.__file__))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": place}})
    yield
    ray.shutdown()


def workers() -> list[int]:
    """The processes of this cluster's actors that classify."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                if b"ray::_Worker" in file.read() and entry.isdigit():
                    found.append(int(entry))
        except OSError:
            pass
    return found


def test_every_record_is_there_once_though_a_worker_is_killed(folder, cluster, tmp_path):
    from efficientecg.ray import classify_archive

    alone = archives.classify_archive(folder, "beats-1lead", tmp_path / "alone", workers=2, shard=SHARD, progress=False)
    others, killed = set(workers()), []

    def kill():
        while not list((tmp_path / "ray" / "findings").glob("part-*.parquet")):
            time.sleep(0.01)
        for one in set(workers()) - others:
            os.kill(one, signal.SIGKILL)
            killed.append(one)
            return

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    made = classify_archive(folder, "beats-1lead", tmp_path / "ray", workers=2, shard=SHARD, progress=False)
    thread.join()
    assert len(killed) == 1, "a worker was killed after the first shard"
    assert (made.records, made.bad, made.findings) == (COUNT, 1, alone.findings)
    found = made.to_pandas()
    assert found["record"].nunique() == COUNT - 1
    pd.testing.assert_frame_equal(found, alone.to_pandas())
    pd.testing.assert_frame_equal(made.to_pandas("bad"), alone.to_pandas("bad"))
    names = {path.name for path in (tmp_path / "ray" / "findings").iterdir()}
    assert names == {path.name for path in (tmp_path / "alone" / "findings").iterdir()}


def test_what_one_began_the_other_ends(folder, cluster, tmp_path):
    from efficientecg.ray import classify_archive

    job = archives.plan(folder, "beats-1lead", tmp_path, SHARD, {})
    job.run(3)
    made = classify_archive(folder, "beats-1lead", tmp_path, workers=2, shard=SHARD, progress=False)
    again = archives.classify_archive(folder, "beats-1lead", tmp_path, workers=1, shard=SHARD, progress=False)
    assert (made.records, made.bad) == (COUNT, 1) and again == made


def test_workers_for_which_there_is_no_core_are_not_waited_for(folder, cluster, tmp_path):
    from efficientecg.ray import classify_archive

    made = classify_archive(folder, "beats-1lead", tmp_path, workers=3, shard=SHARD, progress=False)
    assert (made.records, made.bad) == (COUNT, 1)
    end = time.monotonic() + 60
    while workers() and time.monotonic() < end:
        time.sleep(0.05)
    assert workers() == [], "actors end with the call"


class Deadly:
    """An option that ends the process that uses it."""

    def __bool__(self):
        os._exit(7)


def test_a_shard_that_kills_its_workers_is_told(folder, cluster, tmp_path):
    from efficientecg.ray import classify_archive

    # Workers do not have this file.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with pytest.raises(RunError, match="shard 0, from .*r00000.hea: expected a worker that lives, found 3 that died: ") as told:
        classify_archive(folder, "beats-1lead", tmp_path, workers=1, shard=SHARD, progress=False, lead_map=Deadly())
    assert len(str(told.value).splitlines()) == 1


def test_an_output_that_cannot_be_written_is_told(folder, cluster, tmp_path):
    from efficientecg.ray import classify_archive

    (tmp_path / "findings").write_text("a file where a folder has to be")
    for classify in (classify_archive, archives.classify_archive):
        with pytest.raises(RunError, match="^shard 0: FileExistsError: .*findings"):
            classify(folder, "beats-1lead", tmp_path, workers=1, shard=COUNT, progress=False)
