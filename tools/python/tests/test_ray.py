"""Archives on Ray, on two workers of this machine; EFFICIENTECG_REQUIRE_RAY=1 makes its absence a failure.

EFFICIENTECG_RAY_RECORDS is how many records there are; 10,000 in tests/long.
"""

import os
import signal
import threading
import time

import pandas as pd
import pytest
from conftest import needs, write_records

from efficientecg import archives

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
                if b"ray::MapWorker" in file.read() and entry.isdigit():
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
