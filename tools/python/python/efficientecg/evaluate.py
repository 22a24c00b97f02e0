"""Scores of beats by ANSI/AAMI EC57, and of classes: the same code as `efficientecg evaluate`.

A statistic without cases is undefined: None, never 0 or 1.

>>> score = beats([100, 460, 820, 1180], [102, 460, 640, 1180], fs=360, start=0)
>>> round(score.gross["qrs_sensitivity"], 3), round(score.gross["qrs_predictivity"], 3)
(0.75, 0.75)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _native
from ._findings import Findings, _needs
from .errors import InputError

if TYPE_CHECKING:
    import pandas

# `Findings`, a `wfdb.Annotation`, a path of an annotation file, times with symbols, or times alone.
Beats = Any
Int64 = npt.NDArray[np.int64]

ROWS = ("N", "S", "V", "F", "Q", "O", "X")
"""Rows of a matrix of beats: the reference's classes, extra beats, and those in the reference's shutdown."""
COLUMNS = ("n", "s", "v", "f", "q", "o", "x")
"""Columns: the test's classes, missed beats, and those in the test's shutdown."""


def _side(given: Beats) -> tuple[npt.ArrayLike, list[str] | None, list[int], float | None]:
    """Times, symbols, subtypes, ticks a second."""
    if isinstance(given, Findings):
        if given.unit != "beat":
            raise InputError("test: expected findings of beats, found those of a record; score it with classes()")
        known = [place for place, label in enumerate(given.labels) if label != "-"]
        return given.sample[known], [given.labels[place] for place in known], [], given.record.fs
    if isinstance(given, (str, os.PathLike)):
        read = _native.read_annotations(os.fspath(given))
        # Codes without a symbol are no beats.
        kept = [place for place, symbol in enumerate(read["symbols"]) if symbol]
        symbols, subtypes = ([read[key][place] for place in kept] for key in ("symbols", "subtypes"))
        return read["times"][kept], symbols, subtypes, read["sample_rate"]
    if hasattr(given, "symbol") and hasattr(given, "sample"):
        subtypes = [] if given.subtype is None else [int(n) for n in given.subtype]
        fs = getattr(given, "fs", None)
        return given.sample, list(given.symbol), subtypes, None if fs is None else float(fs)
    if isinstance(given, tuple) and len(given) == 2:
        return given[0], [str(symbol) for symbol in given[1]], [], None
    return given, None, [], None


@dataclass(frozen=True, eq=False)
class BeatScore:
    """Beats of one record, or of several that were added: `sum(scores)`.

    `matrices [records, 7, 7]` counts beats by reference class (row, `ROWS`) and test class (column, `COLUMNS`).
    """

    matrices: Int64
    squares: float = 0.0
    intervals: int = 0
    shutdown_seconds: float = 0.0
    _told: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __add__(self, other: BeatScore | int) -> BeatScore:
        if isinstance(other, int):
            return self
        return BeatScore(
            np.concatenate([self.matrices, other.matrices]),
            self.squares + other.squares,
            self.intervals + other.intervals,
            self.shutdown_seconds + other.shutdown_seconds,
        )

    __radd__ = __add__

    @property
    def _statistics(self) -> dict[str, Any]:
        if not self._told:
            self._told.update(_native.beat_statistics(self.matrices))
        return self._told

    @property
    def matrix(self) -> Int64:
        """The sum over records, `[7, 7]`."""
        return np.asarray(self.matrices.sum(0))

    @property
    def gross(self) -> dict[str, float | None]:
        """EC57's statistics of the sum, from 0 to 1: sensitivity, predictivity and false positives of QRS, VEB and SVEB."""
        return dict(self._statistics["gross"])

    @property
    def average(self) -> dict[str, float | None]:
        """The mean of the records' statistics, each record alike."""
        return dict(self._statistics["average"])

    @property
    def classes(self) -> dict[str, dict[str, Any]]:
        """Each class by itself, every confusion counted: reference, given, right, sensitivity, predictivity, f1."""
        return dict(self._statistics["classes"])

    @property
    def accuracy(self) -> float | None:
        """Beats that were found and given their class, of all of the reference."""
        return self._statistics["accuracy"]  # type: ignore[no-any-return]

    @property
    def rr_error_ms(self) -> float | None:
        """Root mean square of the difference of R-R intervals, ms."""
        return 1e3 * float(np.sqrt(self.squares / self.intervals)) if self.intervals else None

    def to_pandas(self) -> pandas.DataFrame:
        """The matrix as a frame."""
        frame: pandas.DataFrame = _needs("pandas").DataFrame(self.matrix, index=list(ROWS), columns=list(COLUMNS))
        return frame

    def __str__(self) -> str:
        def percent(x: float | None) -> str:
            return "-" if x is None else f"{100 * x:.2f}"

        lines = [f"{name.replace('_', ' '):26} {percent(value):>6} %" for name, value in self.gross.items()]
        return "\n".join([*lines, f"{'accuracy':26} {percent(self.accuracy):>6} %"])


