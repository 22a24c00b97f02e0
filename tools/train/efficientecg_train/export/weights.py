"""Weight files: `state_dict()` plus configuration as an `.npz`, or a folder of `.npy` files."""

from __future__ import annotations

import json
import os

import numpy as np
import torch

from ..network import EfficientECG

COUNTER = ".num_batches_tracked"


def arrays(module: EfficientECG, dtype="f4", *, byteorder="<", fortran=False,
           counters=False) -> dict[str, np.ndarray]:
    """The module's arrays by name, converted; `counters` keeps the 0-d `num_batches_tracked`."""
    out = {}
    for name, tensor in module.state_dict().items():
        if name.endswith(COUNTER):
            if counters:
                out[name] = tensor.cpu().numpy()
            continue
        a = tensor.detach().cpu().numpy().astype(byteorder + dtype)
        if not np.isfinite(a).all():
            raise ValueError(f"{name}: not finite as {dtype}")
        out[name] = np.asfortranarray(a) if fortran else np.ascontiguousarray(a)
    return out


def save(path, module: EfficientECG, dtype="f4", *, deflate=True, **how) -> None:
    """Writes one `.npz`, or a folder when `path` has no `.npz` ending (`how` as in `arrays`)."""
    path = os.fspath(path)
    out = arrays(module, dtype, **how)
    text = json.dumps(module.config, indent=1)
    if path.endswith(".npz"):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        out["config"] = np.frombuffer(text.encode(), np.uint8)
        (np.savez_compressed if deflate else np.savez)(path, **out)
        return
    os.makedirs(path, exist_ok=True)
    for name, a in out.items():
        np.save(os.path.join(path, name + ".npy"), a)
    with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as f:
        f.write(text + "\n")


def load(path, dtype=torch.float32) -> EfficientECG:
    """The module of a weight file, in evaluation mode."""
    path = os.fspath(path)
    if path.endswith(".npz"):
        with np.load(path) as z:
            found = {name: z[name] for name in z.files}
        config = json.loads(found.pop("config").tobytes())
    else:
        with open(os.path.join(path, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        found = {n[:-4]: np.load(os.path.join(path, n))
                 for n in sorted(os.listdir(path)) if n.endswith(".npy")}
    module = EfficientECG(config).to(dtype)
    state = {name: torch.from_numpy(np.array(a, "f8", order="C")).to(dtype)
             for name, a in found.items() if not name.endswith(COUNTER)}
    missing, unknown = module.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith(COUNTER)]
    if missing or unknown:
        raise ValueError(f"{path}: missing {missing}, unknown {unknown}")
    return module.eval()
