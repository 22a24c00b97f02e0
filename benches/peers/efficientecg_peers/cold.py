"""Cold start and peak memory: a process that loads a network and runs one record, again and again."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np

from .contest import Failure, Runtime, limit, worst_error


def measure(prefix: str, runtime: Runtime, launcher: str, program: str, times: int, scratch: str) -> dict:
    """Medians of `times` starts on one thread, files in the page cache: `start_ms` from process start to its end,
    `load_ms` loading and the first run in a process that has its libraries, `peak_mb`, `before_mb` before the load.
    The engine is the `efficientecg` program itself. Its results go to a file in a start of their own: peers write none,
    and to wait until a file is on the disk is no part of a start."""
    if runtime.peer:
        command = [*runtime.command, prefix, *runtime.more, "--threads", "1", "--cold"]
    else:
        command = [program, "run", "--weights", prefix + ".npz", "--input", prefix + ".in1.npz", "--backend", "cpu",
                   "--threads", "1", *runtime.more, "--output"]
        subprocess.run([*command, scratch], capture_output=True, check=False)
        command.append(os.devnull)
    done = subprocess.run([launcher, str(times + 1), *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{runtime.key}: cold start failed: {done.stderr.strip().splitlines()[-1:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines()][1:]
    if runtime.peer:
        said = [json.loads(r["output"].splitlines()[-1]) for r in rows]
        logits = said[-1]["logits"]
    else:
        said = []
        with np.load(scratch) as z:
            logits = z["logits"]
    error = worst_error(logits, np.load(prefix + ".logits.npy")[:1])
    if not error <= limit(runtime):
        raise Failure(f"{runtime.key}: logits of a cold start are wrong: error {error:.2g}")

    def median(values):
        return float(np.median(list(values)))

    out = {"start_ms": median(r["ms"] for r in rows), "peak_mb": median(r["peak_mb"] for r in rows)}
    for key in ("load_ms", "before_mb"):
        if said and key in said[0]:
            out[key] = median(s[key] for s in said)
    return out
