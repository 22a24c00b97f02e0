"""Figures of classifiers of whole records: CinC 2017's F1, PTB-XL's macro-AUC."""

from __future__ import annotations

import numpy as np

from .datasets import cinc2017, ptbxl


def f1(truth, found, classes: int) -> np.ndarray:
    """Each class's F1; 0 where undefined."""
    matrix = np.bincount(np.asarray(truth) * classes + np.asarray(found), minlength=classes**2)
    matrix = matrix.reshape(classes, classes)
    return 2 * np.diag(matrix) / np.maximum(matrix.sum(0) + matrix.sum(1), 1)


def challenge(truth, found) -> float:
    """CinC 2017's score: the mean F1 of N, A and O."""
    return float(f1(truth, found, len(cinc2017.CLASSES))[:3].mean())


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve (Mann-Whitney, ties count half); NaN where one class is absent."""
    values, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    positive = truth > 0.5
    n, m = positive.sum(), (~positive).sum()
    if n == 0 or m == 0:
        return float("nan")
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


def line(task: str, truth: np.ndarray, logits: np.ndarray) -> str:
    if task == "cinc2017":
        each = f1(truth, logits.argmax(1), len(cinc2017.CLASSES))
        names = " ".join(f"{c} {x:.3f}" for c, x in zip(cinc2017.CLASSES, each))
        return f"F1 {each[:3].mean():.4f} ({names})"
    each = [auc(truth[:, c], logits[:, c]) for c in range(len(ptbxl.CLASSES))]
    names = " ".join(f"{c} {x:.3f}" for c, x in zip(ptbxl.CLASSES, each))
    return f"AUC {np.mean(each):.4f} ({names})"
