"""Writes a record's rhythm rows as text, to hold the engine against.

    python -m efficientecg_train.rows RECORD OUT.txt        beats from RECORD.atr

A line a beat: the columns of the beat itself (`rhythm.py`, `morphology.py`, `atrial.py`, `surroundings.py`), six digits after the point.
"""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np

from . import beats, surroundings
from .datasets import mitbih


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.rows", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", help="a WFDB record with a lead MLII, without its ending")
    parser.add_argument("output")
    args = parser.parse_args(argv)
    r = mitbih.read(*os.path.split(args.record))
    with open(args.output, "w", encoding="ascii") as f:
        f.write("# A line a beat, made by python -m efficientecg_train.rows RECORD THIS.txt\n")
        plain = beats.row_columns(r.normalized(), r.beats, r.sample_rate)
        for row in np.concatenate([plain, surroundings.columns(plain, len(r.leads))], 1):
            f.write(" ".join(f"{x:.6f}" for x in row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
