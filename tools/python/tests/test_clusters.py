"""The pages on Dask, Ray and Spark, word for word, on a cluster of this machine: every record once, with what a loop finds."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import HERE, needs, write_records
from test_documents import blocks

import efficientecg
from efficientecg import archives


def run(page, module, folder, results):
    needs(module, {"pyspark": "spark"}.get(module, module))
    (code,) = blocks(HERE.parent / "docs" / page, "python")
    code = code.replace("FOLDER", repr(str(folder))).replace("RESULTS", repr(str(results)))
    script = folder.parent / f"{page}.py"
    script.write_text(code)
    place = str(Path(efficientecg.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": place, "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    parts = [pd.read_parquet(path) for path in sorted(results.glob("*.parquet"))]
    return pd.concat(parts).sort_values(["record", "sample"], ignore_index=True)


@pytest.mark.parametrize("page, module", [("dask.md", "dask"), ("ray.md", "ray"), ("spark.md", "pyspark")])
def test_a_page_classifies_an_archive(page, module, tmp_path):
    folder = tmp_path / "records"
    paths = write_records(folder, 24)
    (folder / "r00003.dat").write_bytes(b"short")
    found = run(page, module, folder, tmp_path / "results")
    want = archives.classify_frame(pd.DataFrame({"record": paths}), "beats-1lead")
    want = want.sort_values(["record", "sample"], ignore_index=True)
    assert list(found.columns) == list(want.columns) and found["error"].notna().sum() == 1
    found, want = (frame.astype(object).where(frame.notna(), None) for frame in (found, want))
    pd.testing.assert_frame_equal(found, want)
