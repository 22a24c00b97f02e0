"""What the tests share."""

import os
from pathlib import Path

import numpy as np
import pytest

import efficientecg

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DEMO = ROOT / "tools/demo/demo"


@pytest.fixture(scope="session")
def demo():
    """The synthetic record that comes with the repository: MLII and V1, 90 s at 360 Hz."""
    return efficientecg.Record.open(DEMO)


@pytest.fixture(scope="session")
def beats():
    return efficientecg.Model("mitbih-beats", threads=1)


@pytest.fixture(scope="session")
def signal():
    """Four windows of `mitbih-beats`."""
    return np.random.default_rng(7).standard_normal((4, 2, 288)).astype(np.float32)


@pytest.fixture(autouse=True)
def one_place(monkeypatch):
    """Examples name files from the folder of the package."""
    monkeypatch.chdir(HERE.parent)


def required(name: str) -> bool:
    """Whether what `EFFICIENTECG_REQUIRE_NAME` names must be there."""
    return os.environ.get(f"EFFICIENTECG_REQUIRE_{name.upper()}") == "1"


def needs(module: str, name: str):
    """Skips where a package is absent, unless it is required."""
    if required(name):
        return __import__(module)
    return pytest.importorskip(module)


def write_records(folder: Path, count: int) -> list[str]:
    """So many WFDB records of one lead, 10 s each, all different; their headers' paths, sorted."""
    lead = efficientecg.Record.open(DEMO).signal("MLII")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(count):
        name = f"r{i:05}"
        part = np.round(np.roll(lead, -31 * i)[:3600] * 200).astype("<i2")
        part.tofile(folder / f"{name}.dat")
        header = f"{name} 1 360 3600\n{name}.dat 16 200/mV 16 0 {part[0]} {int(part.astype(np.int64).sum()) & 0xFFFF} 0 ECG\n"
        (folder / f"{name}.hea").write_text(header)
        paths.append(str(folder / f"{name}.hea"))
    return paths
