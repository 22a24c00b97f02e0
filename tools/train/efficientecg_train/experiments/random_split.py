"""The beat classifier's network with the beats of all 48 records split at random: the kind of figure that many papers give.

    python -m efficientecg_train.experiments.random_split RECORDS

Beats of one patient are in both parts, so it says how well a network fits, not how it does on a new patient. A fifth of the
beats is tested on, once, after the last epoch; nothing is chosen on it.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

from .. import beats, export
from ..datasets import mitbih
from ..evaluate import metrics
from ..network import EfficientECG
from ..train.augment import uniform
from ..train.mitbih import Average, configuration, predict

TESTED = 0.2
SHIFT = 6  # samples, either way


def windows(data: beats.Beats, index: torch.Tensor, samples: int) -> torch.Tensor:
    """Windows shifted, their gains changed, with a little noise."""
    shift = torch.randint(-SHIFT, SHIFT + 1, (len(index), 1))
    at = data.center[index, None] + shift + torch.arange(samples) - samples // 2
    x = data.signal[:, at].transpose(0, 1)
    return x * torch.exp(0.1 * torch.randn(len(x), 2, 1)) + uniform(len(x), 0.0, 0.05, 2, 1) * torch.randn_like(x)


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.experiments.random_split", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", help="folder with MIT-BIH's .hea, .dat and .atr files")
    parser.add_argument("--output", help="weight file to write (.npz)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    data = beats.gather([mitbih.read(args.records, r) for r in mitbih.ALL])
    order = torch.from_numpy(np.random.default_rng(args.seed).permutation(len(data)))
    test, mine = order[: int(TESTED * len(data))], order[int(TESTED * len(data)) :]
    module = EfficientECG(configuration())
    samples = module.config["samples"]
    module.dropout = 0.1
    optimizer = torch.optim.AdamW(module.parameters(), args.rate, weight_decay=0.02)
    steps = args.epochs * (len(mine) // args.size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=steps, pct_start=0.1)
    average, step = Average(module, 0.998), 0
    encode = torch.compile(module.encode)
    module.train()
    for epoch in range(args.epochs):
        total, start = 0.0, time.monotonic()
        shuffled = mine[torch.randperm(len(mine))][: len(mine) // args.size * args.size]
        for index in shuffled.split(args.size):
            f = data.features(index)
            f["rhythm"] = f["rhythm"] + 0.05 * torch.randn_like(f["rhythm"])
            loss = F.cross_entropy(module.decide(encode(windows(data, index, samples)), f), data.labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
            optimizer.step()
            schedule.step()
            average.update(module, step)
            step += 1
            total += loss.item()
        print(f"epoch {epoch + 1}/{args.epochs} loss {total * args.size / len(shuffled):.4f} "
              f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    tested = torch.zeros(len(data), dtype=torch.bool)
    tested[test] = True
    found = predict(average.module, data, samples).argmax(1)
    matrix = metrics.confusion(data.labels[tested], found[tested])
    print(metrics.table(matrix))
    print(f"\nAccuracy {100 * metrics.accuracy(matrix):.2f} % of {matrix.sum()} beats split at random.")
    if args.output:
        export.save(args.output, average.module, "f2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
