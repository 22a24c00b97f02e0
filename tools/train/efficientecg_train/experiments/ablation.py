"""What fusion is worth: each model without it, with its tokens concatenated instead of attended from, with one feature, with all.

    python -m efficientecg_train.experiments.ablation cinc2017 FOLDER --fold 0 --rhythm F.npz --seeds 0 1 2
    python -m efficientecg_train.experiments.ablation mitbih FOLDER --fold 1

Prints a Markdown table: the held-out fold's score (of MIT-BIH the mean F1 of S and V), mean and spread over the seeds.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from .. import beats
from ..datasets import mitbih
from ..evaluate import metrics, record_metrics
from ..network import EfficientECG
from ..train import mitbih as train
from ..train import records as train_records


class Concatenated(EfficientECG):
    """The tokens go straight beside the mean into the classifier: no attention. Not a network of the file format."""

    def decide(self, h, features=None, taps=None):
        tokens = self.fusion.tokens(len(h), features or {})
        summary = torch.cat([h.mean(-1), tokens.flatten(1)], 1)
        if self.training and self.dropout > 0:
            summary = torch.nn.functional.dropout(summary, self.dropout)
        return self.classifier(summary)


def variants(names: list[str]):
    """(what, network, features): one row of the table each."""
    yield "no fusion", EfficientECG, []
    yield "concatenated: " + ", ".join(names), Concatenated, names
    if len(names) > 1:
        for name in names:
            yield f"cross-attention: {name}", EfficientECG, [name]
    yield "cross-attention: " + ", ".join(names), EfficientECG, names


class Records:
    """A fold of CinC 2017 or PTB-XL."""

    epochs = 20

    def __init__(self, task: str, folder: str, fold: int, rhythm: str | None):
        data, folds = train_records.read(task, folder, rhythm)
        self.task, self.measure = task, record_metrics.NAME[task]
        self.features = train_records.available(task, rhythm)
        self.test, self.rest = data.subset(np.flatnonzero(folds == fold)), data.subset(np.flatnonzero(folds != fold))

    def score(self, network, names: list[str], epochs: int, seed: int) -> float:
        module = network(train_records.configuration(self.task, names))
        module = train_records.fit(module, self.rest, epochs=epochs, seed=seed, crop=train_records.CROP[self.task])
        logits = train_records.predict(module, self.test).numpy()
        return record_metrics.score(self.task, self.test.labels.numpy(), logits)


class Beats:
    """A fold of the patients of MIT-BIH's DS1."""

    features = ["age", "sex", "rhythm"]
    measure = "mean F1 of S and V"
    epochs = 7

    def __init__(self, folder: str, fold: int):
        records = [mitbih.read(folder, r) for r in mitbih.TRAIN if r not in mitbih.FOLDS[fold]]
        self.test = beats.gather([mitbih.read(folder, r) for r in mitbih.FOLDS[fold]])
        self.real, self.made = beats.gather(records), beats.gather(train.simulations(records, 0))

    def score(self, network, names: list[str], epochs: int, seed: int) -> float:
        configuration = train.configuration()
        kept = [f for f in configuration["fusion"]["features"] if f["name"] in names]
        configuration["fusion"] = configuration["fusion"] | {"features": kept} if kept else None
        module = train.fit(network(configuration), self.real, self.made, epochs=epochs, seed=seed)
        logits = train.predict(module, self.test, configuration["samples"])
        each = metrics.per_class(metrics.confusion(self.test.labels, logits.argmax(1)))
        return float(np.mean([each[mitbih.CLASSES.index(c)][2] for c in "SV"]))


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.experiments.ablation", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["mitbih", "cinc2017", "ptbxl"])
    parser.add_argument("folder", help="the data set as its distributor publishes it")
    parser.add_argument("--fold", type=int, required=True)
    parser.add_argument("--rhythm", metavar="F.npz", help="rows from `efficientecg features`")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="default 20, of beats 7")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    data = Beats(args.folder, args.fold) if args.task == "mitbih" else Records(args.task, args.folder, args.fold, args.rhythm)
    epochs = args.epochs or data.epochs
    print(f"| {args.task}, fold {args.fold}, {epochs} epochs | {data.measure} | seeds |\n| --- | ---: | ---: |", flush=True)
    for what, network, names in variants(data.features):
        scores = []
        for seed in args.seeds:
            torch.manual_seed(seed)
            scores.append(data.score(network, names, epochs, seed))
            print(f"{what}: seed {seed}: {scores[-1]:.4f}", file=sys.stderr, flush=True)
        each = ", ".join(f"{s:.3f}" for s in scores)
        spread = np.std(scores, ddof=1) if len(scores) > 1 else 0.0
        print(f"| {what} | {np.mean(scores):.4f} ± {spread:.4f} | {each} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
