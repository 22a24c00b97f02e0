"""The networks that are measured: fixed random weights, age and sex fused, and inputs for them."""

from __future__ import annotations

import argparse
import os

import numpy as np
import torch

from efficientecg_train import config as cfg
from efficientecg_train import export
from efficientecg_train.export import conformance
from efficientecg_train.network import EfficientECG

from . import onnx_file, tflite_file

RECORDS = 32
TWELVE = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]


def _fusion() -> dict:
    return {"dim": 64, "heads": 4, "features": cfg.age_sex()}


def configs() -> dict[str, dict]:
    """The configurations by name."""
    diagnoses = ["NORM", "MI", "STTC", "CD", "HYP"]
    more = {"task": "multilabel", "fusion": _fusion()}
    return {
        "b0-12x5000": cfg.b0("b0", TWELVE, 500, 5000, diagnoses, **more),
        "lite-12x5000": cfg.lite("lite", TWELVE, 500, 5000, diagnoses, **more),
        "b0-2x720": cfg.b0("b0-beats", ["MLII", "V1"], 360, 720, list("NSVFQ"), fusion=_fusion()),
    }


def tiny() -> dict:
    """Every kind of layer, odd lengths and a stride that leaves a remainder, in a few kilobytes."""
    fusion = {"dim": 8, "heads": 2, "features": cfg.age_sex()}
    return cfg.make("tiny", ["MLII", "V1"], 360, 75, list("NSV"), stem=(8, 3, 2),
                    stages_=[(1, 3, 1, 8, 1), (6, 5, 2, 12, 2), (6, 3, 3, 16, 1)], head=24,
                    fusion=fusion)


def make(config: dict, records: int, seed: int = 1) -> tuple[EfficientECG, dict[str, np.ndarray]]:
    """The module in f64 with weights rounded to f32, and its inputs: `signal [B, leads, T]` as f4,
    `age [B]` as f4, `sex [B]` as i4, all present."""
    rng = np.random.default_rng(seed)
    shape = (records, len(config["leads"]), config["samples"])
    inputs = {
        "signal": rng.normal(0, 1, shape).astype("f4"),
        "age": rng.uniform(20, 90, records).round().astype("f4"),
        "sex": rng.integers(0, 2, records).astype("i4"),
    }
    module = EfficientECG(config).double().eval()
    conformance.randomize(module, rng, inputs["signal"][:2])
    return module.float().double(), inputs


def write(folder: str, name: str, config: dict, batches, records: int = RECORDS) -> None:
    """`NAME.npz` for the engine, `NAME.bN.onnx` and `NAME.bN.tflite` for each batch size; the inputs in `NAME.in.npz`,
    the first record's in `NAME.in1.npz`, the same for the Rust workers in `.bin`; the module's logits in f64 in
    `NAME.logits.npy`."""
    module, inputs = make(config, records)

    def path(ending):
        return os.path.join(folder, f"{name}.{ending}")

    # Stored, as the peers’ files are.
    export.save(path("npz"), module, "f4", deflate=False)
    for ending, n in (("in", records), ("in1", 1)):
        some = {k: v[:n] for k, v in inputs.items()}
        np.savez(path(f"{ending}.npz"), **some)
        with open(path(f"{ending}.bin"), "wb") as f:
            f.write(np.array(some["signal"].shape, "<u4").tobytes())
            f.writelines(v.tobytes() for v in some.values())
    for batch in batches:
        onnx_file.save(path(f"b{batch}.onnx"), module, batch)
        tflite_file.save(path(f"b{batch}.tflite"), module, batch)
    # Last: a folder that was left half written has no logits.
    np.save(path("logits.npy"), conformance.reference(module, inputs)["logits"])


def complete(folder: str, name: str, batches) -> bool:
    """Whether the files of a network are there."""
    wanted = [f"b{b}.{kind}" for b in batches for kind in ("onnx", "tflite")] + ["logits.npy"]
    return all(os.path.exists(os.path.join(folder, f"{name}.{e}")) for e in wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the files of networks where they are missing.")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="+", choices=configs())
    parser.add_argument("--batch", type=int, action="append", default=[])
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(args.folder, exist_ok=True)
    for name in args.names:
        if not complete(args.folder, name, args.batch):
            write(args.folder, name, configs()[name], args.batch)


if __name__ == "__main__":
    main()
