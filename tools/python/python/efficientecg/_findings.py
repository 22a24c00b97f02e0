"""What was found in a record."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _native
from .errors import Error

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas
    import wfdb

    from ._model import Model
    from ._records import Record

PURPOSE = "Research only, not for diagnosis."


class HeartRate(NamedTuple):
    """Beats a minute: by the median and the mean R-R interval, and in the slowest and fastest five beats."""

    median: float
    mean: float
    min: float
    max: float


class Part(NamedTuple):
    """A part of a record, in seconds, that could not be assessed, and why."""

    onset: float
    end: float
    reason: str


class Finding(NamedTuple):
    """One beat, or the record. `label` is `-` where it could not be assessed, and `reason` says why."""

    sample: int
    seconds: float
    label: str
    reason: str | None
    probabilities: npt.NDArray[np.float32]


class Fibrillation(NamedTuple):
    """Episodes of atrial fibrillation in a long record: onset and end in seconds; their part of the record, 0 to 1."""

    episodes: list[tuple[float, float]]
    burden: float


class Findings:
    """What was found in a record: a class for each beat, or one for the record.

    >>> from efficientecg import Model
    >>> findings = Model("mitbih-beats").classify("../demo/demo")
    >>> findings
    <Findings of demo by mitbih-beats: 110 beats, N 100, S 5, V 5>
    >>> findings[0].label, round(findings[0].seconds, 2)
    ('N', 0.04)

    Columns, an element each beat (one in all for a record):

    - `sample`: the beat's place in frames; `seconds`: the same in seconds.
    - `labels`: the class; several joined by `+`, and `-` where the signal could not be assessed; `reasons` says why.
    - `logits`, `probabilities`: `[findings, classes]` float32, NaN where there is no class.
    """

    def __init__(self, model: Model, record: Record, made: dict[str, Any]) -> None:
        self.model_name = model.name
        self.limits = model.limits
        self.classes: list[str] = model.classes
        self.record = record
        self.unit: str = made["unit"]
        """`beat` or `record`."""
        self.sample: npt.NDArray[np.int64] = made["sample"]
        self.seconds: npt.NDArray[np.float64] = made["seconds"]
        self.labels: list[str] = made["labels"]
        self.reasons: list[str | None] = made["reasons"]
        self.logits: npt.NDArray[np.float32] = made["logits"]
        self.probabilities: npt.NDArray[np.float32] = made["probabilities"]
        self.heart_rate: HeartRate | None = HeartRate(*made["heart_rate"]) if made["heart_rate"] else None
        self.missing: list[str] = made["missing"]
        """Features that the network takes and the record does not give."""
        self.reason: str | None = made["reason"]
        """Why nothing of the record could be assessed."""
        self.not_assessed = [Part(*part) for part in made["not_assessed"]]
        """Parts of the record that could not be assessed."""
        self.unusual: list[str] = made["unusual"]
        """What is unusual about the record for the network, a sentence each."""
        self.fibrillation = Fibrillation(*made["fibrillation"]) if made["fibrillation"] else None
        """Episodes of fibrillation, where a network of rhythms was given a long record."""
        self.age: float | None = made["age"]
        self.sex: str | None = made["sex"]

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each class, and under `-` those without one."""
        counts = dict.fromkeys(self.classes, 0)
        for label in self.labels:
            for one in label.split("+") if label not in ("", "-") else []:
                counts[one] += 1
        counts["-"] = sum(label == "-" for label in self.labels)
        return counts

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> Finding:
        row = self.probabilities[place]
        return Finding(int(self.sample[place]), float(self.seconds[place]), self.labels[place], self.reasons[place], row)

    def __iter__(self) -> Iterator[Finding]:
        return (self[place] for place in range(len(self)))

    def to_pandas(self) -> pandas.DataFrame:
        """A frame of a row each finding: `sample`, `seconds`, `class`, `reason`, and each class's probability.

        `class` is None, and the probabilities NaN, where the signal could not be assessed; `reason` says why.
        """
        package = _needs("pandas")
        table: dict[str, Any] = {"sample": self.sample, "seconds": self.seconds}
        table["class"] = [None if label == "-" else label for label in self.labels]
        table["reason"] = self.reasons
        table.update({name: self.probabilities[:, i] for i, name in enumerate(self.classes)})
        frame: pandas.DataFrame = package.DataFrame(table)
        return frame

    def _annotated(self) -> tuple[list[str], list[str]]:
        """Symbols of WFDB and texts: a beat's class is a symbol, all else is a note."""
        symbols, texts = [], []
        for label, reason in zip(self.labels, self.reasons):
            is_beat = self.unit == "beat" and label in "NSVFQ" and len(label) == 1
            symbols.append(label if is_beat else '"')
            texts.append("" if is_beat else f"- {reason}" if label == "-" else label or "none")
        return symbols, texts

    def to_wfdb(self, extension: str = "ecg") -> wfdb.Annotation:
        """A `wfdb.Annotation`. A class that is a beat's is its symbol; what could not be assessed is a note `- REASON`."""
        package = _needs("wfdb")
        symbols, texts = self._annotated()
        made: wfdb.Annotation = package.Annotation(
            self.record.name, extension, self.sample, symbol=symbols, aux_note=texts, fs=self.record.fs
        )
        return made

    def write_wfdb(self, path: str | os.PathLike[str]) -> None:
        """Writes an annotation file, such as `100.ecg`; needs no other package."""
        _native.write_annotations(os.fspath(path), self.sample, *self._annotated())

    def plot(
        self, start: float = 0.0, seconds: float = 10.0, *, leads: list[str] | None = None, ax: Any = None
    ) -> matplotlib.axes.Axes:
        """Draws `seconds` of the record from `start` on ECG paper (25 mm/s, 10 mm/mV), each beat marked; needs matplotlib."""
        _needs("matplotlib")
        from ._plot import draw

        return draw(self, start, seconds, leads, ax)

    def __repr__(self) -> str:
        told = [f"{name} {count}" for name, count in self.counts.items() if count]
        what = f"{len(self)} beats, " if self.unit == "beat" else ""
        if self.unit == "record" and self.reason:
            told = [f"not assessed: {self.reason}"]
        return f"<Findings of {self.record.name} by {self.model_name}: {what}{', '.join(told) or 'none'}>"

    def _repr_html_(self) -> str:
        """A table for notebooks, with the model's limits below."""
        say = html.escape
        about = [say(self.record.name), f"{self.record.seconds:.1f} s"]
        about += [f"{self.age:g} years"] if self.age is not None else []
        about += [self.sex] if self.sex is not None else []
        if self.heart_rate is not None:
            rate = self.heart_rate
            about.append(f"{rate.median:.0f} beats a minute ({rate.min:.0f} to {rate.max:.0f})")
        if self.unit == "beat":
            head = "<tr><th>class</th><th>beats</th><th>part</th></tr>"
            rows = [
                f"<tr><td>{say(name)}</td><td>{count}</td><td>{100 * count / max(len(self), 1):.1f} %</td></tr>"
                for name, count in self.counts.items()
                if count or name != "-"
            ]
        else:
            head = "<tr><th>class</th><th>probability</th><th></th></tr>"
            found = self.labels[0].split("+") if self.labels else []
            rows = [
                f"<tr><td>{say(name)}</td><td>{p:.3f}</td><td>{'found' if name in found else ''}</td></tr>"
                for name, p in zip(self.classes, self.probabilities[0] if len(self) else [])
                if np.isfinite(p)
            ]
        notes = [f"Not assessed: {say(self.reason)}."] if self.reason else []
        notes += [f"{p.onset:.1f} to {p.end:.1f} s not assessed: {say(p.reason)}." for p in self.not_assessed[:10]]
        notes += [f"Not known: {say(', '.join(self.missing))}."] if self.missing else []
        notes += [f"{say(sentence)}." for sentence in self.unusual]
        if self.fibrillation is not None:
            count, burden = len(self.fibrillation.episodes), 100 * self.fibrillation.burden
            notes.append(f"{count} episodes of fibrillation, {burden:.1f} % of the time.")
        notes += [say(self.limits)] if self.limits else []
        return (
            f"<div><p><b>{say(self.model_name)}</b>: {', '.join(about)}</p><table>{head}{''.join(rows)}</table>"
            f"<p>{' '.join(notes)}</p><p><b>{PURPOSE}</b></p></div>"
        )


def _needs(package: str) -> Any:
    """A package that is not needed otherwise."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise Error(f"{package}: expected it to be installed, found {error}; type pip install {package}") from error
