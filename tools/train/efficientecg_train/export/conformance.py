"""Random networks with reference results in f64, for checking an engine against this module.

    python -m efficientecg_train.export.conformance OUT_DIR [--count 28] [--seed 1] [--small]

Each configuration gives `NAME.npz` (or a folder `NAME`) with weights and `NAME.ref.npz` with the
inputs, `logits` and every `tap.*` in f64. The module runs on the weights as stored, after rounding
to the stored type. Another seed gives other shapes, weights and inputs over the same coverage.
`--small` keeps networks and signals small enough to be kept beside the code.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from .. import config as cfg
from ..network import ConvBN, EfficientECG
from . import weights as export


@dataclass(frozen=True)
class Sizes:
    """What the configurations draw from, apart from the tables below."""

    lengths: tuple
    long: int  # signals above take fewer channels, to keep their activations in bounds
    channels: tuple
    stages: tuple  # from, to, less one
    repeats: int
    head: tuple
    head_dim: tuple
    hidden: tuple
    dtypes: tuple
    folders: tuple  # of 7 configurations, those kept as folders
    batch: int
    taps: str


LARGE = Sizes(
    lengths=(720, 1, 2, 3, 5, 17, 100, 719, 5000, 60000, 31, 64, 257, 1000, 1, 33, 7, 300),
    long=20000,
    channels=(1, 3, 5, 7, 8, 13, 16, 17, 20, 24, 33, 40), stages=(2, 5), repeats=3,
    head=(1, 7, 17, 32, 65), head_dim=(1, 3, 5, 8), hidden=(1, 3, 16, 33),
    dtypes=("f4", "f2", "f8"), folders=(5,), batch=5, taps="f8")
# Half precision weights: the network is the one that they round to, so the results are as exact.
SMALL = Sizes(
    lengths=(517, 1, 2, 3, 5, 17, 30, 64, 129, 33, 31, 600, 7, 530, 37, 515, 1, 2, 3, 11, 90),
    long=500, channels=(1, 2, 3, 5, 8, 9), stages=(0, 2), repeats=2, head=(1, 7, 9, 17),
    head_dim=(1, 3), hidden=(1, 3, 8), dtypes=("f2",), folders=(), batch=4, taps="f4")
# Feature kinds of each configuration in turn: a(ge-like), s(ex-like), r(hythm-like).
FUSIONS = ["", "a", "s", "r", "asr", "rr", "sra", "aas", "", "r", "as", "ssr"]
EXPANDS = [1, 2, 3, 4, 6]
SE_RATIOS = [0.25, 0.01, 1.0, 0.5, 0.3333, 1.5, 0.1]
INTS = ["i1", "i2", "i4", "i8", "u1", "u4"]


def random_config(rng: np.random.Generator, i: int, sizes: Sizes = LARGE) -> tuple[dict, int]:
    """Configuration `i` and its input length; `i` walks the tables so that all are covered."""
    length = sizes.lengths[i % len(sizes.lengths)]
    long = length > sizes.long

    def pick(values):
        return values[int(rng.integers(len(values)))]

    def kernel():
        return 2 * int(rng.integers(0, 16)) + 1

    low, high = (1, 3) if long and sizes is LARGE else sizes.stages
    rows, n = [], 1 + int(rng.integers(low, high))
    for j in range(n):
        repeats = 1 + (i + j) % (2 if long else sizes.repeats)
        expand = EXPANDS[(i + 2 * j) % (3 if long else len(EXPANDS))]
        k = [1, 31][j % 2] if i % 9 == 4 else kernel()
        stride = 1 + (i + j) % 3
        width = pick(sizes.channels[:5] if long else sizes.channels)
        if rng.random() < 0.4 and rows:  # same width at stride 1: residual from the first block on
            stride, width = 1, rows[-1][3]
        rows.append((expand, k, stride, width, repeats))
    stem = (pick(sizes.channels[:6] if long else sizes.channels), kernel(), 1 + i % 3)

    features, used = [], FUSIONS[i % len(FUSIONS)]
    for j, letter in enumerate(used):
        base = {"a": "age", "s": "sex", "r": "rhythm"}[letter]
        name = base if used.index(letter) == j else f"{base}_{j}"
        if letter == "a":
            f = {"kind": "continuous", "offset": float(pick([60.0, 0.0, -3.5])),
                 "scale": float(pick([20.0, 1.0, -0.7]))}
        elif letter == "s":
            n_categories = pick([1, 2, 3, 9])
            f = {"kind": "categorical", "categories": [f"c{m}" for m in range(n_categories)]}
            if base == name and n_categories == 2:
                f["categories"] = ["female", "male"]
        else:
            f = {"kind": "sequence", "inputs": pick([1, 2, 4, 7]), "hidden": pick(sizes.hidden)}
        features.append({"name": name, **f})
    fusion = None
    if features:
        heads = 1 + (5 * i) % 8
        fusion = {"dim": heads * pick(sizes.head_dim), "heads": heads, "features": features}
    config = cfg.make(
        f"random-{i:02d}", [f"L{m}" for m in range(1 + (7 * i) % 15)],
        pick([100, 250, 360, 500]), length,
        [f"k{m}" for m in range(1 + (3 * i) % 7)],
        stem=stem, stages_=rows, head=pick(sizes.head),
        task=["multiclass", "multilabel"][i % 2], normalize=["zscore", "none"][i // 2 % 2],
        bn_eps=pick([1e-3, 1e-5, 1e-2]), se_ratio=SE_RATIOS[i % len(SE_RATIOS)], fusion=fusion,
    )
    return config, length


def randomize(module: EfficientECG, rng: np.random.Generator, signal: np.ndarray) -> None:
    """Fills every array; convolutions are scaled to unit output on `signal` at any depth."""
    def fill(t, values):
        with torch.no_grad():
            t.copy_(torch.from_numpy(np.asarray(values)).to(t.dtype))

    def normal(t, std):
        fill(t, rng.normal(0, std, tuple(t.shape)))

    for p in module.parameters():
        normal(p, 0.5)  # tokens, biases, missing vectors; the rest is overwritten below
    for m in module.modules():
        if isinstance(m, ConvBN):
            normal(m.conv.weight, m.conv.weight[0].numel() ** -0.5)
            c = m.bn.num_features
            fill(m.bn.weight, rng.uniform(0.6, 1.4, c) * rng.choice([-1, 1], c, p=[0.1, 0.9]))
            fill(m.bn.bias, rng.normal(0, 0.2, c))
            fill(m.bn.running_mean, rng.normal(0, 0.2, c))
            fill(m.bn.running_var, rng.uniform(0.5, 2.0, c))
        elif isinstance(m, (nn.Linear, nn.LSTM)):
            for p in m.parameters():
                normal(p, 1.0 / p.shape[-1] ** 0.5 if p.ndim == 2 else 0.3)
        elif isinstance(m, nn.LayerNorm):
            fill(m.weight, rng.uniform(0.6, 1.4, m.weight.shape))
            fill(m.bias, rng.normal(0, 0.2, m.bias.shape))

    def unit(m, args):
        rms = m.conv(args[0]).square().mean().sqrt()
        m.conv.weight /= rms.clamp(min=0.1)

    hooks = [m.register_forward_pre_hook(unit) for m in module.modules() if isinstance(m, ConvBN)]
    with torch.no_grad():
        module(torch.from_numpy(signal.astype("f8")))
    for hook in hooks:
        hook.remove()


def random_inputs(rng: np.random.Generator, config: dict, i: int, batch: int, length: int):
    """Signal and features by name; some values missing, some arrays absent, some rows padding."""
    x = rng.normal(0, 1, (batch, len(config["leads"]), length))
    out = {"signal": x.astype(["f4", "f4", "f8", "f2"][i % 4])}
    for j, f in enumerate((config.get("fusion") or {"features": []})["features"]):
        name, kind = f["name"], f["kind"]
        if j > 0 and (i + j) % 5 == 0:
            continue  # absent: missing for every record
        if kind == "continuous":
            a = f["offset"] + f["scale"] * rng.normal(0, 1, batch)
            a[rng.random(batch) < 0.3] = np.nan
            out[name] = a.astype(["f4", "f8", "f2"][i % 3])
        elif kind == "categorical":
            out[name] = rng.integers(-1, len(f["categories"]), batch).astype(INTS[i % 4])
        else:
            steps_max = int(rng.integers(1, 9))
            rows = rng.normal(0, 1, (batch, steps_max, f["inputs"])).astype(["f4", "f8"][i % 2])
            if (i + j) % 4 != 1:
                steps = rng.integers(0, steps_max + 1, batch)
                steps[0] = [steps_max, 0][i % 2]
                for b, s in enumerate(steps):
                    rows[b, s:] = np.nan if b % 2 else 1e30  # padding is never read
                out[f"{name}_steps"] = steps.astype(INTS[i % len(INTS)])
            out[name] = rows
    return out


def reference(module: EfficientECG, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Logits and taps in f64 for inputs in any stored type."""
    def tensor(a):
        return torch.from_numpy(a.astype("f8" if a.dtype.kind == "f" else "i8"))

    taps = {}
    with torch.no_grad():
        features = {k: tensor(v) for k, v in inputs.items() if k != "signal"}
        logits = module(tensor(inputs["signal"]), features, taps)
    out = {"logits": logits.numpy()}
    out.update({f"tap.{k}": v.contiguous().numpy() for k, v in taps.items()})
    for name, a in out.items():
        if not np.isfinite(a).all():
            raise AssertionError(f"{name}: not finite")
    return out


