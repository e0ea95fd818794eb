"""Values that don't depend on what an image shows: shapes, and what is computed of them.

Exporters write the arithmetic of shapes into the graph (`Shape`, `Gather`, `Concat`, ...). It is no
layer and costs nothing, so it isn't done by torch but by the reference implementation of `onnx`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper
from torch import Tensor

from convscope.errors import NetworkError
from convscope.networks.from_onnx.stored import Array
from convscope.networks.from_onnx.values import Value

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


class KnownNode:
    """A node whose outputs are known before any layer computes.

    Attributes:
        inputs: Names of values; empty where an optional one is left out.
        outputs: The same.
    """

    def __init__(self, proto: onnx.NodeProto, *, opset: int) -> None:
        self.inputs, self.outputs = tuple(proto.input), tuple(proto.output)
        self._proto = proto
        self._opset = opset

    def compute(self, values: Mapping[str, Value]) -> dict[str, Array]:
        """Its outputs by name.

        Args:
            values: What it takes, and more.

        Raises:
            NetworkError: It can't be computed.
        """
        arrays = {name: _array(values[name], self._proto) for name in self.inputs if name}
        try:
            results = self._run(arrays)
        except Exception as error:  # the reference checks little
            raise self._refused(f"{type(error).__name__}: {error}") from error
        for result in results:
            if result.size > VALUES_AT_MOST:
                raise self._refused(f"it gives {result.size:,} values, which is no shape")
        return dict(zip(self.outputs, results, strict=True))

    def _run(self, arrays: dict[str, Array]) -> list[Array]:
        from onnx.reference import ReferenceEvaluator

        if self._proto.op_type in ASKING:
            asked = float(np.prod(arrays[self.inputs[ASKING[self._proto.op_type]]].astype(float)))
            if asked > VALUES_AT_MOST:
                raise ValueError(f"it asks for {asked:,.0f} values, which is no shape")
        inputs = [helper.make_empty_tensor_value_info(name) for name in arrays]
        outputs = [helper.make_empty_tensor_value_info(name) for name in self.outputs]
        graph = helper.make_graph([self._proto], "known", inputs, outputs)
        opsets = [helper.make_opsetid("", self._opset)]
        evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))
        return [np.asarray(result) for result in evaluator.run(None, arrays)]

    def _refused(self, why: str) -> NetworkError:
        return NetworkError(
            f"operator `{self._proto.op_type}` of node `{self._proto.name or self.outputs[0]}` "
            f"can't be computed: {why}",
            hint="export the network again with a fixed image size, without dynamic axes",
        )


def _array(value: Value, node: onnx.NodeProto) -> Array:
    """The value itself; of a tensor only its shape is known, so `Shape` gets zeros like it."""
    if isinstance(value, Tensor):
        return np.broadcast_to(np.zeros((), np.float32), tuple(value.shape))
    if value is None:
        raise NetworkError(f"node `{node.name}` takes a value that isn't there")
    return value
