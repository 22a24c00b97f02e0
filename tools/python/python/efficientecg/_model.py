"""Networks: loading, running on arrays, classifying records."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from . import _native
from ._findings import Findings
from ._progress import progress as progress_bar
from ._records import AnyRecord, Record, as_record
from ._weights import load_weights
from .errors import InputError

Float32 = npt.NDArray[np.float32]
LeadMap = Mapping[str, Union[str, Sequence[str]]]

# Networks of a process that was forked: their threads are not in the child, so nothing may wait for these.
_of_parents: list[Any] = []


class Outputs:
    """What a run gives. Of a signal `[leads, samples]` the batch's axis is left out.

    `logits` and `probabilities` are `[batch, classes]`, `taps` holds `[batch, rows, columns]` by name; all are float32.
    """

    __slots__ = ("_signal_address", "classes", "logits", "probabilities", "taps")

    def __init__(
        self, logits: Float32, probabilities: Float32, taps: dict[str, Float32], classes: list[str], address: int
    ) -> None:
        self.logits = logits
        self.probabilities = probabilities
        self.taps = taps
        self.classes = classes
        self._signal_address = address

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """The place of each record's most probable class."""
        return np.asarray(self.logits.argmax(-1))

    def __repr__(self) -> str:
        taps = f", taps {', '.join(self.taps)}" if self.taps else ""
        return f"<Outputs: logits and probabilities {list(self.logits.shape)} of {', '.join(self.classes)}{taps}>"


def models() -> dict[str, str]:
    """The trained models that come with the package, and what each gets wrong.

    >>> sorted(models())
    ['beats', 'beats-1lead', 'cinc2017-rhythm', 'mitbih-beats', 'ptbxl-8lead']
    """
    return dict(_native.builtin_models())


