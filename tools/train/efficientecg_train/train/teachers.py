"""The teachers of `beats` and `beats-1lead`: they read rows alone, and the network learns the mean of their probabilities.

Half of that mean is of LSTMs, half of gradient-boosted trees (LightGBM; Ke and others, NeurIPS 2017), or all of it of LSTMs. They read
the rows of the beat and of the beats before and after. The first half of the LSTMs know only records whose beats were annotated. They
are asked, too, which beats of fibrillation look ventricular: nobody has annotated those, so no other teacher gets them, nor does the
network.
"""

from __future__ import annotations

from collections.abc import Callable

import lightgbm
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..datasets import mitbih
from .draw import noisy_rows, order, swapped_columns, swaps
from .mitbih import Average
from .prepare_beats import FIBRILLATING, SIMULATED
from .prepared_beats import Prepared

Answer = Callable[[Tensor], Tensor]  # of the indices of beats `[n]`, probabilities `[n, classes]`

VENTRICULAR = 0.3  # probability of V and F together above which a beat of fibrillation is left out
EXAMPLES = 150_000  # beats that the trees are fitted to
TREES = {
    "objective": "multiclass", "num_class": len(mitbih.CLASSES), "num_leaves": 15, "learning_rate": 0.05, "feature_fraction": 0.3,
    "min_data_in_leaf": 100, "lambda_l2": 10, "bagging_fraction": 0.6, "bagging_freq": 1, "deterministic": True, "force_row_wise": True,
    "verbosity": -1,
}


class Rows(nn.Module):
    """An LSTM over the three rows."""

    def __init__(self, inputs: int, hidden: int = 64):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(mitbih.CLASSES))

    def forward(self, rows: Tensor) -> Tensor:
        return self.out(F.dropout(self.lstm(rows)[0][:, -1], 0.25, self.training))


def lstm(data: Prepared, chosen: Tensor, *, seed: int, steps: int, size=512, rate=6e-3) -> Answer:
    """Trained on the `chosen` beats."""
    torch.manual_seed(seed)
    module = Rows(data.rows.shape[1])
    optimizer = torch.optim.AdamW(module.parameters(), rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.2)
    average = Average(module, 0.99)
    for step, index in enumerate(order(data, chosen, steps * size).split(size)):
        rows = noisy_rows(data, index, swaps(data, len(index)))
        loss = F.cross_entropy(module(rows), data.labels[index], label_smoothing=0.02)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        average.update(module, step)

    @torch.no_grad()
    def answer(index: Tensor) -> Tensor:
        return torch.cat([average.module(data.stacked(part)).softmax(-1) for part in index.split(4096)])

    return answer


def trees(data: Prepared, chosen: Tensor, *, seed: int, rounds: int, examples=EXAMPLES, threads=1) -> Answer:
    """Fitted to `examples` draws of the `chosen` beats. Of two leads the answer is the mean of both orders of them."""
    torch.manual_seed(seed)
    drawn = order(data, chosen, examples)
    rows = noisy_rows(data, drawn, swaps(data, examples)).flatten(1).numpy()
    parameters = {**TREES, "seed": seed, "num_threads": threads}
    model = lightgbm.train(parameters, lightgbm.Dataset(rows, data.labels[drawn].numpy()), rounds)

    def answer(index: Tensor) -> Tensor:
        rows = data.stacked(index)
        orders = [rows, rows[..., swapped_columns()]] if data.leads == 2 else [rows]
        return torch.from_numpy(np.mean([model.predict(x.flatten(1).numpy(), num_threads=threads) for x in orders], 0)).float()

    return answer


def mean(answers: list[Answer]) -> Answer:
    return lambda index: torch.stack([answer(index) for answer in answers]).mean(0)


def learn(data: Prepared, chosen: Tensor, *, seed: int, lstms: int, steps: int, rounds: int, examples=EXAMPLES,
          threads=1) -> tuple[Answer, Tensor]:
    """The teachers' answer (of no trees where there are no `rounds`), and the `chosen` beats without those of fibrillation that look ventricular."""
    annotated = chosen & (data.kind <= SIMULATED)
    seeds = range(1000 * seed, 1000 * seed + lstms)
    first = [lstm(data, annotated, seed=s, steps=steps) for s in seeds[: (lstms + 1) // 2]]
    fibrillating = (chosen & (data.kind == FIBRILLATING)).nonzero()[:, 0]
    chosen = chosen.clone()
    if len(fibrillating):
        chosen[fibrillating[mean(first)(fibrillating)[:, 2:4].sum(1) > VENTRICULAR]] = False
    second = [lstm(data, chosen, seed=s, steps=steps) for s in seeds[len(first) :]]
    answer = mean(first + second)
    if rounds:
        answer = mean([answer, trees(data, chosen, seed=seed, rounds=rounds, examples=examples, threads=threads)])
    return answer, chosen
