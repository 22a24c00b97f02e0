"""What README.md shows works: in a fresh virtual environment, where the wheel is named by EFFICIENTECG_WHEEL."""

import os
import re
import subprocess
import sys
import venv

import pytest
from conftest import HERE, ROOT, required

README = HERE.parent / "README.md"


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def typed(python, code):
    done = subprocess.run([python, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_five_lines_in_a_fresh_environment(tmp_path):
    wheel = os.environ.get("EFFICIENTECG_WHEEL")
    if wheel is None:
        assert not required("wheel"), "name the wheel in EFFICIENTECG_WHEEL"
        pytest.skip("no wheel to install: EFFICIENTECG_WHEEL names none")
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True)
    there = subprocess.run([python, "-m", "pip", "list", "--format", "freeze"], check=True, capture_output=True, text=True)
    names = {line.split("==")[0] for line in there.stdout.split()}
    assert names - {"pip", "setuptools"} == {"efficientecg", "numpy"}
    five = blocks(README, "python")[0]
    assert len([line for line in five.splitlines() if line]) == 5
    assert typed(python, five).splitlines()[:2] == ["<Findings of demo by mitbih-beats: 110 beats, N 100, S 5, V 5>", "N 5"]


@pytest.mark.parametrize("place", range(len(blocks(README, "python"))))
def test_every_block_of_the_readme_runs(place):
    (ROOT / "target").mkdir(exist_ok=True)
    assert typed(sys.executable, blocks(README, "python")[place])


def test_the_readme_names_what_there_is():
    import efficientecg

    text = README.read_text(encoding="utf-8")
    for name in efficientecg.__all__:
        if name[0].islower() and name not in ("load_weights", "records_in", "ray", "archives", "evaluate", "testing"):
            assert name in text, f"README.md does not tell of {name}"


def test_importing_needs_nothing_but_numpy():
    """What takes long to import comes when it is used."""
    code = "import sys, efficientecg; print(sorted(m for m in ('pandas', 'matplotlib', 'wfdb', 'torch', 'tqdm', 'ray', 'pyarrow') if m in sys.modules))"
    assert typed(sys.executable, code).strip() == "[]"
