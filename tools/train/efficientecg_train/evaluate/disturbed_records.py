"""Copies of CinC 2017's or PTB-XL's records with one disturbance each, to score the program on.

    python -m efficientecg_train.evaluate.disturbed_records cinc2017 FOLDER KIND OUT [--fold N] > list.txt

KIND is `hum50` or `hum60`, a sine of a tenth of a lead's height (largest less smallest sample); `missing`, half a second without samples;
`flat`, a second that holds its first value; `offset`, 0.4 mV up or down on each lead; `none`, nothing. Phases, places and signs are drawn by a fixed seed a record.
The paths of the copies are printed: of all records of CinC 2017 or those of one fold, of fold 9 of PTB-XL.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys

import numpy as np

from ..datasets import cinc2017, ptbxl

MISSING = -32768  # in WFDB's format 16
KINDS = ["hum50", "hum60", "missing", "flat", "offset", "none"]
UNITS = 1000  # a mV, in both sets


def disturbed(x: np.ndarray, kind: str, rate: float, rng) -> np.ndarray:
    """`[T, leads]` of whole units, disturbed."""
    y = x.astype(np.float64)
    n, leads = x.shape
    if kind.startswith("hum"):
        phase = rng.uniform(0, 2 * np.pi, (1, leads))
        y += 0.1 * np.ptp(y, 0) * np.sin(2 * np.pi * float(kind[3:]) / rate * np.arange(n)[:, None] + phase)
    elif kind == "none":
        return x
    elif kind == "offset":
        y += rng.choice([-0.4, 0.4], (1, leads)) * UNITS
    else:
        length = int(rate * (0.5 if kind == "missing" else 1.0))
        first = int(rng.integers(0, max(n - length, 1)))
        y[first : first + length] = MISSING if kind == "missing" else y[first]
    return np.clip(np.round(y), MISSING if kind == "missing" else MISSING + 1, 32767).astype("<i2")


def header(lines: list[str], x: np.ndarray) -> str:
    """A WFDB header with first values and checksums of these samples."""
    lines = list(lines)
    for lead, samples in enumerate(x.T):
        fields = lines[1 + lead].split()
        fields[5] = str(samples[0])
        fields[6] = str(samples.astype(np.int64).sum().astype(np.int16))
        lines[1 + lead] = " ".join(fields)
    return "\n".join(lines) + "\n"


def copy(source: str, target: str, ending: str, first: int, kind: str, rate: float, rng) -> None:
    """A record whose samples begin at byte `first` of its file."""
    with open(source + ".hea") as f:
        lines = f.read().splitlines()
    with open(source + ending, "rb") as f:
        start, data = f.read(first), f.read()
    leads = int(lines[0].split()[1])
    x = disturbed(np.frombuffer(data, "<i2").reshape(-1, leads), kind, rate, rng)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target + ending, "wb") as f:
        f.write(start + x.tobytes())
    with open(target + ".hea", "w") as f:
        f.write(header(lines, x))


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.evaluate.disturbed_records", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["cinc2017", "ptbxl"])
    parser.add_argument("folder")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("output", help="folder to write")
    parser.add_argument("--fold", type=int, help="of CinC 2017, 0 to 4")
    args = parser.parse_args(argv)
    chosen = None
    if args.task == "cinc2017":
        with open(os.path.join(args.folder, "REFERENCE.csv"), newline="") as f:
            names = [row[0] for row in csv.reader(f)]
        if args.fold is not None:
            data = cinc2017.read(args.folder)
            chosen = {name for name, k in zip(data.names, cinc2017.folds(data)) if k == args.fold}
        how = (".mat", cinc2017.HEADER, args.kind, cinc2017.RATE)
    else:
        data, fold = ptbxl.read(args.folder)
        names = [name for name, k in zip(data.names, fold) if k == 9]
        how = (".dat", 0, args.kind, ptbxl.RATE)
    for i, name in enumerate(names):
        if chosen is not None and name not in chosen:
            continue
        target = os.path.join(args.output, name)
        copy(os.path.join(args.folder, name), target, *how, np.random.default_rng([i, KINDS.index(args.kind)]))
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
