"""Records: from files, arrays, and what other packages call a record."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from . import _native
from .errors import InputError

Path = Union[str, "os.PathLike[str]"]
# A path, a `Record`, an array, a frame of pandas, a `wfdb.Record`, an MNE `Raw`.
AnyRecord = Any


class Record:
    """An ECG record in memory, whatever file or object it came from.

    >>> record = Record.open("../demo/demo")
    >>> record
    <Record demo: 2 leads (MLII, V1), 90.0 s at 360 Hz, 61 years, female>
    >>> record.signal("MLII").shape
    (32400,)
    """

    def __init__(self, native: _native.Record) -> None:
        self._native = native

    @classmethod
    def open(
        cls, path: Path, *, fs: float | None = None, units: str | None = None, leads: Sequence[str] | None = None
    ) -> Record:
        """Reads a file: WFDB, EDF and BDF, DICOM, SCP-ECG, HL7 aECG, Philips and GE MUSE XML, CSV; its content tells which.

        `fs` (Hz), `units` and `leads` are for files that do not say them, as tables of samples. A record in an archive is
        named as if that were a folder: `records.zip/100`.
        """
        return cls(_native.Record.open(os.fspath(path), fs, units, None if leads is None else _names(leads)))

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        name: Path = "record",
        *,
        fs: float | None = None,
        units: str | None = None,
        leads: Sequence[str] | None = None,
    ) -> Record:
        """Reads the bytes of a file that holds a whole record, of any of these formats but WFDB's files in two parts."""
        return cls(_native.Record.read(os.fspath(name), data, fs, units, None if leads is None else _names(leads)))

    @classmethod
    def from_array(
        cls,
        signal: npt.ArrayLike,
        fs: float,
        leads: Sequence[str],
        *,
        units: str | Sequence[str] = "mV",
        age: float | None = None,
        sex: str | None = None,
        name: str = "array",
    ) -> Record:
        """A record of `signal [leads, samples]`, NaN where a sample is missing, at `fs` Hz.

        `leads` names the rows, `units` is the unit of all or of each; `age` in years, `sex` is `female` or `male`.

        >>> import numpy as np
        >>> Record.from_array(np.zeros((1, 3600), np.float32), 360, ["II"]).seconds
        10.0
        """
        leads = _names(leads)
        units = [units] * len(leads) if isinstance(units, str) else list(units)
        return cls(_native.Record.of_array(name, signal, float(fs), leads, units, age, sex))

    @property
    def name(self) -> str:
        """Its name, without folder and ending."""
        return self._native.name

    @property
    def fs(self) -> float:
        """Frames a second: what annotations count time in. Leads may have another rate."""
        return self._native.sample_rate

    @property
    def seconds(self) -> float:
        """Its length."""
        return self._native.seconds

    @property
    def leads(self) -> list[str]:
        """The names of the leads, in the file's order."""
        return [lead[0] for lead in self._native.leads]

    @property
    def units(self) -> list[str]:
        """The unit of each lead's samples."""
        return [lead[1] for lead in self._native.leads]

    @property
    def rates(self) -> list[float]:
        """Samples a second of each lead."""
        return [lead[2] for lead in self._native.leads]

    @property
    def age(self) -> float | None:
        """The patient's age in years, if it is known."""
        return self._native.age

    @property
    def sex(self) -> str | None:
        """`female`, `male`, or None if it is not known."""
        return self._native.sex

    @property
    def comments(self) -> list[str]:
        """Free text of the file, line by line."""
        return self._native.comments

    @property
    def warnings(self) -> list[str]:
        """What was odd but readable."""
        return self._native.warnings

    @property
    def annotations(self) -> list[tuple[int, str]]:
        """Beats and events that the file itself holds: frame, and symbol of WFDB."""
        return self._native.annotations

    def signal(self, lead: str | int) -> npt.NDArray[np.float32]:
        """A lead's samples `[samples]` by its name or place: a copy, NaN where one is missing."""
        if isinstance(lead, str):
            names = self.leads
            if lead not in names:
                raise InputError(f"lead: expected one of {', '.join(names)}, found {lead}; name one of these")
            lead = names.index(lead)
        if not 0 <= lead < len(self.leads):
            raise InputError(f"lead: expected a place from 0 to {len(self.leads) - 1}, found {lead}; name one of the leads")
        return self._native.samples(lead)

    def to_array(self) -> npt.NDArray[np.float32]:
        """All leads, `[leads, samples]`; an error where they differ in rate."""
        if len(set(self.rates)) > 1:
            raise InputError(f"leads: expected one rate, found {self.rates}; take them one by one with signal()")
        return np.stack([self._native.samples(i) for i in range(len(self.rates))])

    def __repr__(self) -> str:
        count = len(self.leads)
        told = [f"{count} lead{'s' * (count != 1)} ({', '.join(self.leads[:12])})", f"{self.seconds:.1f} s at {self.fs:g} Hz"]
        told += [f"{self.age:g} years"] if self.age is not None else []
        told += [self.sex] if self.sex is not None else []
        return f"<Record {self.name}: {', '.join(told)}>"


def records_in(path: Path) -> list[str]:
    """The paths of all records in a folder or a `.zip`, or that fit a pattern, sorted.

    >>> [os.path.basename(path) for path in records_in("../demo")]
    ['demo.hea']
    """
    return [os.fspath(found) for found in _native.records_in(os.fspath(path))]


