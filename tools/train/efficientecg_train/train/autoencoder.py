"""Teaches the rhythm feature's LSTM to keep a record's beats in its last state: an autoencoder of rhythm rows.

A second LSTM reads nothing but that state, at every step, and gives the rows back in reverse order (Srivastava, Mansimov and
Salakhutdinov, ICML 2015: unsupervised learning of representations with LSTMs). The encoder is SPEC's `sequence` feature.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn


class Decoder(nn.Module):
    """Rows `[B, S, inputs]`, last first, of a state `[B, hidden]`."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(hidden, 2 * hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, inputs)

    def forward(self, state: Tensor, steps: int) -> Tensor:
        return self.out(self.lstm(state[:, None].expand(-1, steps, -1))[0])


def last_state(lstm: nn.LSTM, rows: Tensor, steps: Tensor) -> Tensor:
    """The state after each record's last row, `[B, hidden]`."""
    return lstm(rows)[0][torch.arange(len(rows)), steps - 1]


def reversed_rows(rows: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    """Each record's rows last first, and which of them there are, `[B, S]`."""
    at = steps[:, None] - 1 - torch.arange(rows.shape[1])
    there = at >= 0
    return rows.gather(1, at.clamp(min=0)[..., None].expand(-1, -1, rows.shape[2])), there


def fit(lstm: nn.LSTM, rows: Tensor, steps: Tensor, *, epochs=20, size=128, rate=4e-3, longest=60, seed=0) -> float:
    """Trains `lstm` on stretches of at most `longest` rows; the last epoch's mean squared error over the rows' variance."""
    torch.manual_seed(seed)
    decoder = Decoder(lstm.input_size, lstm.hidden_size)
    parameters = [*lstm.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, rate)
    some = torch.nonzero(steps > 0)[:, 0]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(some) // size))
    error = float("nan")
    for epoch in range(epochs):
        lost = spread = 0.0
        for index in some[torch.randperm(len(some))].split(size):
            # A stretch from a random place on, so that long records are seen whole in time.
            n = steps[index].clamp(max=longest)
            first = (torch.rand(len(index)) * (steps[index] - n + 1)).long()
            at = (first[:, None] + torch.arange(int(n.max()))).clamp(max=rows.shape[1] - 1)
            x = rows[index[:, None], at]
            want, there = reversed_rows(x, n)
            made = decoder(last_state(lstm, x, n), x.shape[1])
            loss = (made - want).square()[there].mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            lost += loss.item()
            spread += want[there].var(0, correction=0).mean().item()
        error = lost / spread
        print(f"autoencoder epoch {epoch + 1}/{epochs} unexplained {error:.3f}", file=sys.stderr, flush=True)
    return error
