"""Trains the classifiers of whole records: rhythm (CinC 2017) and diagnoses (PTB-XL).

    python -m efficientecg_train.train.records cinc2017 FOLDER --fold 0 --output W.npz
    python -m efficientecg_train.train.records ptbxl FOLDER --fold 9 --output W.npz

`--fold` is held out and tested on; without it all records at hand are trained on. `--rhythm F.npz` are the rows that
`efficientecg features` wrote. `--init` goes on from a weight file: some last epochs of crops as long as the records are worth much.
A run that was stopped goes on from its `--output`'s `.checkpoint`. A GPU is used where there is one, with products in bf16.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import config, export
from ..datasets import cinc2017, ptbxl
from ..evaluate import record_metrics as metrics
from ..network import EfficientECG
from ..recordings import Recordings
from . import augment_records as augment
from . import autoencoder
from .mitbih import Average

ROWS = 10  # columns of a record's rhythm row
CROP = {"cinc2017": 4500, "ptbxl": 2500}  # samples of a training crop


def configuration(task: str, features: list[str]) -> dict:
    known = {f["name"]: f for f in config.age_sex()}
    known["rhythm"] = {"name": "rhythm", "kind": "sequence", "inputs": ROWS, "hidden": 32}
    fusion = {"dim": 32, "heads": 4, "features": [known[name] for name in features]} if features else None
    if task == "cinc2017":
        return config.make(
            "cinc2017-rhythm", cinc2017.LEADS, cinc2017.RATE, 9000, cinc2017.CLASSES, stem=(16, 15, 3),
            stages_=[(1, 7, 2, 16, 1), (4, 7, 2, 24, 2), (4, 7, 2, 40, 2), (4, 7, 2, 64, 2), (4, 5, 2, 96, 2)],
            head=256, fusion=fusion)
    return config.make(
        "ptbxl-8lead", ptbxl.LEADS, ptbxl.RATE, 5000, ptbxl.CLASSES, stem=(24, 15, 3), task="multilabel", normalize="median",
        stages_=[(1, 7, 2, 24, 1), (4, 7, 2, 32, 2), (4, 7, 2, 48, 2), (4, 7, 2, 72, 2), (4, 5, 2, 112, 1)],
        head=256, fusion=fusion)


def read(task: str, folder: str, rhythm: str | None) -> tuple[Recordings, np.ndarray]:
    """The data set with its rhythm rows, if any, and each record's fold."""
    if task == "cinc2017":
        data = cinc2017.read(folder)
        fold = cinc2017.folds(data)
    else:
        data, fold = ptbxl.read(folder)
    return (data.with_rhythm(rhythm) if rhythm else data), fold


def available(task: str, rhythm: str | None) -> list[str]:
    """The features that a data set has."""
    return (["age", "sex"] if task == "ptbxl" else []) + (["rhythm"] if rhythm else [])


def sampling(labels: Tensor) -> Tensor:
    """Sampling weights: the classes by the root of their count (one label a record), or all alike."""
    if labels.ndim > 1:
        return torch.ones(len(labels))
    count = torch.bincount(labels).float().clamp(min=1)
    return count[labels] ** -0.5


@torch.no_grad()
def predict(module, data: Recordings, batch=64, hide=(), dtype=torch.float32) -> Tensor:
    """Logits `[n, classes]`, every record at its own length; features named in `hide` are missing."""
    device = module.classifier.weight.device
    out = torch.empty(len(data), len(module.config["classes"]), dtype=dtype)
    for index in data.by_length(batch):
        f = {k: v for k, v in data.features(index).items() if k.removesuffix("_steps") not in hide}
        f = {k: v.to(dtype) if v.is_floating_point() else v for k, v in f.items()}
        out[index] = module(data.whole(index).to(device, dtype), {k: v.to(device) for k, v in f.items()}).cpu()
    return out


def loss_of(logits: Tensor, target: Tensor, multilabel: bool) -> Tensor:
    if multilabel:
        return F.binary_cross_entropy_with_logits(logits, target)
    return F.cross_entropy(logits, target, label_smoothing=0.05)


