"""Draws prepared beats for training batches: by kind, class and record, with leads swapped and noise on the rows."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import beats
from .prepare_beats import DISTURBED, FIBRILLATING, REAL, SHORT, SIMULATED
from .prepared_beats import Prepared

# Share of each class in training batches, and of each kind of record.
SHARE = [0.70, 0.14, 0.15, 0.007, 0.003]
MIX = {REAL: 0.4, DISTURBED: 0.16, SIMULATED: 0.24, FIBRILLATING: 0.05, SHORT: 0.15}
NOISE = 0.25  # standard deviation of what is added to each number of a row


def weights(data: Prepared, chosen: Tensor) -> Tensor:
    """`[n]` sampling weights: kinds by `MIX`, classes within each by `SHARE`, every record alike within a class."""
    out = torch.zeros(len(data))
    for kind, part in MIX.items():
        of_kind = torch.zeros(len(data))
        for c, share in enumerate(SHARE):
            mine = chosen & (data.kind == kind) & (data.labels == c)
            if mine.any():
                count = torch.bincount(data.record[mine], minlength=len(data.names)).float()
                of_kind[mine] = 1 / count[data.record[mine]]
                of_kind[mine] *= share / of_kind[mine].sum()
        out += part * of_kind / of_kind.sum().clamp(min=1e-9)
    return out


def order(data: Prepared, chosen: Tensor, count: int) -> Tensor:
    """So many of the `chosen` beats, drawn by `weights`."""
    places = chosen.nonzero()[:, 0]
    return places[torch.multinomial(weights(data, chosen)[places], count, replacement=True)]


def swapped_columns() -> list[int]:
    """The columns of a row of two leads as they are when the leads change places."""
    # R-R figures and shapes of both leads; of one lead; without surroundings.
    shared, per, base = beats.FIGURES + beats.SHARED_SHAPES, beats.SHAPES, beats.row_inputs(2)
    end = shared + 2 * per
    columns = [*range(shared), *range(shared + per, end), *range(shared, shared + per), *range(end, base - 2)]
    return [*columns, base - 1, base - 2, *range(base, base + beats.SURROUNDINGS)]


def swaps(data: Prepared, count: int) -> Tensor:
    """`[count]`: whether a beat's leads change places, which half do; of one lead none."""
    return torch.rand(count) < (0.5 if data.leads == 2 else 0.0)


def noisy_rows(data: Prepared, index: Tensor, swap: Tensor) -> Tensor:
    """`[B, 3, inputs]`, with `NOISE`, of beats whose leads change places where `swap` says so."""
    rows = data.stacked(index)
    if data.leads == 2:
        rows = torch.where(swap[:, None, None], rows[..., swapped_columns()], rows)
    return rows + NOISE * torch.randn_like(rows)
