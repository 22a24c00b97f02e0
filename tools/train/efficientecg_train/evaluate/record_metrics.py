"""Figures of classifiers of whole records: CinC 2017's F1, PTB-XL's macro-AUC; by the engine's package."""

from __future__ import annotations

import numpy as np
from efficientecg import evaluate

from ..datasets import cinc2017, ptbxl


def f1(truth, found, names: list[str]) -> list[float]:
    """Each class's F1; 0 where undefined."""
    figures = evaluate.classes(np.asarray(truth), np.asarray(found), names).classes.values()
    return [of["f1"] or 0.0 for of in figures]


def challenge(truth, found) -> float:
    """CinC 2017's score: the mean F1 of N, A and O."""
    return float(np.mean(f1(truth, found, cinc2017.CLASSES)[:3]))


def aucs(truth: np.ndarray, logits: np.ndarray) -> list[float]:
    """Areas under the ROC curves; NaN where one class is absent."""
    return [float("nan") if area is None else area for area in evaluate.auc(truth, logits)[0]]


NAME = {"cinc2017": "F1 (N, A, O)", "ptbxl": "macro-AUC"}


def score(task: str, truth: np.ndarray, logits: np.ndarray) -> float:
    """The figure that a task is judged by."""
    if task == "cinc2017":
        return challenge(truth, logits.argmax(1))
    return float(np.mean(aucs(truth, logits)))


def line(task: str, truth: np.ndarray, logits: np.ndarray) -> str:
    if task == "cinc2017":
        classes, each = cinc2017.CLASSES, f1(truth, logits.argmax(1), cinc2017.CLASSES)
    else:
        classes, each = ptbxl.CLASSES, aucs(truth, logits)
    names = " ".join(f"{c} {x:.3f}" for c, x in zip(classes, each))
    return f"{NAME[task]} {score(task, truth, logits):.4f}: {names}"
