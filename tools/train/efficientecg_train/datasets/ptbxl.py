"""PTB-XL (Wagner et al., Sci. Data 7:154, 2020), as PhysioNet publishes it: `ptbxl_database.csv`, `scp_statements.csv`
and 500 Hz records. Records that the table names and the folder lacks are left out.

Labels are the five diagnostic superclasses, aggregated as Strodthoff et al. do (IEEE JBHI 25(5), 2021): every diagnostic
statement counts whatever its likelihood, and records without one are left out. Signals are in mV, each lead less its median: hypertrophy is
a matter of voltages, an offset says nothing.
"""

from __future__ import annotations

import ast
import csv
import os
import sys

import numpy as np
import torch

from ..recordings import Recordings, prepared

CLASSES = ["NORM", "MI", "STTC", "CD", "HYP"]
LEADS = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
RATE = 500
UNITS = 1000  # a mV
OLD = 300  # the age given for everybody above 89


def samples(path: str) -> np.ndarray:
    """`[leads, T]` in mV of a WFDB record in format 16 with 1000 units a mV, the leads of `LEADS`."""
    with open(path + ".hea") as f:
        lines = f.read().splitlines()
    leads, frames = (int(x) for x in (lines[0].split()[1], lines[0].split()[3]))
    names = [line.split()[-1] for line in lines[1 : 1 + leads]]
    x = np.fromfile(path + ".dat", "<i2").reshape(frames, leads)
    return x[:, [names.index(lead) for lead in LEADS]].T.astype(np.float32) / UNITS


def read(folder: str) -> tuple[Recordings, np.ndarray]:
    """The records, and the fold (1 to 10) of each."""
    with open(os.path.join(folder, "scp_statements.csv"), newline="", encoding="utf-8") as f:
        of = {r[""]: r["diagnostic_class"] for r in csv.DictReader(f) if r["diagnostic"] == "1.0"}
    names, signals, labels, ages, sexes, folds = [], [], [], [], [], []
    with open(os.path.join(folder, "ptbxl_database.csv"), newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            path = os.path.join(folder, row["filename_hr"])
            found = {of[code] for code in ast.literal_eval(row["scp_codes"]) if code in of}
            if not found or not os.path.exists(path + ".hea"):
                continue
            names.append(row["filename_hr"])
            signals.append(prepared(samples(path), RATE, "median"))
            labels.append([float(c in found) for c in CLASSES])
            age = float(row["age"]) if row["age"] else float("nan")
            ages.append(90.0 if age == OLD else age)
            # The table has 0 for male and 1 for female; the network female first.
            sexes.append(1 - int(float(row["sex"])) if row["sex"] else -1)
            folds.append(int(row["strat_fold"]))
    data = Recordings(names=names, signals=signals, labels=torch.tensor(labels),
                      age=torch.tensor(ages), sex=torch.tensor(sexes))
    return data, np.array(folds)


if __name__ == "__main__":
    for name in read(sys.argv[1])[0].names:
        print(os.path.join(sys.argv[1], name))
