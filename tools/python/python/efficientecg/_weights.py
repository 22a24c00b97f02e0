"""Weight files: a PyTorch module's `state_dict()` and the network's configuration, in one `.npz`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from .errors import InputError

_COUNTER = ".num_batches_tracked"


def save_weights(
    file: str | os.PathLike[str] | IO[bytes],
    state: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    dtype: str = "float32",
) -> None:
    """Writes a weight file that `Model` loads: to a path, or to a file that is open for bytes.

    `state` holds arrays or tensors by the names of a PyTorch module's `state_dict()`, `config` is the configuration;
    `dtype` is `float16`, `float32` or `float64`.

    >>> import io
    >>> file = io.BytesIO()
    >>> save_weights(file, {"classifier.bias": np.zeros(2)}, {"format": "efficientecg/1"})
    >>> config, state = load_weights(io.BytesIO(file.getvalue()))
    >>> config["format"], state["classifier.bias"].dtype
    ('efficientecg/1', dtype('float32'))
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, value in state.items():
        if name.endswith(_COUNTER):
            continue
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        with np.errstate(over="ignore"):
            arrays[name] = np.ascontiguousarray(value, dtype)
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"{name}: expected finite values in {dtype}, found others; save in a wider type")
    arrays["config"] = np.frombuffer(json.dumps(dict(config)).encode(), np.uint8)
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_weights(
    file: str | os.PathLike[str] | IO[bytes],
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The configuration and the arrays by name of a weight file, as they are stored."""
    with np.load(file) as found:
        arrays = {name: found[name] for name in found.files}
    if "config" not in arrays:
        raise InputError("config: expected the network's configuration among the arrays, found none; give a weight file")
    return json.loads(arrays.pop("config").tobytes()), arrays