def write(out_dir: str, i: int, config: dict, inputs_of, seed, sizes: Sizes = LARGE) -> str:
    """One case: weights in the storage variant `i`, reloaded as stored, and their reference."""
    rng = np.random.default_rng(seed)
    module = EfficientECG(config).double().eval()
    inputs = inputs_of(rng)
    randomize(module, rng, inputs["signal"])
    dtype = sizes.dtypes[i % len(sizes.dtypes)]
    path = os.path.join(out_dir, config["name"] + ("" if i % 7 in sizes.folders else ".npz"))
    export.save(path, module, dtype, deflate=sizes is SMALL or i % 4 < 2,
                byteorder="<>"[i // 2 % 2], fortran=i // 3 % 2 == 1, counters=i % 5 == 2)
    results = reference(export.load(path, torch.float64), inputs)
    results = {k: v if k == "logits" else v.astype(sizes.taps) for k, v in results.items()}
    np.savez_compressed(os.path.join(out_dir, config["name"] + ".ref.npz"), **inputs, **results)
    scale = {k: float(np.abs(v).max()) for k, v in results.items()}
    return (f"{config['name']:12} {dtype} T={inputs['signal'].shape[-1]:<6} "
            f"B={inputs['signal'].shape[0]} blocks={len(module.blocks):<2} "
            f"|logits|={scale['logits']:.3g} largest tap {max(scale.values()):.3g}")


def named_cases() -> list[dict]:
    """The two shapes that the engine is measured on."""
    age, sex = cfg.age_sex()
    rhythm = {"name": "rhythm", "kind": "sequence", "inputs": 4, "hidden": 32}
    twelve = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    return [
        cfg.b0("b0", twelve, 500, 5000, ["NORM", "MI", "STTC", "CD", "HYP"], task="multilabel",
               fusion={"dim": 64, "heads": 4, "features": [age, sex]}),
        cfg.lite("lite", ["MLII", "V1"], 360, 720, list("NSVFQ"),
                 fusion={"dim": 64, "heads": 4, "features": [age, sex, rhythm]}),
    ]


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="efficientecg_train.export.conformance", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir")
    parser.add_argument("--count", type=int, default=28)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="networks of some kilobytes each")
    args = parser.parse_args(argv)
    os.makedirs(args.out_dir, exist_ok=True)
    torch.manual_seed(args.seed)
    sizes, named = (SMALL, []) if args.small else (LARGE, named_cases())
    for i in range(args.count):
        seed = [args.seed, i]
        if i >= args.count - len(named):
            config = named[i - args.count]
            length, batch = config["samples"], 2
        else:
            rng = np.random.default_rng([args.seed, i, 1])
            config, length = random_config(rng, i, sizes)
            batch = 1 if length > sizes.long else 1 + (i * 3) % sizes.batch
        inputs = partial(random_inputs, config=config, i=i, batch=batch, length=length)
        print(write(args.out_dir, i, config, inputs, seed, sizes), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
