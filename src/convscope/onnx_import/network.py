"""The graph of an ONNX file as a torch module that runs its nodes in the file's order.

Exporters write the arithmetic of shapes into the graph (`Shape`, `Gather`, `Concat`, ...). It
doesn't depend on what an image shows, is no layer and costs nothing, so it isn't done by torch but
by the reference implementation of `onnx`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper
from torch import Tensor, nn

from convscope.errors import NetworkError, is_out_of_memory
from convscope.onnx_import.layers import OnnxLayer
from convscope.onnx_import.node import Array, NodePath, Value

# Shapes are short; a damaged file could ask for terabytes.
VALUES_AT_MOST = 4096
# Operators whose result is as large as one of their inputs says.
ASKING = {"ConstantOfShape": 0, "Expand": 1}
OF_SHAPES = frozenset(("Shape", "Size"))
ARITHMETIC = frozenset((
    "Abs", "Add", "Cast", "Ceil", "Concat", "ConstantOfShape", "Div", "Equal", "Expand", "Floor",
    "Gather", "Identity", "Max", "Min", "Mod", "Mul", "Neg", "Pow", "ReduceProd", "Reshape",
    "Slice", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where",
))  # fmt: skip


class ImageInput(NamedTuple):
    """The batch of images that a graph takes: (N, C, H, W), None where the file leaves it open."""

    name: str
    shape: tuple[int | None, int | None, int | None, int | None]


class KnownNode:
    """A node whose outputs can be computed without looking at the image."""

    def __init__(self, proto: onnx.NodeProto, *, opset: int) -> None:
        self._inputs, self._outputs = tuple(proto.input), tuple(proto.output)
        self._proto, self._opset = proto, opset

    def compute(self, values: Mapping[str, Value]) -> dict[str, Array]:
        """The outputs of the node by name, from values by name, its inputs among them.

        Raises:
            NetworkError: It can't be computed.
        """
        arrays = {name: _array(values[name], self._proto) for name in self._inputs if name}
        try:
            results = self._run(arrays)
        except Exception as error:  # the reference checks little
            if is_out_of_memory(error):
                raise
            raise self._refused(f"{type(error).__name__}: {error}") from error
        for result in results:
            if result.size > VALUES_AT_MOST:
                raise self._refused(f"it gives {result.size:,} values, which is no shape")
        return dict(zip(self._outputs, results, strict=True))

    def _run(self, arrays: dict[str, Array]) -> list[Array]:
        from onnx.reference import ReferenceEvaluator

        if self._proto.op_type in ASKING:
            asked = float(np.prod(arrays[self._inputs[ASKING[self._proto.op_type]]].astype(float)))
            if asked > VALUES_AT_MOST:
                raise ValueError(f"it asks for {asked:,.0f} values, which is no shape")
        inputs = [helper.make_empty_tensor_value_info(name) for name in arrays]
        outputs = [helper.make_empty_tensor_value_info(name) for name in self._outputs]
        graph = helper.make_graph([self._proto], "known", inputs, outputs)
        opsets = [helper.make_opsetid("", self._opset)]
        evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))
        return [np.asarray(result) for result in evaluator.run(None, arrays)]

    def _refused(self, why: str) -> NetworkError:
        return NetworkError(
            f"operator `{self._proto.op_type}` of node `{self._proto.name or self._outputs[0]}` "
            f"can't be computed: {why}",
            hint="export the network again with a fixed image size, without dynamic axes",
        )


def _array(value: Value, node: onnx.NodeProto) -> Array:
    """The value itself, or zeros for a tensor, of which only the shape is known."""
    if isinstance(value, Tensor):
        return np.broadcast_to(np.zeros((), np.float32), tuple(value.shape))
    if value is None:
        raise NetworkError(f"node `{node.name}` takes a value that isn't there")
    return value


class NodeCall(NamedTuple):
    """The call of one layer.

    Attributes:
        path: Path of its module.
        layer: The layer, with its module.
        known: Nodes that can be computed after it without looking at the image.
    """

    path: NodePath
    layer: OnnxLayer
    known: list[KnownNode]


class Scope(nn.Module):
    """Layers that belong together: a module of the network that was exported.

    It has a call for each uninterrupted row of its layers.
    """

    def forward(self, values: dict[str, Value], calls: Sequence[NodeCall], depth: int) -> object:
        """The output of the last of some calls inside it, `depth` scopes deep.

        Results are written into `values`.
        """
        return _run_inside(self, values, calls, depth)


def _run_inside(
    scope: nn.Module, values: dict[str, Value], calls: Sequence[NodeCall], depth: int
) -> object:
    output: object = None
    for name, group in groupby(calls, key=lambda call: call.path[depth]):
        child = scope.get_submodule(name)
        if isinstance(child, Scope):
            output = child(values, tuple(group), depth + 1)
            continue
        for call in group:
            output = child(*(values[name] if name else None for name in call.layer.inputs))
            results = output if isinstance(output, tuple) else (output,)
            values.update(zip(call.layer.outputs, results, strict=False))
            for node in call.known:
                values.update(node.compute(values))
    return output


class OnnxNetwork(nn.Module):
    """A network from an ONNX file.

    A file may be made for one size of batch only, with shapes that name it. Such a shape follows
    the batch that the network really gets.

    Args:
        calls: The calls of its layers in the order in which they run.
        image: Its input.
        outputs: Names of its outputs.
        known: Nodes that can be computed before the first layer.
        arrays: Values that the file stores besides weights.
        batch_first: Names of stored shapes that begin with the batch that the file is made for.
    """

    def __init__(
        self,
        calls: Sequence[NodeCall],
        *,
        image: ImageInput,
        outputs: Sequence[str],
        known: Sequence[KnownNode],
        arrays: Mapping[str, Array],
        batch_first: frozenset[str],
    ) -> None:
        super().__init__()
        for call in calls:
            self._place(call.path, call.layer.module)
        self._calls = tuple(calls)
        self._image, self._batch = image.name, image.shape[0]
        self._outputs = tuple(outputs)
        self._known, self._arrays = tuple(known), dict(arrays)
        self._batch_first = batch_first

    def forward(self, x: Tensor) -> object:
        """`x` (N, C, H, W) becomes the file's output, or a tuple if it has several."""
        values: dict[str, Value] = {**self._arrays, self._image: x}
        for name in self._batch_first:
            values[name] = np.array([x.shape[0], *self._arrays[name][1:]])
        for node in self._known:
            values.update(node.compute(values))
        try:
            _run_inside(self, values, self._calls, 0)
        except RuntimeError as error:
            if self._batch in (None, x.shape[0]):
                raise
            # The caller adds which layer failed.
            made_for = f"the file is made for batches of {self._batch}, not {x.shape[0]}"
            raise RuntimeError(f"{made_for}: {error}") from error
        results = tuple(values[name] for name in self._outputs)
        return results if len(results) > 1 else results[0]

    def _place(self, path: NodePath, module: nn.Module) -> None:
        """Add a module; the scopes around it are made where they are missing."""
        scope: nn.Module = self
        for name in path[:-1]:
            if name not in dict(scope.named_children()):
                scope.add_module(name, Scope())
            scope = scope.get_submodule(name)
        scope.add_module(path[-1], module)
