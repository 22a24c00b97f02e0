"""What fusion is worth: each model without it, with its tokens concatenated instead of attended from, with one feature, with all.

    python -m efficientecg_train.ablation cinc2017 FOLDER --fold 0 --rhythm F.npz --seeds 0 1 2

Prints a Markdown table: the held-out fold's score, mean and spread over the seeds.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from . import record_metrics as metrics
from .network import EfficientECG
from .train_records import CROP, available, configuration, fit, predict, read


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


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.ablation", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["cinc2017", "ptbxl"])
    parser.add_argument("folder")
    parser.add_argument("--fold", type=int, required=True)
    parser.add_argument("--rhythm", metavar="F.npz")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    data, fold = read(args.task, args.folder, args.rhythm)
    test, mine = data.subset(np.flatnonzero(fold == args.fold)), data.subset(np.flatnonzero(fold != args.fold))
    print(f"| {args.task}, fold {args.fold}, {args.epochs} epochs | {metrics.NAME[args.task]} | seeds |\n| --- | ---: | ---: |")
    for what, network, names in variants(available(args.task, args.rhythm)):
        scores = []
        for seed in args.seeds:
            torch.manual_seed(seed)
            module = network(configuration(args.task, names))
            module = fit(module, mine, epochs=args.epochs, seed=seed, crop=CROP[args.task])
            scores.append(metrics.score(args.task, test.labels.numpy(), predict(module, test).numpy()))
            print(f"{what}: seed {seed}: {scores[-1]:.4f}", file=sys.stderr, flush=True)
        each = ", ".join(f"{s:.3f}" for s in scores)
        spread = np.std(scores, ddof=1) if len(scores) > 1 else 0.0
        print(f"| {what} | {np.mean(scores):.4f} ± {spread:.4f} | {each} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
