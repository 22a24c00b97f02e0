"""Configurations of the network: the named tables and the unrolling of stages into blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

FORMAT = "efficientecg/1"

# (expand, kernel, stride, channels, repeats): EfficientNet-B0 (arXiv 1905.11946) in one dimension.
B0_STAGES = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]


@dataclass(frozen=True)
class Block:
    """One MBConv block after unrolling: `c_in -> c_out` through `expanded` channels."""

    c_in: int
    c_out: int
    expand: int
    kernel: int
    stride: int
    se: int

    @property
    def expanded(self) -> int:
        return self.c_in * self.expand

    @property
    def residual(self) -> bool:
        return self.stride == 1 and self.c_in == self.c_out


def blocks(config: dict) -> list[Block]:
    """The blocks in order; only the first of a stage has its stride and the previous width."""
    out, c_in = [], config["stem"]["channels"]
    for stage in config["stages"]:
        for i in range(stage["repeats"]):
            se = max(1, math.floor(c_in * float(config["se_ratio"])))
            out.append(
                Block(c_in, stage["channels"], stage["expand"], stage["kernel"],
                      stage["stride"] if i == 0 else 1, se)
            )
            c_in = stage["channels"]
    return out


def stages(rows) -> list[dict]:
    """Stage dictionaries from (expand, kernel, stride, channels, repeats) rows."""
    keys = ("expand", "kernel", "stride", "channels", "repeats")
    return [dict(zip(keys, row)) for row in rows]


def make(name, leads, sample_rate, samples, classes, *, stem, stages_, head, task="multiclass",
         normalize="zscore", bn_eps=1e-3, se_ratio=0.25, fusion=None) -> dict:
    """A configuration dictionary; `stem` is (channels, kernel, stride), `stages_` rows as above."""
    config = {
        "format": FORMAT,
        "name": name,
        "leads": list(leads),
        "sample_rate": sample_rate,
        "samples": samples,
        "normalize": normalize,
        "task": task,
        "classes": list(classes),
        "bn_eps": bn_eps,
        "se_ratio": se_ratio,
        "stem": dict(zip(("channels", "kernel", "stride"), stem)),
        "stages": stages(stages_),
        "head_channels": head,
    }
    if fusion is not None:
        config["fusion"] = fusion
    return config


def b0(name, leads, sample_rate, samples, classes, **more) -> dict:
    return make(name, leads, sample_rate, samples, classes,
                stem=(32, 3, 2), stages_=B0_STAGES, head=1280, **more)


def lite(name, leads, sample_rate, samples, classes, **more) -> dict:
    """`b0` with every channel count halved and a 256-channel head."""
    rows = [(e, k, s, c // 2, r) for e, k, s, c, r in B0_STAGES]
    return make(name, leads, sample_rate, samples, classes,
                stem=(16, 3, 2), stages_=rows, head=256, **more)


def age_sex() -> list[dict]:
    """The two patient features that MIT-BIH headers carry."""
    return [
        {"name": "age", "kind": "continuous", "offset": 60.0, "scale": 20.0},
        {"name": "sex", "kind": "categorical", "categories": ["female", "male"]},
    ]


def multiply_adds(config: dict, samples: int | None = None) -> int:
    """Multiply-adds of the convolutions, gates, fusion and classifier for one record."""
    def out_len(t, k, s):
        return (t + 2 * (k // 2) - k) // s + 1

    t = config["samples"] if samples is None else samples
    stem = config["stem"]
    t = out_len(t, stem["kernel"], stem["stride"])
    total = stem["channels"] * len(config["leads"]) * stem["kernel"] * t
    c = stem["channels"]
    for b in blocks(config):
        e = b.expanded
        if b.expand != 1:
            total += b.c_in * e * t
        t = out_len(t, b.kernel, b.stride)
        total += e * b.kernel * t + 2 * e * b.se + e * b.c_out * t
        c = b.c_out
    head = config["head_channels"]
    total += c * head * t
    width = head
    fusion = config.get("fusion")
    if fusion:
        d, n = fusion["dim"], len(fusion["features"])
        total += 2 * n * d * d + 2 * t * d * head + 2 * n * t * d
        width += n * d
    return total + width * len(config["classes"])
