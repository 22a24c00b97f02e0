"""Temperature scaling (Guo, Pleiss, Sun and Weinberger, ICML 2017), folded into the classifier: a weight file has no room for it.

    python -m efficientecg_train.evaluate.calibrate W.npz OUT.npz HELD.npz...

`HELD.npz` are the logits of held-out records that `train.records --fold` wrote; the temperature is chosen on all of them. With
`--offsets` a number is added to each class's logit first, as training drew rare classes more often than they come;
`--choose-offsets` finds them: those of the best CinC 2017 score, for each file by the others, and for all.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
from torch.nn import functional as F

from .. import export
from ..network import EfficientECG
from . import record_metrics as metrics

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


def offsets(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Offsets of the best CinC 2017 score, class by class in steps of 0.1, and that score."""
    best = np.zeros(logits.shape[1])
    score = metrics.challenge(labels, logits.argmax(1))
    for _ in range(3):
        for c in range(1, logits.shape[1]):
            for x in np.arange(-15, 16) / 10:
                other = best.copy()
                other[c] = x
                found = metrics.challenge(labels, (logits + other).argmax(1))
                if found > score + 1e-9:
                    best, score = other, found
    return best, score


def choose(held: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Prints what offsets are worth on records that they were not chosen on."""
    def joined(names):
        parts = [held[name] for name in names]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    for name, (logits, labels) in held.items():
        by = offsets(*joined([n for n in held if n != name]))[0]
        plain, with_them = (metrics.challenge(labels, (logits + o).argmax(1)) for o in (0, by))
        print(f"{name}: {plain:.4f}, with the others' offsets {by} {with_them:.4f}")
    print(f"offsets of all: {offsets(*joined(held))[0]}")


@torch.no_grad()
def fold(module: EfficientECG, t: float, add=None) -> None:
    """Adds to the module's logits, then divides them by `t`, which changes no class."""
    if add is not None:
        module.classifier.bias += torch.tensor(add, dtype=module.classifier.bias.dtype)
    module.classifier.weight /= t
    module.classifier.bias /= t


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.evaluate.calibrate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("output")
    parser.add_argument("held", nargs="+")
    parser.add_argument("--offsets", type=float, nargs="+", help="one a class, after the other arguments")
    parser.add_argument("--choose-offsets", action="store_true")
    args = parser.parse_args(argv)
    held = {}
    for path in args.held:
        with np.load(path) as z:
            held[path] = (z["logits"].astype(np.float64), z["labels"])
    if args.choose_offsets:
        choose(held)
    logits = torch.from_numpy(np.concatenate([x for x, _ in held.values()]))
    labels = torch.from_numpy(np.concatenate([y for _, y in held.values()]))
    labels = labels if labels.ndim == 1 else labels.double()
    module = export.load(args.weights, torch.float64)
    moved = logits + (torch.tensor(args.offsets).double() if args.offsets else 0)
    t = temperature(moved, labels)
    before, after = (error(labels.numpy(), module.probabilities(x).numpy()) for x in (logits, moved / t))
    print(f"temperature {t:.3f}: expected calibration error {100 * before:.2f} to {100 * after:.2f} %, {len(labels)} records")
    fold(module, t, args.offsets)
    export.save(args.output, module, "f2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
