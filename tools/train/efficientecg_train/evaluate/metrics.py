"""Confusion matrices of beats and what is read off them, by the engine's package."""

from __future__ import annotations

import numpy as np
from efficientecg import evaluate

from ..datasets.mitbih import CLASSES


def confusion(truth, found) -> np.ndarray:
    """Counts, rows the reference class, columns the class found."""
    return evaluate.classes(np.asarray(truth), np.asarray(found), CLASSES).matrix


def _score(matrix: np.ndarray) -> evaluate.ClassScore:
    """Of the cases that a matrix counts."""
    truth, found = (np.repeat(places.ravel(), matrix.ravel()) for places in np.indices(matrix.shape))
    return evaluate.classes(truth, found, CLASSES)


def per_class(matrix: np.ndarray) -> list[tuple[float, float, float]]:
    """(sensitivity, positive predictive value, F1) of each class; 0 where undefined."""
    figures = _score(matrix).classes.values()
    return [tuple(of[name] or 0.0 for name in ("sensitivity", "predictivity", "f1")) for of in figures]


def accuracy(matrix: np.ndarray) -> float:
    return _score(matrix).accuracy or 0.0


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