def fit(module, data: Recordings, *, epochs, seed, crop, size=64, rate=3e-3, decay=0.05, mixup=0.2, report=None,
        checkpoint=None):
    """Trains in place; returns the averaged module. `checkpoint` is a path to go on from and to write each epoch."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    device = module.classifier.weight.device
    multilabel = module.config["task"] == "multilabel"
    classes = len(module.config["classes"])
    hertz, millivolts = module.config["sample_rate"], module.config["normalize"] != "zscore"
    module.dropout = 0.3
    for block in module.blocks:
        block.drop_path = 0.1
    matrices = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}], rate)
    per_epoch = len(data) // size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * per_epoch, pct_start=0.15)
    average = Average(module, 0.997)
    weights = sampling(data.labels)
    targets = data.labels if multilabel else F.one_hot(data.labels, classes).float()
    first, state = 0, {"module": module, "average": average.module, "optimizer": optimizer, "schedule": schedule}
    if checkpoint and os.path.exists(checkpoint):
        saved = torch.load(checkpoint, map_location=device)
        first = saved.pop("epoch")
        for name, part in state.items():
            part.load_state_dict(saved[name])
    encode = torch.compile(module.encode)
    module.train()
    for epoch in range(first, epochs):
        total, start = 0.0, time.monotonic()
        order = torch.multinomial(weights, per_epoch * size, replacement=not multilabel)
        for step, index in enumerate(order.split(size)):
            x = augment.signal(augment.crops(data, index, crop), hertz, millivolts)
            f = augment.features(data.features(index))
            y = targets[index]
            if mixup and np.random.rand() < 0.5:
                x, y = augment.mixed(x, y, mixup)
            x, y, f = x.to(device), y.to(device), {k: v.to(device) for k, v in f.items()}
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = module.decide(encode(x), f)
            loss = loss_of(logits.float(), y, multilabel)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
            optimizer.step()
            schedule.step()
            average.update(module, epoch * per_epoch + step)
            total += loss.item()
            if sys.stderr.isatty():
                print(f"\repoch {epoch + 1}/{epochs}, {100 * (step + 1) // per_epoch} %", end="\r", file=sys.stderr)
        if report:
            report(epoch, total / per_epoch, time.monotonic() - start, average.module)
        if checkpoint:
            saved = {name: part.state_dict() for name, part in state.items()}
            torch.save(saved | {"epoch": epoch + 1}, checkpoint + ".new")
            os.replace(checkpoint + ".new", checkpoint)
    return average.module


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.train.records", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["cinc2017", "ptbxl"])
    parser.add_argument("folder", help="the data set as its distributor publishes it")
    parser.add_argument("--output", required=True, help="weight file to write (.npz)")
    parser.add_argument("--fold", type=int, help="hold this fold out (CinC 2017: 0 to 4; PTB-XL: 9)")
    parser.add_argument("--rhythm", metavar="F.npz", help="rows from `efficientecg features`")
    parser.add_argument("--features", default=None, help="comma-separated; default all that there are, `none` for none")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--crop", type=int, help="samples of a training crop")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--autoencoder", type=int, default=0, metavar="EPOCHS", help="of the rhythm's LSTM, beforehand")
    parser.add_argument("--mixup", type=float, default=0.2)
    parser.add_argument("--init", metavar="W.npz", help="weights to go on from; its features are taken")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    if args.init and (args.features is not None or args.autoencoder):
        parser.error("--init: its features are what they are; leave --features and --autoencoder out")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    data, fold = read(args.task, args.folder, args.rhythm)
    names = available(args.task, args.rhythm)
    if args.features is not None:
        names = [n for n in args.features.split(",") if n != "none"]
    held = np.flatnonzero(fold == args.fold) if args.fold is not None else np.array([], np.int64)
    test = data.subset(held) if len(held) else None
    mine = data.subset(np.setdiff1d(np.arange(len(data)), held))
    module = export.load(args.init) if args.init else EfficientECG(configuration(args.task, names))
    if args.autoencoder and "rhythm" in names:
        autoencoder.fit(module.fusion.features["rhythm"].lstm, mine.rhythm, mine.steps, epochs=args.autoencoder)

    def report(epoch, loss, seconds, averaged):
        text = f"epoch {epoch + 1}/{args.epochs} loss {loss:.4f} {seconds:.0f} s"
        last = epoch + 1 == args.epochs
        if test is not None and ((epoch + 1) % 5 == 0 or last):
            logits = predict(averaged, test).numpy()
            text += " held out: " + metrics.line(args.task, test.labels.numpy(), logits)
            if last:
                np.savez(args.output.removesuffix(".npz") + ".held.npz", logits=logits,
                         labels=test.labels.numpy(), record=np.array(test.names))
        print(text, file=sys.stderr, flush=True)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    averaged = fit(module.to(device), mine, epochs=args.epochs, seed=args.seed, rate=args.rate, mixup=args.mixup,
                   crop=args.crop or CROP[args.task], report=report, checkpoint=args.output + ".checkpoint")
    export.save(args.output, averaged, "f2")
    os.remove(args.output + ".checkpoint")
    return 0


if __name__ == "__main__":
    sys.exit(main())
