"""The notebooks run from their first cell to their last, and are kept without outputs."""

import json
import os
import subprocess
import sys

import pytest
from conftest import HERE, needs

NOTEBOOKS = HERE.parent / "notebooks"


def cells(name):
    return json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]


def test_all_notebooks_are_here():
    assert sorted(path.name for path in NOTEBOOKS.iterdir() if path.suffix == ".ipynb") == [
        "classify.ipynb", "compare.ipynb", "train.ipynb",
    ]


@pytest.mark.parametrize("name", ["classify.ipynb", "compare.ipynb", "train.ipynb"])
def test_a_notebook_runs(name):
    if name != "classify.ipynb":
        needs("torch", "torch")
    code = [cell for cell in cells(name) if cell["cell_type"] == "code"]
    assert code and all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    script = "\n\n".join("".join(cell["source"]) for cell in code)
    env = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=NOTEBOOKS, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
