"""Classifies electrocardiograms with EfficientECG (arXiv 2512.03804): from a file or an array to the class of each beat.

For research only. It is not a medical device.

>>> import efficientecg
>>> model = efficientecg.Model("mitbih-beats")
>>> beats = model.classify("../demo/demo")
>>> beats.labels[:4]
['N', 'N', 'N', 'N']

Shapes are `[leads, samples]` of a record and `[batch, leads, samples]` of several; rates are samples a second; voltages
are mV unless a unit is given. Leads are matched by name and never guessed.

- `Model`: a network; `model.run` takes arrays, `model.classify` records.
- `Record`: a record of any format, or of arrays; `read_annotations`: beats of a WFDB file. `Findings`: what was found in one.
- `find_peaks`, `features`, `resample`, `hrv`, `signal_quality`, `remove_hum`: what the networks see, by itself.
- `evaluate`: scores of beats (ANSI/AAMI EC57) and of classes. `bench`: how fast a model is.
- `testing`: holds the engine against a PyTorch module. `archives`, `ray`: thousands of records.
- `errors`: what goes wrong, in one line.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._bench import Timing, bench
from ._findings import Findings
from ._model import Model, Outputs, models, prepare
from ._native import __version__
from ._records import Record, read_annotations, records_in
from ._signals import (
    Quality,
    blank_held,
    features,
    fill_missing,
    find_peaks,
    hrv,
    remove_hum,
    resample,
    signal_quality,
    z_score,
)
from ._weights import load_weights, save_weights
from .errors import Error, InputError, LoadError, RecordError, RecordNotFoundError, RunError

if TYPE_CHECKING:
    from . import archives, evaluate, ray, testing

__all__ = [
    "Error",
    "Findings",
    "InputError",
    "LoadError",
    "Model",
    "Outputs",
    "Quality",
    "Record",
    "RecordError",
    "RecordNotFoundError",
    "RunError",
    "Timing",
    "__version__",
    "archives",
    "bench",
    "blank_held",
    "evaluate",
    "features",
    "fill_missing",
    "find_peaks",
    "hrv",
    "load_weights",
    "models",
    "prepare",
    "ray",
    "read_annotations",
    "records_in",
    "remove_hum",
    "resample",
    "save_weights",
    "signal_quality",
    "testing",
    "z_score",
]

# Loaded when they are first used: what they need takes longer to import than all the rest.
_LATER = ("archives", "evaluate", "ray", "testing")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
