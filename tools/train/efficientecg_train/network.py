"""The EfficientECG network (arXiv 2512.03804) in PyTorch.

A 1-D EfficientNet reads the ECG; each patient feature becomes one token, and the tokens attend to
the positions of the ECG's last feature map. Submodule and parameter names are the file format:
`state_dict()` saves straight into a weight file.

Shapes: signal `[B, leads, T]`, tokens `[B, n, d]`, logits `[B, classes]`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import config as cfg

Features = dict[str, Tensor]


class ConvBN(nn.Module):
    """Conv1d without bias, padded by `kernel // 2`, then batch norm and optionally SiLU."""

    def __init__(self, c_in, c_out, kernel, stride=1, groups=1, *, eps, act=True):
        super().__init__()
        self.conv = nn.Conv1d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm1d(c_out, eps=eps, momentum=0.05)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return F.silu(x) if self.act else x


class SqueezeExcite(nn.Module):
    """Gates `[B, e, T]` per channel from its mean over time."""

    def __init__(self, channels, reduced):
        super().__init__()
        self.reduce = nn.Linear(channels, reduced)
        self.expand = nn.Linear(reduced, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.expand(F.silu(self.reduce(x.mean(-1)))))
        return x * gate.unsqueeze(-1)


class MBConv(nn.Module):
    """Expand, depthwise, squeeze-excite, project; residual where shapes allow."""

    def __init__(self, block: cfg.Block, eps: float):
        super().__init__()
        e = block.expanded
        self.expand = ConvBN(block.c_in, e, 1, eps=eps) if block.expand != 1 else None
        self.depthwise = ConvBN(e, e, block.kernel, block.stride, groups=e, eps=eps)
        self.se = SqueezeExcite(e, block.se)
        self.project = ConvBN(e, block.c_out, 1, eps=eps, act=False)
        self.residual = block.residual
        self.drop_path = 0.0  # probability of dropping a record's residual branch in training

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.se(self.depthwise(y)))
        if not self.residual:
            return y
        if self.training and self.drop_path > 0:
            keep = 1 - self.drop_path
            y = y * (torch.rand(len(y), 1, 1, device=y.device) < keep).to(y.dtype) / keep
        return x + y


class Continuous(nn.Module):
    """A number per record, `[B]`; NaN is missing."""

    def __init__(self, dim, offset, scale):
        super().__init__()
        self.offset, self.scale = float(offset), float(scale)
        self.weight = nn.Parameter(torch.randn(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.missing = nn.Parameter(torch.randn(dim))

    def forward(self, batch: int, x: Tensor | None, steps: None = None) -> Tensor:
        if x is None:
            return self.missing.expand(batch, -1)
        x = x.to(self.weight.dtype)
        gone = torch.isnan(x)
        scaled = (torch.where(gone, torch.zeros_like(x), x) - self.offset) / self.scale
        token = scaled[:, None] * self.weight + self.bias
        return torch.where(gone[:, None], self.missing, token)


class Categorical(nn.Module):
    """An index per record, `[B]`; -1 is missing and takes the last row."""

    def __init__(self, dim, categories):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(categories + 1, dim))

    def forward(self, batch: int, x: Tensor | None, steps: None = None) -> Tensor:
        last = len(self.embedding) - 1
        if x is None:
            return self.embedding[last].expand(batch, -1)
        x = x.long()
        return self.embedding[torch.where(x < 0, last, x)]


class Sequence(nn.Module):
    """Rows per record, `[B, S, inputs]`, of which the first `steps` count; 0 steps is missing."""

    def __init__(self, dim, inputs, hidden):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.proj = nn.Linear(hidden, dim)
        self.missing = nn.Parameter(torch.randn(dim))

    def forward(self, batch: int, x: Tensor | None, steps: Tensor | None = None) -> Tensor:
        if x is None or x.shape[1] == 0:
            return self.missing.expand(batch, -1)
        x = x.to(self.missing.dtype)
        if steps is None:
            return self.proj(self.lstm(x)[0][:, -1])
        steps = steps.long()
        # Rows past a record's steps are never read, whatever they hold.
        padding = torch.arange(x.shape[1], device=x.device)[None] >= steps[:, None]
        x = x.masked_fill(padding[..., None], 0.0)
        out = self.lstm(x)[0]
        last = out[torch.arange(batch, device=x.device), (steps - 1).clamp(min=0)]
        return torch.where((steps == 0)[:, None], self.missing, self.proj(last))


def feature(spec: dict, dim: int) -> nn.Module:
    kind = spec["kind"]
    if kind == "continuous":
        return Continuous(dim, spec["offset"], spec["scale"])
    if kind == "categorical":
        return Categorical(dim, len(spec["categories"]))
    if kind == "sequence":
        return Sequence(dim, spec["inputs"], spec["hidden"])
    raise ValueError(f"feature {spec['name']!r}: unknown kind {kind!r}")


class Fusion(nn.Module):
    """Cross-attention: one query per feature token over the positions of `H`, `[B, C, T']`."""

    def __init__(self, spec: dict, channels: int):
        super().__init__()
        d, self.heads = spec["dim"], spec["heads"]
        self.features = nn.ModuleDict({f["name"]: feature(f, d) for f in spec["features"]})
        self.norm_q = nn.LayerNorm(d, eps=1e-5)
        self.norm_out = nn.LayerNorm(d, eps=1e-5)
        self.q = nn.Linear(d, d)
        self.k = nn.Linear(channels, d)
        self.v = nn.Linear(channels, d)
        self.out = nn.Linear(d, d)

    def tokens(self, batch: int, features: Features) -> Tensor:
        rows = [
            module(batch, features.get(name), features.get(f"{name}_steps"))
            for name, module in self.features.items()
        ]
        return torch.stack(rows, 1)

    def forward(self, h: Tensor, tokens: Tensor) -> Tensor:
        def split(x):  # [B, L, d] -> [B, heads, L, dh]
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        h = h.transpose(1, 2)
        q, k, v = split(self.q(self.norm_q(tokens))), split(self.k(h)), split(self.v(h))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        return self.norm_out(tokens + self.out(mixed))


class EfficientECG(nn.Module):
    """The whole network for one configuration dictionary."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        eps = config["bn_eps"]
        stem = config["stem"]
        unrolled = cfg.blocks(config)
        self.stem = ConvBN(len(config["leads"]), stem["channels"], stem["kernel"], stem["stride"],
                           eps=eps)
        self.blocks = nn.ModuleList(MBConv(b, eps) for b in unrolled)
        head = config["head_channels"]
        self.head = ConvBN(unrolled[-1].c_out, head, 1, eps=eps)
        width = head
        self.fusion = None
        if config.get("fusion"):
            self.fusion = Fusion(config["fusion"], head)
            width += config["fusion"]["dim"] * len(config["fusion"]["features"])
        self.classifier = nn.Linear(width, len(config["classes"]))
        self.dropout = 0.0  # on the classifier's input, in training only

    def forward(self, signal: Tensor, features: Features | None = None,
                taps: dict[str, Tensor] | None = None) -> Tensor:
        """Logits; `taps`, when given, is filled with the named intermediate results.

        `features` holds arrays by name, and `NAME_steps` for a padded sequence; an absent feature
        is missing for every record.
        """
        return self.decide(self.encode(signal, taps), features, taps)

    def encode(self, signal: Tensor, taps: dict[str, Tensor] | None = None) -> Tensor:
        """The last feature map `[B, head, T']`."""
        def tap(name, x):
            if taps is not None:
                taps[name] = x

        x = self.stem(signal)
        tap("stem", x)
        for i, block in enumerate(self.blocks):
            x = block(x)
            tap(f"blocks.{i}", x)
        h = self.head(x)
        tap("head", h)
        return h

    def decide(self, h: Tensor, features: Features | None = None,
               taps: dict[str, Tensor] | None = None) -> Tensor:
        """Logits from the last feature map and the features."""
        summary = h.mean(-1)
        if self.fusion is not None:
            tokens = self.fusion.tokens(len(h), features or {})
            z = self.fusion(h, tokens)
            if taps is not None:
                taps.update(tokens=tokens, attention=z)
            summary = torch.cat([summary, z.flatten(1)], 1)
        if self.training and self.dropout > 0:
            summary = F.dropout(summary, self.dropout)
        return self.classifier(summary)

    def probabilities(self, logits: Tensor) -> Tensor:
        if self.config["task"] == "multilabel":
            return torch.sigmoid(logits)
        return logits.softmax(-1)