def beats(
    reference: Beats,
    test: Beats,
    fs: float | None = None,
    *,
    start: float = 300.0,
    window: float = 0.15,
    escape: str = "S",
    end: int | None = None,
) -> BeatScore:
    """Compares the beats of a record, as WFDB's `bxb` does.

    Either side is `Findings`, the path of an annotation file, a `wfdb.Annotation`, a pair of times and symbols, or times
    alone. Times are ticks, `fs` a second, which findings and some annotations know; these are brought to `fs` where it is another. The first `start` seconds do not count, beats pair
    within `window` seconds, `escape` is the class of escape beats (`N` in most papers), `end` the last tick.
    """
    left, right = _side(reference), _side(test)
    fs = fs or right[3] or left[3]
    if fs is None:
        raise InputError("fs: expected ticks a second, found none; say fs=")
    made = _native.compare_beats(left, right, float(fs), (start, window, escape), end)
    return BeatScore(made["matrix"].astype(np.int64)[None], made["squares"], made["intervals"], made["shutdown_seconds"])


@dataclass(frozen=True)
class ClassScore:
    """Records, or beats, with one class each: the matrix `[classes, classes]` (rows the truth), each class's figures."""

    names: list[str]
    matrix: Int64
    classes: dict[str, dict[str, Any]]
    mean_f1: float | None
    accuracy: float | None


def classes(
    truth: npt.ArrayLike, given: npt.ArrayLike, names: Sequence[str], *, averaged: Sequence[str] | None = None
) -> ClassScore:
    """Scores one class a case. `truth` and `given` are names, or places among `names`; F1 is averaged over `averaged`.

    Leave out cases without a class (`-`): they are an error here, so that they are never taken for one.

    >>> classes(["N", "A", "N"], ["N", "A", "A"], ["N", "A"]).classes["A"]["f1"]
    0.6666666666666666
    """
    names = list(names)

    def places(cases: npt.ArrayLike) -> Int64:
        found = np.asarray(cases)
        if found.dtype.kind in "iu":
            return found.astype(np.int64)
        unknown = sorted({str(name) for name in found} - set(names))
        if unknown:
            raise InputError(f"classes: expected some of {', '.join(names)}, found {unknown[0]}; leave such cases out")
        return np.array([names.index(str(name)) for name in found], np.int64)

    chosen = list(range(len(names))) if averaged is None else places(list(averaged)).tolist()
    made = _native.class_figures(places(truth), places(given), names, chosen)
    return ClassScore(names, made["matrix"], made["classes"], made["mean_f1"], made["accuracy"])


def auc(truth: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[list[float | None], float | None]:
    """The area under the ROC curve of each column of `scores [cases, labels]`, and their mean; `truth` is 0 or 1.

    Leave out cases that could not be assessed: NaN is an error here.

    >>> auc([[0], [0], [1]], [[0.1], [0.4], [0.4]])
    ([0.75], 0.75)
    """
    return _native.auc(np.asarray(truth, np.float64), np.asarray(scores, np.float64))