class Model:
    """A network ready to run; any number of threads may use it at once.

    `source` is the name of a model that comes with the package (`models()`), the path of a weight file, or its bytes.
    `threads` is how many it runs on, with the caller's: all of the machine's unless told. `precision` is `f32`, or
    `bf16` for weights and products where the processor has instructions for it; `backend` is `cpu`, or `reference` for
    plain loops in float64.

    >>> model = Model("ptbxl-8lead", threads=1)
    >>> model
    <Model ptbxl-8lead: record of I, II, V1, V2, V3, V4, V5, V6 at 500 Hz to NORM, MI, STTC, CD, HYP>
    >>> outputs = model.run(np.zeros((2, 8, 5000), np.float32), age=[63, None], sex="female")
    >>> outputs.probabilities.shape
    (2, 5)
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        threads: int | None = None,
        precision: str = "f32",
        backend: str = "cpu",
    ) -> None:
        if isinstance(source, (bytearray, memoryview)):
            source = bytes(source)
        if not isinstance(source, (str, bytes, os.PathLike)):
            raise InputError(
                f"model: expected a name, a path or bytes, found {type(source).__name__}; give one of these"
            )
        self._source = source
        self._how = (threads, precision, backend)
        self._load()
        config = json.loads(self._native.config())
        self.config: dict[str, Any] = config
        """The configuration, as the weight file has it."""
        self.name: str = config["name"]
        self.classes: list[str] = list(config["classes"])
        """The names of the classes."""
        self.leads: list[str] = list(config["leads"])
        """The names of the leads; `*` is any ECG lead."""
        self.fs: float = float(config["sample_rate"])
        """Samples a second."""
        self.samples: int = config["samples"]
        """Samples of a lead that it was trained on; it runs on any length."""
        self.task: str = config["task"]
        """`multiclass`: one class each; `multilabel`: several at once."""

    def _load(self) -> None:
        source, how = self._source, self._how
        self._pid = os.getpid()
        if isinstance(source, bytes):
            self._native = _native.Network.from_bytes(source, *how)
        elif isinstance(source, str) and not _looks_like_a_path(source):
            self._native = _native.Network.builtin(source, *how)
        else:
            self._native = _native.Network.load(source, *how)

    @property
    def _network(self) -> _native.Network:
        """The network of this process: threads do not follow a fork."""
        if os.getpid() != self._pid:
            _of_parents.append(self._native)
            self._load()
        return self._native

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._source, *self._how)

    @property
    def unit(self) -> str:
        """What one class is of: `beat` or `record`."""
        return self._native.unit

    @property
    def device(self) -> str:
        """Where it runs: instruction set and threads."""
        return self._native.device

    @property
    def precision(self) -> str:
        """What it computes in: what was asked for, or f32 where the processor lacks it (`note` says so)."""
        return self._native.precision

    @property
    def note(self) -> str | None:
        """Why the precision is not the one that was asked for."""
        return self._native.note

    @property
    def parameters(self) -> int:
        """Numbers that were trained."""
        return self._native.parameters

    @property
    def taps(self) -> list[str]:
        """The names of the intermediate values that `run` gives."""
        return self._native.taps

    @property
    def limits(self) -> str | None:
        """What it gets wrong; None of a model that does not come with the package."""
        return models().get(self.name) if isinstance(self._source, str) else None

    def multiply_adds(self, samples: int | None = None) -> int:
        """Multiply-adds of one record of so many samples a lead."""
        return self._native.multiply_adds(self.samples if samples is None else samples)

    def run(self, signal: npt.ArrayLike, *, taps: Iterable[str] = (), **features: Any) -> Outputs:
        """Runs the network on arrays as they are: no resampling, no normalising (`prepare` and `classify` do these).

        `signal` is `[batch, leads, samples]`, or `[leads, samples]` of one record. An array of float32 that lies row by
        row is read where it is; others are converted first. Do not change it meanwhile from another thread.

        Features go by their names in the configuration; one that is not given is missing. `age` is a number for all
        records or one for each (None and NaN are missing), `sex` a name or place of a category likewise (None and -1 are
        missing), `rhythm` is `[batch, steps, inputs]`, with `rhythm_steps [batch]` where records have fewer.

        >>> model = Model("mitbih-beats", threads=1)
        >>> outputs = model.run(np.zeros((2, 288), np.float32), taps=["head"])
        >>> outputs.logits.shape, list(outputs.taps)
        ((5,), ['head'])
        """
        logits, probabilities, tapped, address = self._network.run(signal, features, list(taps))
        return Outputs(logits, probabilities, tapped, self.classes, address)

    def prepare(self, record: AnyRecord, **how: Any) -> dict[str, Any]:
        """What the network gets of a record: see `efficientecg.prepare`, to which `how` goes."""
        return prepare(self.config, record, **how)

    def classify(
        self,
        record: AnyRecord,
        *,
        fs: float | None = None,
        leads: Sequence[str] | None = None,
        units: None | str | Sequence[str] = None,
        lead_map: LeadMap | None = None,
        age: float | None = None,
        sex: str | None = None,
        beats: npt.ArrayLike | None = None,
        unit: str | None = None,
        batch: int | None = None,
        any_quality: bool = False,
        any_lead: bool = False,
        progress: bool = False,
    ) -> Findings:
        """Classifies the beats of a record, or the record as a whole, as the model does.

        `record` is a path, a `Record`, a `wfdb.Record`, an MNE `Raw`, a pandas frame with a column for each lead, or an
        array `[leads, samples]` with its rate `fs` (Hz), the names of its `leads` and their `units` (mV unless told).

        `lead_map={"V1": "V5"}` lets the record's V5 stand for the model's V1. `age` (years) and `sex` count over what the
        record says. `beats` are ascending frames, in place of those that would be found. `unit` is `beat` or `record`,
        `batch` how many windows are run at once. What holds no usable ECG gets no class, unless `any_quality`; leads that
        are no ECG by name or unit are refused, unless `any_lead`. `progress` shows a bar where tqdm is installed.

        >>> findings = Model("mitbih-beats").classify("../demo/demo")
        >>> findings.counts["V"], round(findings.heart_rate.median)
        (5, 72)
        """
        found = as_record(record, fs=fs, leads=leads, units=units)
        reading = _reading(lead_map, age, sex, beats, unit, batch, any_quality, any_lead)
        with progress_bar(progress, "findings") as tell:
            made = self._network.classify(found._native, reading, tell)
        return Findings(self, found, made)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The names of the classes, as scikit-learn has them."""
        return np.array(self.classes)

    def predict_proba(self, records: npt.ArrayLike | Sequence[AnyRecord], **how: Any) -> npt.NDArray[np.float64]:
        """`[records, classes]`: the probabilities of whole records, NaN of those that cannot be assessed.

        `records` is a sequence of what `classify` takes, or an array `[records, leads, samples]` of the model's leads;
        `how` goes to `classify`, with `fs` the model's rate unless told. For models of records, not of beats.

        >>> model = Model("ptbxl-8lead", threads=1)
        >>> bool(np.isnan(model.predict_proba(np.zeros((1, 8, 5000)))).all())  # No ECG, no class.
        True
        """
        if how.get("unit", self.unit) != "record":
            raise InputError(f"model {self.name}: expected one that classifies records, found one of beats; use classify()")
        if isinstance(records, np.ndarray) and records.ndim != 3:
            raise InputError(f"records: expected shape [records, leads, samples], found {list(records.shape)}; add an axis")
        made = []
        for record in records:  # type: ignore[union-attr]
            rest = dict(how)
            if isinstance(record, np.ndarray):
                rest.setdefault("fs", self.fs)
                rest.setdefault("leads", [f"lead {i + 1}" if name == "*" else name for i, name in enumerate(self.leads)])
            made.append(self.classify(record, **rest).probabilities[0])
        return np.array(made, np.float64).reshape(len(made), len(self.classes))

    def predict(self, records: npt.ArrayLike | Sequence[AnyRecord], **how: Any) -> npt.NDArray[Any]:
        """The class of each record, `-` where it cannot be assessed; of a multilabel model `[records, classes]`, 1 for a
        class of probability 0.5 and more, -1 throughout for what cannot be assessed, which no score takes for a class.
        """
        probabilities = self.predict_proba(records, **how)
        known = ~np.isnan(probabilities).any(1)
        if self.task == "multilabel":
            found = (probabilities >= 0.5).astype(np.int64)
            found[~known] = -1
            return found
        best = np.where(known, np.nan_to_num(probabilities).argmax(1), len(self.classes))
        return np.array([*self.classes, "-"])[best]

    def __repr__(self) -> str:
        return f"<Model {self.name}: {self.unit} of {', '.join(self.leads)} at {self.fs:g} Hz to {', '.join(self.classes)}>"