def read_annotations(path: Path) -> list[tuple[int, str]]:
    """Beats and events of a file of WFDB, as `100.atr`: the frame of each, and its symbol (`"` is a comment, `+` a rhythm).

    >>> read_annotations("../demo/demo.atr")[:3]
    [(7, '+'), (17, 'N'), (300, 'N')]
    """
    read = _native.read_annotations(os.fspath(path))
    return list(zip(read["times"].tolist(), read["symbols"]))


def _names(leads: Sequence[str]) -> list[str]:
    """Names of leads; a text is one, not a name a letter."""
    return [leads] if isinstance(leads, str) else list(leads)


def as_record(
    given: AnyRecord,
    *,
    fs: float | None = None,
    leads: Sequence[str] | None = None,
    units: None | str | Sequence[str] = None,
) -> Record:
    """A `Record` of whatever is one."""
    told = [name for name, value in (("fs", fs), ("leads", leads), ("units", units)) if value is not None]
    own = isinstance(given, Record) or hasattr(given, "sig_name") or hasattr(given, "ch_names")
    if own and told:
        raise InputError(f"{told[0]}: expected none beside a record that says its own, found one; leave it out")
    if isinstance(given, Record):
        return given
    if isinstance(given, (str, os.PathLike)):
        if units is not None and not isinstance(units, str):
            raise InputError("units: expected one for a file, found several; name the unit of its samples")
        return Record.open(given, fs=fs, units=units, leads=leads)
    if hasattr(given, "sig_name") and hasattr(given, "fs"):
        return _of_wfdb(given)
    if hasattr(given, "ch_names") and hasattr(given, "get_data"):
        return _of_mne(given)
    if hasattr(given, "columns") and hasattr(given, "to_numpy"):
        return _of_pandas(given, fs, leads, units)
    if fs is None or leads is None:
        what = type(given).__name__
        raise InputError(
            f"record: expected a path, a Record, a wfdb.Record, an MNE Raw, a frame, or an array with fs and leads, "
            f"found {what}; say fs= and leads= with an array"
        )
    signal = np.asarray(given)
    return Record.from_array(signal, fs, leads, units="mV" if units is None else units)


def _of_wfdb(given: Any) -> Record:
    """Of a `wfdb.Record`, whose signals are physical: `p_signal [samples, leads]`."""
    signal, name = given.p_signal, str(given.record_name or "record")
    if signal is None and getattr(given, "e_p_signal", None) is not None:
        raise InputError(f"record {name}: expected signals of one rate, found several; read it by its path instead")
    if signal is None:
        raise InputError(f"record {name}: expected physical signals, found none; read it with physical=True")
    age, sex = _native.patient_of_comments([str(comment) for comment in given.comments or []])
    units = [str(unit) for unit in given.units or ["mV"] * signal.shape[1]]
    return Record.from_array(signal.T, given.fs, given.sig_name, units=units, age=age, sex=sex, name=name)


def _of_mne(given: Any) -> Record:
    """Of an MNE `Raw`: its ECG channels, or, were there none, all; its samples are volts."""
    kinds = given.get_channel_types()
    chosen = [i for i, kind in enumerate(kinds) if kind == "ecg"] or list(range(len(kinds)))
    about = given.info.get("subject_info") or {}
    sex = {1: "male", 2: "female"}.get(about.get("sex") or 0)
    birthday, measured = about.get("birthday"), given.info.get("meas_date")
    age = None
    if birthday is not None and measured is not None:
        born = (birthday.year, birthday.month, birthday.day) if hasattr(birthday, "year") else tuple(birthday)
        age = measured.year - born[0] - ((measured.month, measured.day) < (born[1], born[2]))
    names = given.filenames[0] if getattr(given, "filenames", None) else None
    name = os.path.splitext(os.path.basename(str(names)))[0] if names else "raw"
    leads = [given.ch_names[i] for i in chosen]
    return Record.from_array(given.get_data(picks=chosen), given.info["sfreq"], leads, units="V", age=age, sex=sex, name=name)


def _of_pandas(
    given: Any, fs: float | None, leads: Sequence[str] | None, units: None | str | Sequence[str]
) -> Record:
    """Of a frame with a column for each lead; without `fs` its index is the time, in seconds or as dates."""
    columns = [str(column) for column in given.columns] if leads is None else _names(leads)
    unknown = [name for name in columns if name not in {str(column) for column in given.columns}]
    if unknown:
        raise InputError(f"leads: expected columns of the frame, found {unknown[0]}; name its columns")
    if fs is None:
        fs = _rate_of_index(given.index)
    signal = given.set_axis([str(column) for column in given.columns], axis=1)[columns].to_numpy(dtype=np.float32).T
    return Record.from_array(signal, fs, columns, units="mV" if units is None else units, name="frame")


def _rate_of_index(index: Any) -> float:
    """Samples a second of an index that is evenly spaced."""
    times = np.asarray(index)
    if np.issubdtype(times.dtype, np.datetime64) or np.issubdtype(times.dtype, np.timedelta64):
        times = (times - times[0]) / np.timedelta64(1, "s")
    fix = "say fs="
    if len(times) < 2 or not np.issubdtype(times.dtype, np.floating):
        raise InputError(f"index: expected times in seconds, found {times.dtype} of {len(times)} rows; {fix}")
    steps = np.diff(times)
    step = float(times[-1] - times[0]) / (len(times) - 1)
    # A time that is missing makes every comparison false.
    if not (step > 0 and np.abs(steps - step).max() <= 0.1 * step):
        raise InputError(f"index: expected evenly spaced times, found steps from {steps.min():g} to {steps.max():g} s; {fix}")
    rate = 1 / step
    # Times are most often rounded, rates are most often whole.
    return float(round(rate)) if abs(rate - round(rate)) < 0.01 * rate / len(times) ** 0.5 else rate
