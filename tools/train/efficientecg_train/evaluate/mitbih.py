"""Tests a weight file on DS2, at the beat positions of the reference annotations, in f64.

    python -m efficientecg_train.evaluate.mitbih RECORDS W.npz [--predictions OUT.npz] [--ablate]

Prints Markdown: confusion matrix (rows the reference), sensitivity, PPV and F1 of each class,
accuracy. OUT.npz gets `record`, `sample`, `reference`, `found` and `logits` for each beat; an OUT
that ends in .csv gets the same as text, one that ends in .txt a line a record: its name, and the
letter of each beat's class.
"""

from __future__ import annotations

import argparse
import csv
import sys

import numpy as np
import torch

from .. import beats, export
from ..datasets import mitbih
from ..train.mitbih import predict
from . import metrics


def write(path: str, data: beats.Beats, logits: np.ndarray) -> None:
    names, sample = np.array(data.names)[data.record], data.sample.numpy()
    reference, found = data.labels.numpy(), logits.argmax(1)
    if path.endswith(".txt"):
        letters = np.array(mitbih.CLASSES)[found]
        with open(path, "w", encoding="ascii") as f:
            f.write("# The class of every beat of DS2, a line a record: made by\n")
            f.write("# python -m efficientecg_train.evaluate.mitbih RECORDS W.npz --predictions THIS.txt\n")
            for name in data.names:
                f.write(f"{name} {''.join(letters[names == name])}\n")
        return
    if not path.endswith(".csv"):
        np.savez_compressed(path, record=names, sample=sample, reference=reference, found=found,
                            logits=logits, classes=np.array(mitbih.CLASSES))
        return
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["record", "sample", "reference", "found", *mitbih.CLASSES])
        for name, at, a, b, row in zip(names, sample, reference, found, logits):
            out.writerow([name, at, mitbih.CLASSES[a], mitbih.CLASSES[b], *map(repr, row.tolist())])


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.evaluate.mitbih", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", help="folder with MIT-BIH's .hea, .dat and .atr files")
    parser.add_argument("weights")
    parser.add_argument("--predictions", metavar="OUT", help="write every beat to .npz, .csv or .txt")
    parser.add_argument("--ablate", action="store_true", help="also with features missing")
    parser.add_argument("--per-record", action="store_true", help="also each record's figures")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    module = export.load(args.weights, torch.float64)
    samples = module.config["samples"]
    data = beats.gather([mitbih.read(args.records, r) for r in mitbih.DS2])
    logits = predict(module, data, samples, torch.float64).numpy()
    if not np.isfinite(logits).all():
        raise AssertionError("logits are not finite")
    found = logits.argmax(1)
    matrix = metrics.confusion(data.labels, found)
    print(metrics.table(matrix))
    print(f"\nOverall accuracy {100 * metrics.accuracy(matrix):.2f} % of {matrix.sum()} beats.")
    if args.per_record:
        for i, name in enumerate(data.names):
            mine = (data.record == i).numpy()
            print(name, metrics.confusion(data.labels[mine], found[mine])[:4, :4].tolist())
    if args.predictions:
        write(args.predictions, data, logits)
    if args.ablate:
        names = [f["name"] for f in module.config["fusion"]["features"]]
        print("\n| missing | V F1 | S F1 | accuracy % |\n| --- | ---: | ---: | ---: |")
        for hide in [[], *([n] for n in names), names]:
            hidden = predict(module, data, samples, torch.float64, hide=hide).argmax(1)
            m = metrics.confusion(data.labels, hidden)
            f1 = [row[2] for row in metrics.per_class(m)]
            print(f"| {', '.join(hide) or 'nothing'} | {f1[2]:.4f} | {f1[1]:.4f} | "
                  f"{100 * metrics.accuracy(m):.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