def _looks_like_a_path(source: str) -> bool:
    """Whether it is no name of a model: it has a folder or an ending, or is there."""
    return os.sep in source or "/" in source or "." in source or (source not in models() and os.path.exists(source))


def _unpickled(source: str | bytes, threads: int | None, precision: str, backend: str) -> Model:
    return Model(source, threads=threads, precision=precision, backend=backend)


def _reading(
    lead_map: LeadMap | None,
    age: float | None,
    sex: str | None,
    beats: npt.ArrayLike | None,
    unit: str | None,
    batch: int | None,
    any_quality: bool,
    any_lead: bool,
) -> dict[str, Any]:
    """How a record is to be read, for the compiled half."""
    if batch is not None and batch < 1:
        raise InputError(f"batch: expected 1 or more, found {batch}; correct it, or leave it out")
    pairs = []
    for model, names in (lead_map or {}).items():
        pairs += [(model, name) for name in ([names] if isinstance(names, str) else names)]
    return {
        "leads": pairs,
        "age": age,
        "sex": sex,
        "beats": beats,
        "unit": unit,
        "batch": batch,
        "any_quality": any_quality,
        "any_lead": any_lead,
    }


def prepare(
    config: Mapping[str, Any] | str | os.PathLike[str],
    record: AnyRecord,
    *,
    fs: float | None = None,
    leads: Sequence[str] | None = None,
    units: None | str | Sequence[str] = None,
    lead_map: LeadMap | None = None,
    age: float | None = None,
    sex: str | None = None,
    beats: npt.ArrayLike | None = None,
    unit: str | None = None,
    any_lead: bool = False,
) -> dict[str, Any]:
    """What a network of this configuration gets of a record: what training should see, made by the same code.

    `config` is a configuration, or the path of a weight file; the rest is as in `Model.classify`. Gives `signal
    [windows, leads, samples]` and each feature that the record gives, as `Model.run` takes them; also `_times`, the beats
    in the record's frames, and `_reasons`, why a window cannot be assessed, None where it can.

    >>> made = prepare(Model("mitbih-beats", threads=1).config, "../demo/demo")
    >>> made["signal"].shape, made["rhythm"].shape
    ((110, 2, 288), (110, 3, 45))
    """
    if not isinstance(config, Mapping):
        config = load_weights(config)[0]
    found = as_record(record, fs=fs, leads=leads, units=units)
    reading = _reading(lead_map, age, sex, beats, unit, None, False, any_lead)
    return _native.prepare(json.dumps(dict(config)), found._native, reading)


__all__ = ["Model", "Outputs", "Record", "models", "prepare"]
