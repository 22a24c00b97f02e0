"""Holds the engine against a PyTorch module, in one call.

```python
efficientecg.testing.compare(module, "weights.npz")
```
"""

from __future__ import annotations

import copy
import inspect
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._findings import _needs
from ._model import Model
from ._weights import save_weights
from .errors import InputError

TOLERANCE = {"f32": 2e-5, "bf16": 6e-2}
"""The largest error against a reference in float64, by precision."""


@dataclass(frozen=True)
class Comparison:
    """The worst error of each output, `max|y - ref| / max(1, max|ref|)`, and the most that is allowed."""

    errors: dict[str, float]
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether all is within the tolerance; an error that is no number is not."""
        return all(error <= self.tolerance for error in self.errors.values())

    def __str__(self) -> str:
        lines = [f"{name:16} {error:.2e}{'' if error <= self.tolerance else '  too much'}" for name, error in self.errors.items()]
        return "\n".join([*lines, f"tolerance        {self.tolerance:.2e}"])


def random_inputs(config: Mapping[str, Any], batch: int = 3, samples: int | None = None, seed: int = 1) -> dict[str, Any]:
    """Arrays that a network of this configuration takes, as `Model.run` does; the last record lacks its features."""
    random = np.random.default_rng(seed)
    samples = config["samples"] if samples is None else samples
    made: dict[str, Any] = {"signal": random.standard_normal((batch, len(config["leads"]), samples)).astype(np.float32)}
    for feature in (config.get("fusion") or {}).get("features", []):
        name = feature["name"]
        if feature["kind"] == "continuous":
            made[name] = feature["offset"] + feature["scale"] * random.uniform(-1, 1, batch)
            made[name][-1] = np.nan
        elif feature["kind"] == "categorical":
            made[name] = random.integers(0, len(feature["categories"]), batch)
            made[name][-1] = -1
        else:
            made[name] = random.standard_normal((batch, 7, feature["inputs"])).astype(np.float32)
            made[f"{name}_steps"] = random.integers(1, 8, batch)
            made[f"{name}_steps"][-1] = 0
    return made


def compare(
    module: Any,
    weights: None | str | bytes | Any | Model = None,
    *,
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    forward: Callable[..., Any] | None = None,
    tolerance: float | None = None,
    check: bool = True,
) -> Comparison:
    """Runs a PyTorch module in float64 and the engine on the same inputs, and compares.

    `module` is EfficientECG with the weights in `weights`: a path, bytes, or a `Model`. Without them the module's own are
    taken, with its `config` (or `module.config`). `inputs` are arrays as `Model.run` takes them, random ones unless told.
    `forward(module, signal, features)` gives the logits as a tensor; without it the module is called with the signal
    `[batch, leads, samples]` and, if it takes a second argument, a dictionary of the features as tensors; where it takes
    `taps`, a dictionary that it fills with intermediate tensors, these are compared too.

    Raises `AssertionError` with the table of errors where one is above the tolerance (2e-5 in f32), unless `check` is off.
    """
    torch = _needs("torch")
    if weights is None:
        config = config if config is not None else getattr(module, "config", None)
        if config is None:
            raise InputError("config: expected the network's configuration, found none; say config=, or give a weight file")
        file = io.BytesIO()
        save_weights(file, module.state_dict(), config)
        weights = file.getvalue()
    model = weights if isinstance(weights, Model) else Model(weights)
    given = dict(random_inputs(model.config) if inputs is None else inputs)
    exact = copy.deepcopy(module).double().cpu().eval()
    # The engine's numbers are float32: the module gets these, exactly.
    features = {name: torch.from_numpy(np.asarray(value)) for name, value in given.items() if name != "signal"}
    features = {name: value.double() if value.is_floating_point() else value for name, value in features.items()}
    signal = torch.from_numpy(np.asarray(given["signal"], np.float32)).double()
    taps: dict[str, Any] = {}
    with torch.no_grad():
        if forward is not None:
            logits = forward(exact, signal, features)
        else:
            logits = _call(exact, signal, features, taps)
    found = model.run(**{**given, "signal": np.asarray(given["signal"], np.float32)}, taps=[t for t in model.taps if t in taps])
    errors = {"logits": _error(found.logits, logits.numpy())}
    whole = torch.sigmoid(logits) if model.task == "multilabel" else logits.softmax(-1)
    errors["probabilities"] = _error(found.probabilities, whole.numpy())
    for name, value in found.taps.items():
        errors[name] = _error(value, taps[name].numpy())
    made = Comparison(errors, TOLERANCE[model.precision] if tolerance is None else tolerance)
    if check and not made.passed:
        raise AssertionError(f"{model.name} differs from the module:\n{made}")
    return made


def _call(module: Any, signal: Any, features: dict[str, Any], taps: dict[str, Any]) -> Any:
    parameters = inspect.signature(module.forward).parameters
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    more = {"taps": taps} if "taps" in parameters else {}
    if len(positional) - ("taps" in parameters) >= 2:
        return module(signal, features, **more)
    if features:
        names = ", ".join(features)
        raise InputError(f"module: expected one that takes the features {names}, found one argument; say forward=")
    return module(signal, **more)


def _error(found: npt.NDArray[Any], reference: npt.NDArray[Any]) -> float:
    """`max|y - ref| / max(1, max|ref|)`; infinite where one is not finite, or the shapes differ."""
    if found.shape != reference.shape or not (np.isfinite(found).all() and np.isfinite(reference).all()):
        return float("inf")
    return float(np.abs(found - reference).max() / max(1.0, float(np.abs(reference).max())))


__all__ = ["TOLERANCE", "Comparison", "compare", "random_inputs"]
