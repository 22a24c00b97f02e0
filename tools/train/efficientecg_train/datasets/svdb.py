"""The MIT-BIH Supraventricular Arrhythmia Database: half-hour records of two leads, ECG1 and ECG2, at 128 Hz.

Beats are N, S or V alone; age and sex are unknown. Every record is of another patient.
"""

from __future__ import annotations

import glob
import os

from . import mitbih


def names(folder: str) -> list[str]:
    return sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(folder, "*.hea")))


def read(folder: str, name: str) -> mitbih.Record:
    return mitbih.read(folder, name)
