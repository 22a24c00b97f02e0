"""Temperature scaling (Guo, Pleiss, Sun and Weinberger, ICML 2017), folded into the classifier: a weight file has no room for it.

    python -m efficientecg_train.calibrate W.npz OUT.npz HELD.npz...

`HELD.npz` are the logits of held-out records that `train_records --fold` wrote; the temperature is chosen on all of them.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
from torch.nn import functional as F

from . import export
from .network import EfficientECG

BINS = 15


def error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error over 15 bins of equal width: of the most probable class, or the mean of the labels'."""
    if truth.ndim == 2:
        each = [binned(probabilities[:, c], truth[:, c] > 0.5) for c in range(truth.shape[1])]
        return float(np.mean(each))
    return binned(probabilities.max(1), probabilities.argmax(1) == truth)


def binned(sure: np.ndarray, right: np.ndarray) -> float:
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, sure - right, BINS)
    return float(np.abs(gaps).sum() / len(sure))


def temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The temperature of the least loss, among 1/4 to 4 in steps of 1 %."""
    def loss(t):
        if labels.ndim == 1:
            return F.cross_entropy(logits / t, labels).item()
        return F.binary_cross_entropy_with_logits(logits / t, labels).item()

    return min(np.exp(np.arange(-138, 139) / 100), key=loss)


@torch.no_grad()
def fold(module: EfficientECG, t: float) -> None:
    """Divides the module's logits by `t`: no class changes."""
    module.classifier.weight /= t
    module.classifier.bias /= t


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.calibrate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("output")
    parser.add_argument("held", nargs="+")
    args = parser.parse_args(argv)
    parts = [np.load(path) for path in args.held]
    logits = torch.from_numpy(np.concatenate([p["logits"] for p in parts])).double()
    labels = torch.from_numpy(np.concatenate([p["labels"] for p in parts]))
    labels = labels if labels.ndim == 1 else labels.double()
    module = export.load(args.weights, torch.float64)
    t = temperature(logits, labels)
    before, after = (error(labels.numpy(), module.probabilities(x).numpy()) for x in (logits, logits / t))
    print(f"temperature {t:.3f}: expected calibration error {100 * before:.2f} to {100 * after:.2f} %, {len(labels)} records")
    fold(module, t)
    export.save(args.output, module, "f2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
