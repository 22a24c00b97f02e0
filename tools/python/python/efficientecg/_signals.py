"""What is done with signals on the way to a network, by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _native
from .errors import InputError

Float32 = npt.NDArray[np.float32]


def find_peaks(signal: npt.ArrayLike, fs: float) -> npt.NDArray[np.int64]:
    """The R peaks of one lead `[samples]` at `fs` Hz (50 to 100,000), as ascending places.

    Any unit, either polarity; samples that are not finite are missing, and no peak lies in a longer gap.

    >>> from efficientecg import Record
    >>> find_peaks(Record.open("../demo/demo").signal("MLII"), 360)[:3]
    array([ 16, 300, 594])
    """
    return _native.find_peaks(signal, fs)


def features(signal: npt.ArrayLike, beats: npt.ArrayLike, fs: float, *, kind: str = "beats") -> Float32 | None:
    """The rows that the networks get of each beat: rhythm, shape, P wave. `beats` are ascending places in `signal`.

    - `kind="beats"`: `[beats, 3, inputs]`, of the beat before, the beat, and the beat after, of a normalised `signal
      [leads, samples]`: `23 + 11 leads` columns; None of fewer than two beats. As `mitbih-beats` takes it.
    - `kind="beats-wide"`: twelve columns more, of what the beats around are like. As `beats` and `beats-1lead`.
    - `kind="record"`: `[beats, 10]` of one lead `[samples]`. As `cinc2017-rhythm` and `ptbxl-8lead`.

    The library's documentation has the formulas (`efficientecg::ecg::rhythm` and `beat_sequence`).

    >>> random = np.random.default_rng(1).standard_normal((2, 3600)).astype(np.float32)
    >>> features(random, [300, 700, 1000, 1400], 360).shape
    (4, 3, 45)
    """
    if kind == "record":
        return _native.record_rows(signal, beats, fs)
    if kind not in ("beats", "beats-wide"):
        raise InputError(f"kind: expected beats, beats-wide or record, found {kind}; correct it")
    return _native.beat_rows(signal, beats, fs, kind == "beats-wide")


def resample(signal: npt.ArrayLike, fs: float, to: float) -> Float32:
    """`signal [samples]` or `[leads, samples]` at `fs` Hz, at `to` Hz: a polyphase FIR filter in float32.

    A sample that is not finite spreads over its surroundings: bridge gaps first (`fill_missing`).

    >>> resample(np.ones((2, 500), np.float32), 500, 250).shape
    (2, 250)
    """
    return _native.resample(signal, fs, to)


def fill_missing(signal: npt.ArrayLike) -> Float32:
    """A lead `[samples]` with straight lines where samples are not finite.

    >>> fill_missing([0.0, np.nan, 2.0])
    array([0., 1., 2.], dtype=float32)
    """
    return _native.fill_missing(signal)


def z_score(signal: npt.ArrayLike) -> Float32:
    """A lead `[samples]` less its mean, over its standard deviation plus 1e-6; missing samples are bridged and take no part.

    >>> z_score([1.0, 3.0]).round(3)
    array([-1.,  1.], dtype=float32)
    """
    return _native.z_score(signal)


def remove_hum(signal: npt.ArrayLike, fs: float) -> Float32:
    """A lead `[samples]` without mains hum of 50 or 60 Hz, where there is some; samples that are not finite stay so.

    >>> t = np.arange(3600) / 360
    >>> float(np.abs(remove_hum(np.sin(2 * np.pi * 1.3 * t) + np.sin(2 * np.pi * 50 * t), 360)).max()) < 1.3
    True
    """
    return _native.remove_hum(signal, fs)[0]


def blank_held(signal: npt.ArrayLike, fs: float) -> Float32:
    """A lead `[samples]` with NaN where it holds its value for longer than 0.2 s, as one of a loose electrode does.

    >>> blank_held([0.0] + [1.0] * 40 + [0.0] * 2, 100)[[0, 1, 40, 41]]
    array([ 0., nan, nan,  0.], dtype=float32)
    """
    return _native.blank_held(signal, fs)


def hrv(beats: npt.ArrayLike, fs: float, *, symbols: Sequence[str] | None = None) -> dict[str, float | None]:
    """Heart rate variability by the Task Force's definitions (1996), of `beats [n]` in samples at `fs` Hz.

    Figures are of the intervals between two normal beats that follow each other: with `symbols`, one each beat, only
    those of `N` count (also `L`, `R`, `B`, `e`, `j`, `n`). Gives `count`; `mean`, `sdnn`, `sdann`, `sdnn_index`, `rmssd` in ms; `pnn50` from
    0 to 1; `vlf`, `lf`, `hf` in ms² and `lf_hf`. What needs a longer record is None: bands need five minutes.

    >>> round(hrv(np.arange(0, 36000, 360), 360)["mean"])
    1000
    """
    if not fs > 0:
        raise InputError(f"fs: expected samples a second, above 0, found {fs:g}; correct it")
    times = np.asarray(beats, np.float64) / float(fs)
    if times.ndim != 1:
        raise InputError(f"beats: expected one dimension, found shape {list(times.shape)}; give one list")
    if not (np.isfinite(times).all() and (np.diff(times) >= 0).all()):
        raise InputError("beats: expected ascending positions in samples, found others; sort them, without missing ones")
    ends, lengths = times[1:], 1e3 * np.diff(times)
    if symbols is not None:
        if len(symbols) != len(times):
            raise InputError(f"symbols: expected one for each of {len(times)} beats, found {len(symbols)}; give all")
        normal = np.isin(np.asarray(symbols), list("NLRBejn"))
        both = normal[1:] & normal[:-1]
        ends, lengths = ends[both], lengths[both]
    return _native.hrv(ends, lengths)


class Quality:
    """Whether a record holds an ECG that can be assessed.

    `reason` is why the whole cannot, or None; `not_assessed` lists the parts that cannot: onset and end in seconds, and why.
    `windows` has a dictionary of indices for each window of some ten seconds of each lead, `to_pandas()` the same as a frame.
    """

    def __init__(self, made: dict[str, Any]) -> None:
        self.reason: str | None = made["reason"]
        self.not_assessed: list[tuple[float, float, str]] = made["not_assessed"]
        self.windows: list[dict[str, Any]] = made["windows"]

    def to_pandas(self) -> Any:
        """A row each window of each lead."""
        from ._findings import _needs

        return _needs("pandas").DataFrame(self.windows)

    def __bool__(self) -> bool:
        return self.reason is None

    def __repr__(self) -> str:
        return f"<Quality: {self.reason or 'usable'}, {len(self.not_assessed)} parts not assessed>"


def signal_quality(signal: npt.ArrayLike, fs: float) -> Quality:
    """The quality of `signal [leads, samples]`, or `[samples]` of one lead, in any unit; samples that are not finite are missing.

    >>> signal_quality(np.zeros(3600), 360).reason
    'flat'
    """
    return Quality(_native.signal_quality(signal, fs))
