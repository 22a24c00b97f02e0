"""Teachers of `beats`: they learn what they are shown, whichever lead comes first, and leave out what nobody has annotated."""

import numpy as np
import pytest
import torch

from efficientecg_train import beats
from efficientecg_train.train import draw, teachers
from efficientecg_train.train.prepare_beats import FIBRILLATING, REAL, SHORT
from efficientecg_train.train.prepared_beats import Prepared, neighbours

EARLY, WIDE = 0, beats.FIGURES  # an R-R figure, and a shape of both leads


def prepared(leads=2, count=1500):
    """Beats of class S have a low figure, those of class V a high shape; a third of the fibrillating ones look like V."""
    rng = np.random.default_rng(3)
    kind = np.repeat([REAL, SHORT, FIBRILLATING], count)
    looks = rng.choice(3, len(kind), p=[0.5, 0.25, 0.25])
    looks[((kind == SHORT) & (looks == 2)) | ((kind == FIBRILLATING) & (looks == 1))] = 0
    labels = np.where(kind == FIBRILLATING, 0, looks)
    rows = 0.1 * rng.standard_normal((len(kind) + 1, beats.wide_inputs(leads))).astype(np.float32)
    rows[:-1, EARLY] -= 3.0 * (looks == 1)
    rows[:-1, WIDE] += 3.0 * (looks == 2)
    record = np.arange(len(kind)) // 50
    data = Prepared(
        windows=torch.zeros(len(kind), 2, 4), beat=torch.arange(len(kind)), lead=torch.zeros(len(kind), dtype=torch.int64),
        rows=torch.from_numpy(rows), neighbours=torch.from_numpy(neighbours(record)), labels=torch.from_numpy(labels),
        record=torch.from_numpy(record), kind=torch.from_numpy(kind), fold=torch.zeros(record[-1] + 1, dtype=torch.int64),
        database=torch.zeros(record[-1] + 1, dtype=torch.int64), names=[str(i) for i in range(record[-1] + 1)], leads=leads)
    return data, torch.from_numpy(looks)


@pytest.mark.parametrize("leads", [1, 2])
def test_they_learn_and_leave_out_ventricular_beats(leads):
    data, looks = prepared(leads)
    every = torch.ones(len(data), dtype=torch.bool)
    answer, chosen = teachers.learn(data, every, seed=1, lstms=2, steps=120, rounds=150, examples=4000)
    annotated = data.kind != FIBRILLATING
    assert chosen[annotated].all()
    assert (chosen[~annotated] == (looks[~annotated] != 2)).float().mean() > 0.98
    p = answer(torch.arange(len(data)))
    assert torch.isfinite(p).all() and p.shape == (len(data), 5)
    torch.testing.assert_close(p.sum(1), torch.ones(len(data)))
    assert (p.argmax(1) == data.labels)[annotated].float().mean() > 0.98
    assert every.all()


def test_trees_answer_the_same_for_either_order_of_the_leads():
    data, _ = prepared()
    every = torch.ones(len(data), dtype=torch.bool)
    answer = teachers.trees(data, every, seed=1, rounds=20, examples=3000)
    index = torch.arange(len(data))
    first = answer(index)
    data.rows = data.rows[:, draw.swapped_columns()]
    torch.testing.assert_close(answer(index), first)
    torch.testing.assert_close(teachers.trees(prepared()[0], every, seed=1, rounds=20, examples=3000)(index), first)


def test_beats_are_drawn_by_kind_class_and_record():
    data, _ = prepared()
    chosen = data.labels < 2
    w = draw.weights(data, chosen)
    assert (w[~chosen] == 0).all() and (w[chosen] > 0).all()
    of = {kind: w[data.kind == kind].sum() for kind in (REAL, FIBRILLATING, SHORT)}
    for kind, weight in of.items():
        torch.testing.assert_close(weight, torch.tensor(draw.MIX[kind]))
    early = w[(data.kind == SHORT) & (data.labels == 1)].sum() / of[SHORT]
    torch.testing.assert_close(early, torch.tensor(draw.SHARE[1] / (draw.SHARE[0] + draw.SHARE[1])))
    mine = (data.kind == REAL) & (data.labels == 1)
    each = torch.zeros(len(data.names)).index_add(0, data.record[mine], w[mine])
    torch.testing.assert_close(each[each > 0], each.max().expand((each > 0).sum()))


def test_without_trees_the_answer_is_that_of_the_lstms():
    data, _ = prepared(leads=1, count=300)
    annotated = data.kind == REAL
    answer, chosen = teachers.learn(data, annotated, seed=1, lstms=3, steps=15, rounds=0)
    index = torch.arange(len(data))
    each = [teachers.lstm(data, annotated, seed=seed, steps=15)(index) for seed in (1000, 1001, 1002)]
    torch.testing.assert_close(answer(index), sum(each) / 3)
    assert not torch.allclose(each[0], each[1])
    assert torch.equal(chosen, annotated)
