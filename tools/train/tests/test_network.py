"""The module against the file format: names, shapes, lengths, missing values, padding."""

import numpy as np
import pytest
import torch

from efficientecg_train import config as cfg
from efficientecg_train import export
from efficientecg_train.export import conformance
from efficientecg_train.network import EfficientECG


def small(**more):
    age, sex = cfg.age_sex()
    fusion = {"dim": 6, "heads": 3, "features": [
        age, sex, {"name": "rhythm", "kind": "sequence", "inputs": 4, "hidden": 5}]}
    return cfg.make("small", ["MLII", "V1"], 360, 64, list("NSVFQ"), stem=(8, 5, 2),
                    stages_=[(1, 3, 1, 7, 1), (6, 5, 3, 9, 2)], head=11, fusion=fusion, **more)


def bn(name, c):
    return {f"{name}.bn.{k}": (c,) for k in ("weight", "bias", "running_mean", "running_var")}


def test_names_and_shapes_are_the_file_format():
    want = {"stem.conv.weight": (8, 2, 5), **bn("stem", 8)}
    for i, (c_in, c, expand, k) in enumerate([(8, 7, 1, 3), (7, 9, 6, 5), (9, 9, 6, 5)]):
        e, r = c_in * expand, max(1, int(c_in * 0.25))
        p = f"blocks.{i}"
        if expand != 1:
            want |= {f"{p}.expand.conv.weight": (e, c_in, 1), **bn(f"{p}.expand", e)}
        want |= {
            f"{p}.depthwise.conv.weight": (e, 1, k), **bn(f"{p}.depthwise", e),
            f"{p}.se.reduce.weight": (r, e), f"{p}.se.reduce.bias": (r,),
            f"{p}.se.expand.weight": (e, r), f"{p}.se.expand.bias": (e,),
            f"{p}.project.conv.weight": (c, e, 1), **bn(f"{p}.project", c),
        }
    want |= {"head.conv.weight": (11, 9, 1), **bn("head", 11)}
    f = "fusion.features"
    want |= {f"{f}.age.{k}": (6,) for k in ("weight", "bias", "missing")}
    want |= {
        f"{f}.sex.embedding": (3, 6),
        f"{f}.rhythm.lstm.weight_ih_l0": (20, 4), f"{f}.rhythm.lstm.weight_hh_l0": (20, 5),
        f"{f}.rhythm.lstm.bias_ih_l0": (20,), f"{f}.rhythm.lstm.bias_hh_l0": (20,),
        f"{f}.rhythm.proj.weight": (6, 5), f"{f}.rhythm.proj.bias": (6,),
        f"{f}.rhythm.missing": (6,),
    }
    for n in ("norm_q", "norm_out"):
        want |= {f"fusion.{n}.weight": (6,), f"fusion.{n}.bias": (6,)}
    for n, shape in (("q", (6, 6)), ("out", (6, 6)), ("k", (6, 11)), ("v", (6, 11))):
        want |= {f"fusion.{n}.weight": shape, f"fusion.{n}.bias": (6,)}
    want |= {"classifier.weight": (5, 11 + 18), "classifier.bias": (5,)}
    assert {k: a.shape for k, a in export.arrays(EfficientECG(small())).items()} == want


@pytest.mark.parametrize("length", [1, 2, 3, 64, 65])
def test_taps_have_the_stated_lengths(length):
    taps = {}
    EfficientECG(small()).eval()(torch.randn(2, 2, length), {}, taps)
    t = (length + 4 - 5) // 2 + 1
    u = (t + 4 - 5) // 3 + 1
    shapes = {k: tuple(v.shape) for k, v in taps.items()}
    assert shapes == {"stem": (2, 8, t), "blocks.0": (2, 7, t), "blocks.1": (2, 9, u),
                      "blocks.2": (2, 9, u), "head": (2, 11, u), "tokens": (2, 3, 6),
                      "attention": (2, 3, 6)}


def test_missing_values_take_the_learned_vectors_and_padding_is_never_read():
    module = EfficientECG(small()).double().eval()
    rows = torch.randn(3, 4, 4, dtype=torch.float64)
    rows[1, 2:] = float("nan")
    rows[2] = float("nan")
    tokens = module.fusion.tokens(3, {
        "age": torch.tensor([60.0, float("nan"), 80.0]), "sex": torch.tensor([0, -1, 1]),
        "rhythm": rows, "rhythm_steps": torch.tensor([4, 2, 0])})
    f = module.fusion.features
    whole = module.fusion.tokens(1, {"rhythm": rows[1:2, :2]})
    assert torch.isfinite(tokens).all()
    assert torch.equal(tokens[0, 0], f["age"].bias)
    assert torch.equal(tokens[1, 0], f["age"].missing)
    assert torch.equal(tokens[:, 1], f["sex"].embedding[[0, 2, 1]])
    assert torch.allclose(tokens[1, 2], whole[0, 2], rtol=0, atol=1e-14)
    assert torch.equal(tokens[2, 2], f["rhythm"].missing)


def test_b0_costs_what_the_format_states():
    twelve = [f"L{i}" for i in range(12)]
    fusion = {"dim": 64, "heads": 4, "features": cfg.age_sex()}
    config = cfg.b0("b0", twelve, 500, 5000, list("abcde"), fusion=fusion)
    assert round(cfg.multiply_adds(config) / 1e9, 3) == 0.668


@pytest.mark.parametrize("name", ["w.npz", "w"])
@pytest.mark.parametrize("how", [{}, {"byteorder": ">", "fortran": True, "counters": True}])
def test_a_weight_file_gives_the_same_network_back(tmp_path, name, how):
    module = EfficientECG(small()).eval()
    export.save(tmp_path / name, module, "f4", **how)
    back = export.load(tmp_path / name)
    x = torch.randn(2, 2, 64)
    assert back.config == module.config
    assert torch.equal(back(x), module(x))


def test_conformance_cases_are_finite_and_repeatable(tmp_path):
    for d in "ab":
        conformance.main([str(tmp_path / d), "--count", "5", "--seed", "3"])
    for p in sorted((tmp_path / "a").glob("*.ref.npz")):
        with np.load(p) as a, np.load(tmp_path / "b" / p.name) as b:
            assert "logits" in a.files and "tap.head" in a.files
            for k in a.files:
                assert np.array_equal(a[k], b[k], equal_nan=True)
