"""TFLite files: maps are `[B, 1, T, channels]`, the layout that XNNPACK computes in.

The graph is written operation by operation with the format's own schema, so no TensorFlow is needed.
"""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from . import walk

FLOAT, INT32 = schema.TensorType.FLOAT32, schema.TensorType.INT32
OP, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions


class _Buffer(schema.BufferT):
    """Bytes at an address that kernels can load vectors from."""

    def Pack(self, builder):
        data = None
        if self.data is not None:
            builder.StartVector(1, len(self.data), 64)
            builder.head -= len(self.data)
            builder.Bytes[builder.head:builder.head + len(self.data)] = self.data
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


class TfliteWriter:
    """Collects operators and tensors; a value is its tensor's index."""

    def __init__(self, batch: int):
        self.batch = batch
        self.codes: dict[int, int] = {}
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes, self.model.buffers = [], [_Buffer()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []
        self.model.subgraphs = [self.graph]

    def size(self, x: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[x].shape)

    def _tensor(self, shape, kind=FLOAT, name=None, buffer=0) -> int:
        t = schema.TensorT()
        t.shape, t.type, t.buffer = [int(n) for n in shape], kind, buffer
        t.name = name or f"t{len(self.graph.tensors)}"
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def _constant(self, values, dtype="<f4") -> int:
        a = np.ascontiguousarray(values, dtype)
        buffer = _Buffer()
        buffer.data = a.tobytes()
        self.model.buffers.append(buffer)
        kind = FLOAT if a.dtype.kind == "f" else INT32
        return self._tensor(a.shape, kind, buffer=len(self.model.buffers) - 1)

    def _op(self, name: str, inputs, size, options: str | None = None, version=1, **fields) -> int:
        code = getattr(OP, name)
        if code not in self.codes:
            c = schema.OperatorCodeT()
            c.builtinCode, c.deprecatedBuiltinCode, c.version = code, min(code, 127), version
            self.codes[code] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(c)
        out = self._tensor(size)
        op = schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self.codes[code], list(inputs), [out]
        if options is not None:
            op.builtinOptionsType = getattr(OPTIONS, options)
            op.builtinOptions = getattr(schema, options + "T")()
            for key, value in fields.items():
                if not hasattr(op.builtinOptions, key):
                    raise AttributeError(f"{options} has no {key}")
                setattr(op.builtinOptions, key, value)
        self.graph.operators.append(op)
        return out

    def _input(self, name, size, kind=FLOAT) -> int:
        x = self._tensor(size, kind, name)
        self.graph.inputs.append(x)
        return x

    def _reshape(self, x, size):
        return self._op("RESHAPE", [x, self._constant(size, "<i4")], size, "ReshapeOptions",
                        newShape=[int(n) for n in size])

    def _transpose(self, x, perm):
        size = [self.size(x)[p] for p in perm]
        return self._op("TRANSPOSE", [x, self._constant(perm, "<i4")], size, "TransposeOptions")

    def signal(self, leads, samples):
        return self._input("signal", (self.batch, 1, samples, leads))

    def _padded(self, x, k, stride):
        """The input, padding and length: SAME where that is `k // 2` on both sides, else zeros by hand."""
        b, _, t, c = self.size(x)
        out = (t + 2 * (k // 2) - k) // stride + 1
        same = max((out - 1) * stride + k - t, 0)
        if k == 1 and stride == 1:
            return x, schema.Padding.VALID, out
        if -(-t // stride) == out and same == 2 * (k // 2):
            return x, schema.Padding.SAME, out
        left = k // 2
        right = max((out - 1) * stride + k - t - left, 0)
        pads = self._constant([[0, 0], [0, 0], [left, right], [0, 0]], "<i4")
        x = self._op("PAD", [x, pads], (b, 1, left + t + right, c), "PadOptions")
        return x, schema.Padding.VALID, out

    def conv(self, x, weight, bias, stride):
        x, padding, t = self._padded(x, weight.shape[2], stride)
        filters = self._constant(weight.transpose(0, 2, 1)[:, None])
        return self._op("CONV_2D", [x, filters, self._constant(bias)], (self.batch, 1, t, len(weight)),
                        "Conv2DOptions", padding=padding, strideW=stride, strideH=1)

    def depthwise(self, x, weight, bias, stride):
        x, padding, t = self._padded(x, weight.shape[2], stride)
        filters = self._constant(weight.transpose(1, 2, 0)[None])
        return self._op("DEPTHWISE_CONV_2D", [x, filters, self._constant(bias)],
                        (self.batch, 1, t, len(weight)), "DepthwiseConv2DOptions",
                        padding=padding, strideW=stride, strideH=stride, depthMultiplier=1)

    def sigmoid(self, x):
        return self._op("LOGISTIC", [x], self.size(x))

    def multiply(self, x, y):
        return self._op("MUL", [x, y], self.size(x), "MulOptions")

    def add(self, x, y):
        return self._op("ADD", [x, y], self.size(x), "AddOptions")

    def _mean(self, x, axes, size):
        return self._op("MEAN", [x, self._constant(axes, "<i4")], size, "ReducerOptions", keepDims=True)

    def mean(self, x):
        return self._mean(x, [1, 2], (self.batch, 1, 1, self.size(x)[3]))

    def continuous(self, name, weight, bias):
        x = self._reshape(self._input(name, (self.batch,)), (self.batch, 1, 1))
        size = (self.batch, 1, len(weight))
        x = self._op("MUL", [x, self._constant(weight)], size, "MulOptions")
        return self._op("ADD", [x, self._constant(bias)], size, "AddOptions")

    def categorical(self, name, rows):
        x = self._input(name, (self.batch,), INT32)
        x = self._op("GATHER", [self._constant(rows), x], (self.batch, rows.shape[1]), "GatherOptions", axis=0)
        return self._reshape(x, (self.batch, 1, rows.shape[1]))

    def stack(self, rows):
        size = (self.batch, len(rows), self.size(rows[0])[2])
        return self._op("CONCATENATION", rows, size, "ConcatenationOptions", axis=1)

    def layer_norm(self, x, weight, bias, eps):
        size = self.size(x)
        row = (*size[:2], 1)
        centred = self._op("SUB", [x, self._mean(x, [2], row)], size, "SubOptions")
        squares = self._op("MUL", [centred, centred], size, "MulOptions")
        spread = self._op("ADD", [self._mean(squares, [2], row), self._constant([eps])], row, "AddOptions")
        unit = self.multiply(centred, self._op("RSQRT", [spread], row))
        scaled = self._op("MUL", [unit, self._constant(weight)], size, "MulOptions")
        return self._op("ADD", [scaled, self._constant(bias)], size, "AddOptions")

    def linear(self, x, weight, bias):
        size = (*self.size(x)[:-1], len(weight))
        return self._op("FULLY_CONNECTED", [x, self._constant(weight), self._constant(bias)], size,
                        "FullyConnectedOptions", version=1 if len(size) == 2 else 5, keepNumDims=len(size) > 2)

    def attention(self, q, k, v, heads):
        b, n, d = self.size(q)
        t = self.size(k)[2]

        def split(x, rows):
            return self._transpose(self._reshape(x, (b, rows, heads, d // heads)), [0, 2, 1, 3])

        q, k, v = split(q, n), split(k, t), split(v, t)
        scores = self._op("BATCH_MATMUL", [q, k], (b, heads, n, t), "BatchMatMulOptions", adjY=True)
        weights = self._op("SOFTMAX", [scores], (b, heads, n, t), "SoftmaxOptions", beta=1.0)
        mixed = self._op("BATCH_MATMUL", [weights, v], (b, heads, n, d // heads), "BatchMatMulOptions")
        return self._reshape(self._transpose(mixed, [0, 2, 1, 3]), (b, n, d))

    def join(self, summary, z):
        c = self.size(summary)[3]
        x = self._reshape(summary, (self.batch, c))
        if z is None:
            return x
        width = self.size(z)[1] * self.size(z)[2]
        z = self._reshape(z, (self.batch, width))
        return self._op("CONCATENATION", [x, z], (self.batch, c + width), "ConcatenationOptions", axis=1)

    def output(self, name, x):
        self.graph.tensors[x].name = name
        self.graph.outputs.append(x)


def save(path, module, batch: int) -> None:
    """Writes `module` for batches of exactly `batch` records: `signal [B, 1, T, leads]`, a feature's `[B]`."""
    to = TfliteWriter(batch)
    walk.network(module, to)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(to.model.Pack(builder), b"TFL3")
    with open(path, "wb") as f:
        f.write(builder.Output())
