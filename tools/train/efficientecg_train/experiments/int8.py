"""What int8 would do to a network's test figures: pointwise layers by fake quantisation, the rest as it is.

    python -m efficientecg_train.experiments.int8 mitbih RECORDS W.npz
    python -m efficientecg_train.experiments.int8 cinc2017 CINC W.npz --rhythm rows.npz --fold 0

Weights are rounded to 8 bits per output channel, symmetric (batch norm scales whole channels, so it changes nothing);
activations to 8 bits per record and layer, unsigned with a zero point, from the record's own least and largest value.
Sums are exact, as in the 32-bit sums of `vpdpbusd`. Prints the figures in f64, with weights alone rounded, with both.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
from torch import Tensor, nn

from .. import beats, export
from ..datasets import mitbih
from ..evaluate import metrics, record_metrics
from ..train import mitbih as train
from ..train import records as train_records


def rounded_weights(weight: Tensor) -> Tensor:
    """`[out, in, 1]`, each output channel in steps of its largest magnitude over 127."""
    step = weight.abs().amax((1, 2), keepdim=True).clamp(min=1e-30) / 127
    return (weight / step).round() * step


def rounded_activations(x: Tensor) -> Tensor:
    """`[B, channels, T]`, each record in 255 steps from its least to its largest value, one of which is 0."""
    low, high = x.amin((1, 2), keepdim=True).clamp(max=0), x.amax((1, 2), keepdim=True).clamp(min=0)
    step = ((high - low) / 255).clamp(min=1e-30)
    zero = (-low / step).round()
    return ((x / step).round() + zero).clamp(0, 255).sub(zero) * step


def pointwise(module: nn.Module) -> list[nn.Conv1d]:
    return [m for m in module.modules() if isinstance(m, nn.Conv1d) and m.kernel_size == (1,)]


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.experiments.int8", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["mitbih", "cinc2017", "ptbxl"])
    parser.add_argument("folder")
    parser.add_argument("weights")
    parser.add_argument("--rhythm", metavar="F.npz", help="rows from `efficientecg features`")
    parser.add_argument("--fold", type=int, help="this fold alone; default all records")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    module = export.load(args.weights, torch.float64)
    if args.task == "mitbih":
        data = beats.gather([mitbih.read(args.folder, r) for r in mitbih.DS2])

        def predict() -> np.ndarray:
            return train.predict(module, data, module.config["samples"], torch.float64).numpy()

        def line(logits: np.ndarray) -> str:
            matrix = metrics.confusion(data.labels, logits.argmax(1))
            figures = zip(mitbih.CLASSES, metrics.per_class(matrix))
            return " ".join(f"{c} {f1:.4f}" for c, (_, _, f1) in figures) + f", accuracy {metrics.accuracy(matrix):.4f}"
    else:
        data, fold = train_records.read(args.task, args.folder, args.rhythm)
        data = data if args.fold is None else data.subset(np.flatnonzero(fold == args.fold))

        def predict() -> np.ndarray:
            return train_records.predict(module, data, dtype=torch.float64).numpy()

        def line(logits: np.ndarray) -> str:
            return record_metrics.line(args.task, data.labels.numpy(), logits)

    exact = predict()
    print(f"f64: {line(exact)}", flush=True)
    for name in ["weights", "weights and activations"]:
        for conv in pointwise(module):
            if name == "weights":
                conv.weight.data = rounded_weights(conv.weight.data)
            else:
                conv.register_forward_pre_hook(lambda _, x: (rounded_activations(x[0]),))
        logits = predict()
        error = np.abs(logits - exact).max() / max(1, np.abs(exact).max())
        decide = (lambda x: x > 0) if module.config["task"] == "multilabel" else (lambda x: x.argmax(1))
        same = decide(logits) == decide(exact)
        print(f"{name} in int8: {line(logits)}; {(~same).sum()} of {same.size} decisions differ, "
              f"worst error {error:.1e}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
