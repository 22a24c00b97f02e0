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


def aucs(truth: np.ndarray, logits: np.ndarray) -> list[float]:
    return [auc(truth[:, c], logits[:, c]) for c in range(truth.shape[1])]


NAME = {"cinc2017": "F1 (N, A, O)", "ptbxl": "macro-AUC"}


def score(task: str, truth: np.ndarray, logits: np.ndarray) -> float:
    """The figure that a task is judged by."""
    if task == "cinc2017":
        return challenge(truth, logits.argmax(1))
    return float(np.mean(aucs(truth, logits)))


def line(task: str, truth: np.ndarray, logits: np.ndarray) -> str:
    if task == "cinc2017":
        classes, each = cinc2017.CLASSES, f1(truth, logits.argmax(1), len(cinc2017.CLASSES))
    else:
        classes, each = ptbxl.CLASSES, aucs(truth, logits)
    names = " ".join(f"{c} {x:.3f}" for c, x in zip(classes, each))
    return f"{NAME[task]} {score(task, truth, logits):.4f}: {names}"
