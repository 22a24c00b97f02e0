"""Tests a classifier of whole records in f64, and writes what the engine is held against.

    python -m efficientecg_train.evaluate.records cinc2017 FOLDER W.npz --rhythm F.npz --fold 0 --predictions P.csv

`P.csv` (`record,class,...` with a probability a class) and `R.csv` (`--reference`) are what `efficientecg evaluate records`
reads. `--inputs X.npz` are the records' inputs and logits for `efficientecg verify`, one file a length.
"""

from __future__ import annotations

import argparse
import csv
import sys

import numpy as np
import torch

from .. import export
from ..recordings import Recordings
from ..train.records import predict, read
from . import calibrate
from . import record_metrics as metrics


def write_predictions(path: str, data: Recordings, classes: list[str], probabilities: np.ndarray) -> None:
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["record", "class", *classes])
        for name, row in zip(data.names, probabilities):
            out.writerow([name, classes[row.argmax()], *(f"{p:.7g}" for p in row)])


def write_reference(path: str, data: Recordings, classes: list[str]) -> None:
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        if data.labels.ndim == 1:
            out.writerows([name, classes[c]] for name, c in zip(data.names, data.labels.tolist()))
            return
        out.writerow(["record", *classes])
        out.writerows([name, *(int(x) for x in row)] for name, row in zip(data.names, data.labels.tolist()))


def write_inputs(path: str, data: Recordings, logits: np.ndarray) -> int:
    """References for `verify`, a file for each length of records; how many."""
    stem, files = path.removesuffix(".npz"), 0
    for index in data.by_length(len(data)):
        f = {k: v.numpy() for k, v in data.features(index).items()}
        f = {k: v.astype("i8") if k == "sex" or k.endswith("_steps") else v.astype("f4") for k, v in f.items()}
        np.savez(f"{stem}-{files}.npz", signal=data.whole(index).numpy(), logits=logits[index.numpy()], **f)
        files += 1
    return files


def write_golden(path: str, module, data: Recordings, every: int) -> None:
    """Logits of every so many records, one a line, age and sex being missing: they are not in the records' files."""
    some = data.subset(range(0, len(data), every))
    logits = predict(module, some, hide=("age", "sex"), dtype=torch.float64).tolist()
    with open(path, "w") as f:
        f.write(f"# {module.config['name']} by PyTorch in f64, without age and sex: record, logits of "
                f"{' '.join(module.config['classes'])}\n")
        f.writelines(" ".join([name, *(f"{x:.5f}" for x in row)]) + "\n" for name, row in zip(some.names, logits))


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.evaluate.records", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["cinc2017", "ptbxl"])
    parser.add_argument("folder")
    parser.add_argument("weights")
    parser.add_argument("--rhythm", metavar="F.npz", help="rows from `efficientecg features`")
    parser.add_argument("--fold", type=int, help="this fold alone; default all records")
    parser.add_argument("--predictions", metavar="P.csv")
    parser.add_argument("--reference", metavar="R.csv")
    parser.add_argument("--inputs", metavar="X.npz")
    parser.add_argument("--golden", metavar="G.txt", help="what the engine's test compares with")
    parser.add_argument("--every", type=int, default=1, help="records of the golden: one of so many")
    parser.add_argument("--ablate", action="store_true", help="also with features missing")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    module = export.load(args.weights, torch.float64)
    data, fold = read(args.task, args.folder, args.rhythm)
    if args.fold is not None:
        data = data.subset(np.flatnonzero(fold == args.fold))
    logits = predict(module, data, dtype=torch.float64)
    if not torch.isfinite(logits).all():
        raise AssertionError("logits are not finite")
    probabilities, truth = module.probabilities(logits).numpy(), data.labels.numpy()
    print(f"{len(data)} records, {metrics.line(args.task, truth, logits.numpy())}, "
          f"expected calibration error {100 * calibrate.error(truth, probabilities):.2f} %")
    if args.predictions:
        write_predictions(args.predictions, data, module.config["classes"], probabilities)
    if args.reference:
        write_reference(args.reference, data, module.config["classes"])
    if args.golden:
        write_golden(args.golden, module, data, args.every)
    if args.inputs:
        known = {f["name"] for f in module.config.get("fusion", {}).get("features", [])}
        some = data if "rhythm" in known else data.without_rhythm()
        print(f"{write_inputs(args.inputs, some, logits.numpy())} files of inputs")
    if args.ablate and module.fusion is not None:
        names = list(module.fusion.features)
        print(f"\n| missing | {metrics.NAME[args.task]} |\n| --- | ---: |")
        for hide in [[], *([n] for n in names), names]:
            figure = metrics.score(args.task, truth, predict(module, data, hide=hide, dtype=torch.float64).numpy())
            print(f"| {', '.join(hide) or 'nothing'} | {figure:.4f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
