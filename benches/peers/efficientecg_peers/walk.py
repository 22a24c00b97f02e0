"""The network as a peer is given it: batch norm folded, convolutions 2-D with height 1, SiLU as x·sigmoid(x).

`network` walks the module once and calls a writer for each operation; writers differ in file format and layout.
Features are taken as present: what is missing is not exported.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from efficientecg_train.network import ConvBN, EfficientECG

Array = np.ndarray


class Writer(Protocol):
    """Operations of a file format. Maps are `[B, channels, T]` in whatever layout, rows `[B, n, d]`."""

    def signal(self, leads: int, samples: int) -> Any: ...
    def conv(self, x, weight: Array, bias: Array, stride: int) -> Any: ...
    def depthwise(self, x, weight: Array, bias: Array, stride: int) -> Any: ...
    def sigmoid(self, x) -> Any: ...
    def multiply(self, x, y) -> Any: ...
    def add(self, x, y) -> Any: ...
    def mean(self, x) -> Any:
        """A map of one position."""

    def continuous(self, name: str, weight: Array, bias: Array) -> Any:
        """`[B, 1, d]` from an input `[B]`."""

    def categorical(self, name: str, rows: Array) -> Any:
        """`[B, 1, d]` from an input `[B]` of indices."""

    def stack(self, rows: list) -> Any: ...
    def layer_norm(self, x, weight: Array, bias: Array, eps: float) -> Any: ...
    def linear(self, x, weight: Array, bias: Array) -> Any: ...
    def attention(self, q, k, v, heads: int) -> Any:
        """Rows `[B, n, d]`; `q` are rows, `k` and `v` maps; scores are not scaled here."""

    def join(self, summary, z) -> Any:
        """`[B, C + n·d]` from a map of one position and rows, or None."""

    def output(self, name: str, x) -> None: ...


def _f64(tensor) -> Array:
    return tensor.detach().cpu().numpy().astype("f8")


def fold(layer: ConvBN) -> tuple[Array, Array, int]:
    """Weight `[O, I, K]` and bias `[O]` of a convolution with its batch norm, in f64, and the stride."""
    bn = layer.bn
    scale = _f64(bn.weight) / np.sqrt(_f64(bn.running_var) + bn.eps)
    weight = _f64(layer.conv.weight) * scale[:, None, None]
    return weight, _f64(bn.bias) - _f64(bn.running_mean) * scale, layer.conv.stride[0]


def _linear(layer) -> tuple[Array, Array]:
    return _f64(layer.weight), _f64(layer.bias)


def _as_conv(layer, scale: float = 1.0) -> tuple[Array, Array, int]:
    weight, bias = _linear(layer)
    return weight[:, :, None] * scale, bias * scale, 1


def network(module: EfficientECG, to: Writer) -> None:
    """Writes the whole network; the logits are the output `logits`."""

    def silu(x):
        return to.multiply(x, to.sigmoid(x))

    def block(m, x):
        y = x if m.expand is None else silu(to.conv(x, *fold(m.expand)))
        y = silu(to.depthwise(y, *fold(m.depthwise)))
        gate = silu(to.conv(to.mean(y), *_as_conv(m.se.reduce)))
        gate = to.sigmoid(to.conv(gate, *_as_conv(m.se.expand)))
        y = to.conv(to.multiply(y, gate), *fold(m.project))
        return to.add(x, y) if m.residual else y

    config = module.config
    x = silu(to.conv(to.signal(len(config["leads"]), config["samples"]), *fold(module.stem)))
    for m in module.blocks:
        x = block(m, x)
    h = silu(to.conv(x, *fold(module.head)))
    z = None if module.fusion is None else fusion(module.fusion, h, to)
    to.output("logits", to.linear(to.join(to.mean(h), z), *_linear(module.classifier)))


def fusion(m, h, to: Writer):
    rows = []
    for name, feature in m.features.items():
        if hasattr(feature, "embedding"):
            rows.append(to.categorical(name, _f64(feature.embedding)))
        elif hasattr(feature, "offset"):
            weight = _f64(feature.weight) / feature.scale
            rows.append(to.continuous(name, weight, _f64(feature.bias) - feature.offset * weight))
        else:
            raise ValueError(f"feature {name!r}: sequences are not exported to peers")
    tokens = to.stack(rows)
    # 1/sqrt(dh) goes into the query's weights, as a compiler would put it.
    scale = (m.q.out_features // m.heads) ** -0.5
    q_weight, q_bias = _linear(m.q)
    q = to.linear(to.layer_norm(tokens, *_linear(m.norm_q), m.norm_q.eps), q_weight * scale, q_bias * scale)
    k, v = to.conv(h, *_as_conv(m.k)), to.conv(h, *_as_conv(m.v))
    z = to.linear(to.attention(q, k, v, m.heads), *_linear(m.out))
    return to.layer_norm(to.add(tokens, z), *_linear(m.norm_out), m.norm_out.eps)
