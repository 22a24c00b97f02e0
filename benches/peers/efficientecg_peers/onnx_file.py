"""ONNX files: maps are `[B, channels, 1, T]`."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import walk

OPSET = 17


class OnnxWriter:
    """Collects nodes and weights; a value is its name, and `sizes` keeps the shape of maps and rows."""

    def __init__(self, batch: int):
        self.batch = batch
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []
        self.sizes: dict[str, tuple[int, ...]] = {}

    def _node(self, op: str, inputs, size, **attributes) -> str:
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.sizes[name] = tuple(size)
        return name

    def _constant(self, values, dtype="f4") -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def _input(self, name: str, size, kind) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, size))
        self.sizes[name] = tuple(size)
        return name

    def _reshape(self, x: str, size) -> str:
        return self._node("Reshape", [x, self._constant(size, "i8")], size)

    def signal(self, leads, samples):
        return self._input("signal", (self.batch, leads, 1, samples), TensorProto.FLOAT)

    def _conv(self, x, weight, bias, stride, group):
        out, _, k = weight.shape
        t = (self.sizes[x][3] + 2 * (k // 2) - k) // stride + 1
        return self._node(
            "Conv", [x, self._constant(weight[:, :, None, :]), self._constant(bias)],
            (self.batch, out, 1, t), kernel_shape=[1, k], strides=[1, stride],
            pads=[0, k // 2, 0, k // 2], group=group)

    def conv(self, x, weight, bias, stride):
        return self._conv(x, weight, bias, stride, 1)

    def depthwise(self, x, weight, bias, stride):
        return self._conv(x, weight, bias, stride, len(weight))

    def sigmoid(self, x):
        return self._node("Sigmoid", [x], self.sizes[x])

    def multiply(self, x, y):
        return self._node("Mul", [x, y], self.sizes[x])

    def add(self, x, y):
        return self._node("Add", [x, y], self.sizes[x])

    def mean(self, x):
        return self._node("GlobalAveragePool", [x], (*self.sizes[x][:2], 1, 1))

    def continuous(self, name, weight, bias):
        x = self._reshape(self._input(name, (self.batch,), TensorProto.FLOAT), (self.batch, 1, 1))
        size = (self.batch, 1, len(weight))
        x = self._node("Mul", [x, self._constant(weight)], size)
        return self._node("Add", [x, self._constant(bias)], size)

    def categorical(self, name, rows):
        x = self._input(name, (self.batch,), TensorProto.INT32)
        x = self._node("Gather", [self._constant(rows), x], (self.batch, rows.shape[1]), axis=0)
        return self._reshape(x, (self.batch, 1, rows.shape[1]))

    def stack(self, rows):
        size = (self.batch, len(rows), self.sizes[rows[0]][2])
        return self._node("Concat", rows, size, axis=1)

    def layer_norm(self, x, weight, bias, eps):
        scale, shift = self._constant(weight), self._constant(bias)
        return self._node("LayerNormalization", [x, scale, shift], self.sizes[x], axis=-1, epsilon=eps)

    def linear(self, x, weight, bias):
        size = (*self.sizes[x][:-1], len(weight))
        if len(size) == 2:
            return self._node("Gemm", [x, self._constant(weight), self._constant(bias)], size, transB=1)
        x = self._node("MatMul", [x, self._constant(weight.T)], size)
        return self._node("Add", [x, self._constant(bias)], size)

    def attention(self, q, k, v, heads):
        b, n, d = self.sizes[q]
        t = self.sizes[k][3]
        q = self._reshape(q, (b, n, heads, d // heads))
        q = self._node("Transpose", [q], (b, heads, n, d // heads), perm=[0, 2, 1, 3])
        k = self._reshape(k, (b, heads, d // heads, t))
        v = self._reshape(v, (b, heads, d // heads, t))
        v = self._node("Transpose", [v], (b, heads, t, d // heads), perm=[0, 1, 3, 2])
        scores = self._node("MatMul", [q, k], (b, heads, n, t))
        mixed = self._node("MatMul", [self._node("Softmax", [scores], (b, heads, n, t), axis=-1), v],
                           (b, heads, n, d // heads))
        mixed = self._node("Transpose", [mixed], (b, n, heads, d // heads), perm=[0, 2, 1, 3])
        return self._reshape(mixed, (b, n, d))

    def join(self, summary, z):
        c = self.sizes[summary][1]
        x = self._reshape(summary, (self.batch, c))
        if z is None:
            return x
        width = self.sizes[z][1] * self.sizes[z][2]
        return self._node("Concat", [x, self._reshape(z, (self.batch, width))], (self.batch, c + width), axis=1)

    def output(self, name, x):
        self.nodes.append(helper.make_node("Identity", [x], [name], name=name))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, self.sizes[x]))


def save(path, module, batch: int) -> None:
    """Writes `module` for batches of exactly `batch` records: `signal [B, leads, 1, T]`, a feature's `[B]`."""
    to = OnnxWriter(batch)
    walk.network(module, to)
    graph = helper.make_graph(to.nodes, "efficientecg", to.inputs, to.outputs, to.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
