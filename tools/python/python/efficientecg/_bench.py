"""How fast a model is here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ._model import Model


@dataclass(frozen=True)
class Timing:
    """Times of runs of one batch."""

    model: str
    device: str
    batch: int
    samples: int
    runs: int
    median: float  # s
    least: float  # s
    most: float  # s

    @property
    def records_per_second(self) -> float:
        """By the median."""
        return self.batch / self.median

    def __str__(self) -> str:
        return (
            f"{self.model} on {self.device}: batch {self.batch} of {self.samples} samples, {1e3 * self.median:.3f} ms "
            f"({1e3 * self.least:.3f} to {1e3 * self.most:.3f}, {self.runs} runs), {self.records_per_second:.0f} a second"
        )


def bench(model: Model, *, batch: int = 1, samples: int | None = None, seconds: float = 1.0) -> Timing:
    """Runs a batch of random signals again and again for some `seconds`, after a few runs to warm up.

    `samples` is the length of each lead, the configuration's unless told. Features are missing, but for a sequence,
    which is one of ten rows.

    >>> from efficientecg import Model
    >>> timing = bench(Model("mitbih-beats", threads=1), batch=4, seconds=0.05)
    >>> timing.batch, timing.samples, timing.runs >= 3
    (4, 288, True)
    """
    samples = model.samples if samples is None else samples
    random = np.random.default_rng(1)
    signal = random.standard_normal((batch, len(model.leads), samples)).astype(np.float32)
    features: dict[str, Any] = {}
    for feature in (model.config.get("fusion") or {}).get("features", []):
        if feature["kind"] == "sequence":
            features[feature["name"]] = np.zeros((batch, 10, feature["inputs"]), np.float32)
    for _ in range(3):
        model.run(signal, **features)
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        model.run(signal, **features)
        times.append(time.perf_counter() - start)
    return Timing(model.name, model.device, batch, samples, len(times), float(np.median(times)), min(times), max(times))
