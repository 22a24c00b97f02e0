"""PyTorch on the GPU, eager, compiled and as a CUDA graph, in f32 without TF32 and in f16: JSON on standard output.

    PYTHONPATH=tools/train python benches/gpu/peers.py --batches 1,8 target/gpu/networks/b0-2x720
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

from efficientecg_train import export

SECONDS = 0.5


def timed(run, sync) -> float:
    """The median of runs for SECONDS, at least five, in seconds; three runs before them are not counted."""
    for _ in range(3):
        run()
    sync()
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        sync()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def graph(module, inputs):
    """A run of the module as a CUDA graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            module(*inputs)
    torch.cuda.current_stream().wait_stream(stream)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        module(*inputs)
    return captured.replay


def inputs_of(module, batch: int, device: str, dtype):
    """A signal, and age and sex of every record."""
    config = module.config
    torch.manual_seed(1)
    signal = torch.randn(batch, len(config["leads"]), config["samples"], device=device, dtype=dtype)
    features = {
        "age": torch.full((batch,), 60.0, device=device, dtype=dtype),
        "sex": torch.zeros(batch, device=device, dtype=torch.long),
    }
    return signal, features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", default="1")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("networks", nargs="+", help="files of weights without their .npz")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    cuda = args.device == "cuda"
    sync = torch.cuda.synchronize if cuda else (lambda: None)
    rows = []
    for name in args.networks:
        for precision, dtype in [("f32", torch.float32), ("f16", torch.float16)] if cuda else [("f32", torch.float32)]:
            module = export.load(f"{name}.npz", torch.float32).eval().to(args.device, dtype)
            kinds = {"eager": lambda m, i: lambda: m(*i)}
            if hasattr(torch, "compile"):
                compiled = torch.compile(module)
                kinds["compile"] = lambda m, i, c=compiled: lambda: c(*i)
            if cuda:
                kinds["graph"] = graph
            for batch in map(int, args.batches.split(",")):
                inputs = inputs_of(module, batch, args.device, dtype)
                for kind, make in kinds.items():
                    try:
                        with torch.inference_mode():
                            seconds = timed(make(module, inputs), sync)
                    except Exception as error:  # a peer that fails is a row of the table
                        print(f"{name} {precision} {batch} {kind}: {error}", file=sys.stderr)
                        seconds = None
                    rows.append({"network": Path(name).name, "precision": precision, "batch": batch, "kind": kind, "seconds": seconds})
    json.dump({"torch": torch.__version__, "rows": rows}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
