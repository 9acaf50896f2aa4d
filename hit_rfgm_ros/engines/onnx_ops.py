"""A small writer of ONNX graphs: nodes are added one by one, names are made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hit_rfgm_ros.engines.folding import Float64
from hit_rfgm_ros.engines.quantise import Ranges, activation_grid, quantised_weight
import numpy as np
from numpy.typing import ArrayLike
import onnx
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # what ONNX Runtime 1.17 and OpenVINO 2024.4 both read
BATCH = 'batch'
ORT_DOMAIN = 'com.microsoft'
_END = 2**31 - 1
_LONG_SUM = 2000  # terms; with fewer both of OpenVINO's products take as long


class GraphWriter:
    """Collects the nodes and constants of one graph.

    Values are passed as names (str). The first axis of every input and output is the batch and
    dynamic, so reshapes may only name the other axes. A further free axis has a name (str).

    Args:
        name: of the graph.
        plain_products: ONNX Runtime packs the weights of plain matrix products in advance, but
            not those of batched ones: spell batched products with constants out.
        clipped_sums: OpenVINO hands a plain layer in float32 to a product that is a tenth slower
            for long sums than the one it takes where something follows: let a clip follow that
            clips nothing.
        strassen: layers of transformers take Strassen's products, see `strassen`.
        ranges: of the inputs of labelled layers; these layers become int8.
    """

    def __init__(
        self,
        name: str,
        *,
        plain_products: bool = False,
        clipped_sums: bool = False,
        strassen: bool = False,
        ranges: Ranges | None = None,
    ) -> None:
        self.name = name
        self.plain_products = plain_products
        self.clipped_sums = clipped_sums
        self.strassen = strassen
        self.ranges = ranges
        self.watched: dict[str, str] = {}  # label of a layer -> its input
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: type, shape: Sequence[int | str]) -> str:
        """Declare an input of shape (batch, *shape)."""
        self._inputs.append(_value_info(name, dtype, shape))
        return name

    def output(
        self, name: str, value: str, shape: Sequence[int | str], dtype: type = np.float32
    ) -> None:
        """Declare ``value`` as an output of shape (batch, *shape) and name it so."""
        for node in self._nodes:
            for values in (node.input, node.output):
                for i, old in enumerate(values):
                    if old == value:
                        values[i] = name
        self._outputs.append(_value_info(name, dtype, shape))

    def constant(self, array: ArrayLike, dtype: type | None = None, name: str = 'const') -> str:
        """Add a constant (float64 becomes float32); small equal ones are shared."""
        value = np.asarray(array, dtype)
        if value.dtype == np.float64:
            value = value.astype(np.float32)
        value = np.ascontiguousarray(value)
        key = (value.dtype.str, value.shape, value.tobytes()) if value.size <= 16 else (id(value),)
        if key in self._known:
            return self._known[key]
        label = f'{name}/{len(self._constants)}'
        self._constants[label] = numpy_helper.from_array(value, label)
        if value.size <= 16:
            self._known[key] = label
        return label

    def op(self, kind: str, *inputs: str, name: str = '', **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        return self.ops(kind, *inputs, count=1, name=name, **attributes)[0]

    def ops(
        self, kind: str, *inputs: str, count: int, name: str = '', **attributes: Any
    ) -> list[str]:
        """Add a node with ``count`` outputs."""
        label = f'{name or kind}/{len(self._nodes)}'
        outputs = [label if count == 1 else f'{label}.{i}' for i in range(count)]
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=label, **attributes))
        return outputs

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape to (batch, *shape); the batch is worked out."""
        return self.op('Reshape', x, self.constant([-1, *shape], np.int64))

    def shape_of(self, x: str, axis: int) -> str:
        """Length of an axis, int64 (1,)."""
        return self.op('Shape', x, start=axis, end=axis + 1)

    def transpose(self, x: str, *axes: int) -> str:
        """Permute all axes, the batch included."""
        return self.op('Transpose', x, perm=list(axes))

    def add(self, x: str, array: ArrayLike) -> str:
        """Add a constant, with broadcasting."""
        return self.op('Add', x, self.constant(array, name='bias'))

    def linear(
        self, x: str, weight: Float64, addend: ArrayLike | str | None = None, label: str = ''
    ) -> str:
        """``x @ weight + addend`` on (rows, in): addend is a constant (out,) or a value.

        A layer with a ``label`` can be quantised.
        """
        bias: list[str] = []
        if addend is not None:
            is_value = isinstance(addend, str)
            bias.append(str(addend) if is_value else self.constant(addend, name='bias'))
        grid = self._grid(x, label)
        if grid is None:
            return self.op('Gemm', x, self.constant(weight, name='weight'), *bias, name='linear')
        y = self._int8_product(self.op('QuantizeLinear', x, *grid), weight, grid)
        return self.op('Add', y, *bias) if bias else y

    def dense(self, x: str, weight: Float64, bias: ArrayLike, label: str = '') -> str:
        """``x @ weight + bias`` on (..., in), bias (out,) or of the outcome's trailing axes.

        A layer with a ``label`` can be quantised.
        """
        grid = self._grid(x, label)
        if grid is not None:
            key = ('quantised', x, *grid)  # of several layers that read the same input
            if key not in self._known:
                self._known[key] = self.op('QuantizeLinear', x, *grid)
            return self.add(self._int8_product(self._known[key], weight, grid), bias)
        y = self.add(self.op('MatMul', x, self.constant(weight, name='weight')), bias)
        if self.clipped_sums and len(weight) > _LONG_SUM:
            limits = (self.constant(np.float32(sign * 1e30)) for sign in (-1, 1))
            y = self.op('Clip', y, *limits)
        return y

    def _int8_product(self, x: str, weight: Float64, grid: tuple[str, str]) -> str:
        """Product of a quantised value with a weight that becomes int8, in floats."""
        if self.plain_products:
            # ONNX Runtime's own operator: with the standard ones it multiplies in floats, or
            # takes four passes over the result.
            levels, scales = quantised_weight(weight, 1)
            kernel = self.constant(levels, name='weight')
            scale = self.constant(scales, name='scale')
            operands = x, kernel, grid[0], scale, grid[1]
            return self.op('MatMulIntegerToFloat', *operands, name='linear', domain=ORT_DOMAIN)
        x = self.op('DequantizeLinear', x, *grid)
        return self.op('MatMul', x, self._int8(weight, 1), name='linear')

    def _grid(self, x: str, label: str) -> tuple[str, str] | None:
        """Scale and zero point of a layer's input, or None to leave the layer in floats."""
        if label:
            self.watched[label] = x
        if not label or self.ranges is None or label not in self.ranges:
            return None
        scale, zero = activation_grid(*self.ranges[label])
        return self.constant(scale, np.float32), self.constant(zero, np.uint8)

    def _int8(self, weight: Float64, axis: int) -> str:
        """Weights in int8 and back in floats, one scale per entry of ``axis``."""
        levels, scales = quantised_weight(weight, axis)
        return self.op(
            'DequantizeLinear',
            self.constant(levels, name='weight'),
            self.constant(scales, name='scale'),
            self.constant(np.zeros(len(scales), np.int8), name='zero'),
            axis=axis,
        )

    def batched_linear(self, x: str, weights: ArrayLike) -> str:
        """One product per entry of the first axis: (n, rows, in) @ (n, in, out)."""
        stack = np.asarray(weights)
        if not self.plain_products:
            return self.op('MatMul', x, self.constant(stack, name='weights'), name='linears')
        parts = self.split(x, 0, [1] * len(stack))
        products = [
            self.op('MatMul', part, self.constant(weight, name='weight'), name='linears')
            for part, weight in zip(parts, stack)
        ]
        return self.op('Concat', *products, axis=0)

    def split(self, x: str, axis: int, sizes: Sequence[int]) -> list[str]:
        """Cut along an axis."""
        lengths = self.constant(list(sizes), np.int64)
        return self.ops('Split', x, lengths, count=len(sizes), axis=axis)

    def joined(self, parts: Iterable[str], axis: int) -> str:
        """Put side by side along an axis; one part needs no node."""
        names = list(parts)
        return self.op('Concat', *names, axis=axis) if len(names) > 1 else names[0]

    def head(self, x: str, count: int, axis: int = 1) -> str:
        """The first ``count`` entries of an axis."""
        return self.cut(x, 0, count, axis)

    def cut(self, x: str, start: int | str, stop: int | str, axis: int) -> str:
        """Entries ``start`` to ``stop`` of an axis; negative ones count from the end."""
        limits = (
            n if isinstance(n, str) else self.constant([n], np.int64) for n in (start, stop, axis)
        )
        return self.op('Slice', x, *limits)

    def tail(self, x: str, count: int, axis: int = 1) -> str:
        """The last ``count`` entries of an axis."""
        return self.cut(x, -count, _END, axis)

    def gelu(self, x: str) -> str:
        """Exact GELU, written so that the back ends recognise it."""
        root = self.constant(np.float32(np.sqrt(2)))
        error = self.op('Erf', self.op('Div', x, root))
        grown = self.op('Mul', x, self.op('Add', error, self.constant(np.float32(1))))
        return self.op('Mul', grown, self.constant(np.float32(0.5)))

    def conv(
        self,
        x: str,
        weight: Float64,
        bias: Float64,
        *,
        stride: int = 1,
        pad: int = 0,
        label: str = '',
    ) -> str:
        """Convolution with a square kernel: (B, in, H, W) -> (B, out, H', W')."""
        (y,) = self.convs(x, [(weight, bias)], stride=stride, pad=pad, label=label)
        return y

    def convs(
        self,
        x: str,
        layers: Sequence[tuple[Float64, Float64]],
        *,
        stride: int = 1,
        pad: int = 0,
        label: str = '',
    ) -> list[str]:
        """Convolutions with weight and bias, each of its own share of the input's channels."""
        grid = self._grid(x, label)
        if grid:
            x = self.op('QuantizeLinear', x, *grid)
        parts = [x]
        if len(layers) > 1:
            parts = self.split(x, 1, [weight.shape[1] for weight, _ in layers])
        return [
            self.op(
                'Conv',
                self.op('DequantizeLinear', part, *grid) if grid else part,
                self._int8(weight, 0) if grid else self.constant(weight, name='weight'),
                self.constant(bias, name='bias'),
                kernel_shape=list(weight.shape[2:]),
                strides=[stride, stride],
                pads=[pad] * 4,
            )
            for part, (weight, bias) in zip(parts, layers)
        ]

    def model(self, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """The finished model, checked."""
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, list(self._constants.values())
        )
        opset = [helper.make_opsetid('', OPSET)]
        if any(node.domain == ORT_DOMAIN for node in self._nodes):
            opset.append(helper.make_opsetid(ORT_DOMAIN, 1))
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        model.producer_name = 'hit_rfgm_ros'
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        return model


def _value_info(name: str, dtype: type, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, [BATCH, *shape])
