"""One Python runtime in a process of its own, which works only when it is told to.

    python -m efficientecg_peers.worker RUNTIME PREFIX --batch B --threads N [--cold]

Answers each line on standard input with one line of JSON: `check` with the logits of the batch, `time N` with the
seconds of N runs. A batch is run in the form that is fastest here: in one call, record by record, or (with threads)
shared out record by record to runners of one thread each. `--cold` loads, runs one record and ends.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class OnnxRuntime:
    name, module = "ONNX Runtime", "onnxruntime"

    def __init__(self, prefix: str, batch: int, threads: int, precision: str):
        import onnxruntime as ort

        self.version = ort.__version__
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.session = ort.InferenceSession(f"{prefix}.b{batch}.onnx", options, providers=["CPUExecutionProvider"])

    @staticmethod
    def layout(signal):
        return np.ascontiguousarray(signal[:, :, None])

    def run(self, inputs):
        return self.session.run(None, inputs)[0]


class LiteRT:
    name, module = "LiteRT", "ai_edge_litert.interpreter"

    def __init__(self, prefix: str, batch: int, threads: int, precision: str):
        import ai_edge_litert
        from ai_edge_litert.interpreter import Interpreter

        self.version = getattr(ai_edge_litert, "__version__", "")
        self.interpreter = Interpreter(f"{prefix}.b{batch}.tflite", num_threads=threads)
        self.interpreter.allocate_tensors()
        self.inputs = {d["name"]: d["index"] for d in self.interpreter.get_input_details()}
        self.output = self.interpreter.get_output_details()[0]["index"]

    @staticmethod
    def layout(signal):
        return np.ascontiguousarray(signal.transpose(0, 2, 1)[:, None])

    def run(self, inputs):
        for name, value in inputs.items():
            self.interpreter.set_tensor(self.inputs[name], value)
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output)


class OpenVINO:
    name, module = "OpenVINO", "openvino"
    layout = OnnxRuntime.layout

    def __init__(self, prefix: str, batch: int, threads: int, precision: str):
        import openvino as ov

        self.version = ov.__version__.split("-")[0]
        how = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        if precision != "default":
            how["INFERENCE_PRECISION_HINT"] = precision
        self.model = ov.Core().compile_model(f"{prefix}.b{batch}.onnx", "CPU", how)
        self.request = self.model.create_infer_request()
        self.computes_in = str(self.model.get_property("INFERENCE_PRECISION_HINT").to_string())

    def run(self, inputs):
        return self.request.infer(inputs, share_inputs=True, share_outputs=True)[0]


RUNTIMES = {"ort": (OnnxRuntime, "f32"), "litert": (LiteRT, "f32"), "openvino": (OpenVINO, "f32"),
            "openvino-default": (OpenVINO, "default")}


class Forms:
    """The ways to run a batch, each made when first asked for."""

    def __init__(self, runtime, precision, prefix, batch, threads, inputs):
        self.make = lambda b, t: runtime(prefix, b, t, precision)
        self.batch, self.threads = batch, threads
        self.inputs = {k: v[:batch] for k, v in inputs.items()}
        self.records = [{k: v[i:i + 1] for k, v in inputs.items()} for i in range(batch)]

    def together(self):
        runner = self.make(self.batch, self.threads)
        return runner, lambda: np.array(runner.run(self.inputs))

    def one_by_one(self):
        runner = self.make(1, self.threads)
        return runner, lambda: np.concatenate([np.array(runner.run(r)) for r in self.records])

    def shared_out(self):
        runners = [self.make(1, 1) for _ in range(self.threads)]
        pool = ThreadPoolExecutor(self.threads)
        share = -(-self.batch // self.threads)

        def part(i):
            return [np.array(runners[i].run(r)) for r in self.records[i * share:(i + 1) * share]]

        return runners[0], lambda: np.concatenate(sum(pool.map(part, range(self.threads)), []))

    def names(self):
        if self.batch == 1:
            return ["together"]
        return ["together", "one_by_one"] + (["shared_out"] if self.threads > 1 else [])

    def best(self, wanted: str):
        """The fastest form by the best of three runs, after one to warm up."""
        best = None
        for name in [wanted] if wanted else self.names():
            runner, run = getattr(self, name)()
            run()
            took = min(timed(run, 3)) if len(self.names()) > 1 else 0.0
            if best is None or took < best[0]:
                best = took, name, runner, run
        return best[1:]


def timed(run, n: int) -> list[float]:
    out = []
    for _ in range(n):
        start = time.perf_counter()
        run()
        out.append(time.perf_counter() - start)
    return out


def memory_mb(field: str) -> float:
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field + ":")) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", choices=RUNTIMES)
    parser.add_argument("prefix")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--form", default="")
    parser.add_argument("--cold", action="store_true")
    args = parser.parse_args()
    # What a library prints on standard output must not pass for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    def answer(**what):
        print(json.dumps(what), file=answers, flush=True)

    runtime, precision = RUNTIMES[args.runtime]
    with np.load(f"{args.prefix}.in{1 if args.cold else ''}.npz") as z:
        inputs = {k: z[k] for k in z.files}
    inputs["signal"] = runtime.layout(inputs["signal"])
    if args.cold:
        importlib.import_module(runtime.module)
        before, start = memory_mb("VmHWM"), time.perf_counter()
        logits = runtime(args.prefix, 1, args.threads, precision).run(inputs)
        took = time.perf_counter() - start
        answer(load_ms=1e3 * took, before_mb=before, peak_mb=memory_mb("VmHWM"), logits=np.array(logits).tolist())
        return 0
    form, runner, run = Forms(runtime, precision, args.prefix, args.batch, args.threads, inputs).best(args.form)
    answer(name=runner.name, version=runner.version, form=form, precision=getattr(runner, "computes_in", "f32"))
    for line in sys.stdin:
        word, _, n = line.strip().partition(" ")
        if word == "check":
            answer(logits=run().tolist())
        else:
            answer(seconds=timed(run, int(n)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
