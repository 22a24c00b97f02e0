"""Confusion matrices and what is read off them."""

from __future__ import annotations

import numpy as np

from .datasets.mitbih import CLASSES


def confusion(truth, found) -> np.ndarray:
    """Counts, rows the reference class, columns the class found."""
    n = len(CLASSES)
    return np.bincount(np.asarray(truth) * n + np.asarray(found), minlength=n * n).reshape(n, n)


def per_class(matrix: np.ndarray) -> list[tuple[float, float, float]]:
    """(sensitivity, positive predictive value, F1) of each class; 0 where undefined."""
    hit = np.diag(matrix).astype(float)
    se = hit / np.maximum(matrix.sum(1), 1)
    ppv = hit / np.maximum(matrix.sum(0), 1)
    f1 = 2 * hit / np.maximum(matrix.sum(0) + matrix.sum(1), 1)
    return list(zip(se, ppv, f1))


def accuracy(matrix: np.ndarray) -> float:
    return float(np.trace(matrix) / max(matrix.sum(), 1))


def table(matrix: np.ndarray) -> str:
    """Markdown: the confusion matrix with each class's figures."""
    lines = ["| reference | " + " | ".join(CLASSES) + " | Se % | PPV % | F1 |",
             "| --- |" + " ---: |" * (len(CLASSES) + 3)]
    for name, row, (se, ppv, f1) in zip(CLASSES, matrix, per_class(matrix)):
        counts = " | ".join(str(c) for c in row)
        lines.append(f"| {name} | {counts} | {100 * se:.2f} | {100 * ppv:.2f} | {f1:.4f} |")
    return "\n".join(lines)


def line(matrix: np.ndarray) -> str:
    figures = per_class(matrix)
    f1 = " ".join(f"{c} {figures[i][2]:.3f}" for i, c in enumerate(CLASSES[:4]))
    return f"F1 {f1} accuracy {100 * accuracy(matrix):.2f} %"
