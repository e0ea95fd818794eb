"""One node of an ONNX graph while its layer is built: attributes, weights, and what isn't taught.

Whatever a node says has to be read: an attribute or an output that nobody asked for is an error, as
the layer would be another one than the file describes.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto
from torch import Tensor, nn

from convscope.errors import NetworkError
from convscope.networks.from_onnx.stored import Stored

HINT = (
    "layer tables of ONNX files know the operators of image classifiers as exporters write them; "
    "a network of torch itself can be given as `file.py:NAME`"
)


class Node:
    """A node with its surroundings.

    Attributes:
        operator: Its kind: `Conv`.
        name: Its own name, else that of its first output.
        opset: Version of the standard operators in the file.
        inputs: Names of values; empty where an optional one is left out.
        outputs: The same.
        stored: What the file stores.
    """

    def __init__(self, proto: onnx.NodeProto, *, opset: int, stored: Stored) -> None:
        self.operator = proto.op_type
        self.name = proto.name or proto.output[0]
        self.opset = opset
        self.inputs = tuple(proto.input)
        self.outputs = tuple(proto.output)
        self.stored = stored
        self._attributes = {attribute.name: attribute for attribute in proto.attribute}
        self._read: set[str] = set()

    def refuse(self, what: str) -> NetworkError:
        """The error for something that nobody has taught."""
        return NetworkError(
            f"operator `{self.operator}` of node `{self.name}` can't be read: {what}", hint=HINT
        )

    def require(self, holds: bool, what: str) -> None:
        """Refuse what doesn't hold.

        Raises:
            NetworkError: It doesn't.
        """
        if not holds:
            raise self.refuse(what)

    def finish(self) -> None:
        """After all is read: no attribute may be left.

        Raises:
            NetworkError: One is unknown.
        """
        for name in sorted(self._attributes.keys() - self._read):
            raise self.refuse(f"its attribute `{name}` is unknown")

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        attribute = self._attribute(name, AttributeProto.INT)
        return default if attribute is None else int(attribute.i)

    def number(self, name: str, default: float) -> float:
        """A number with the digits that were meant: a file holds 0.1 as 0.10000000149."""
        attribute = self._attribute(name, AttributeProto.FLOAT)
        return default if attribute is None else float(str(np.float32(attribute.f)))

    def text(self, name: str, default: str) -> str:
        """A word."""
        attribute = self._attribute(name, AttributeProto.STRING)
        return default if attribute is None else attribute.s.decode(errors="replace")

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Several whole numbers; None if they are left out."""
        attribute = self._attribute(name, AttributeProto.INTS)
        return None if attribute is None else tuple(int(value) for value in attribute.ints)

    def has_input(self, position: int) -> bool:
        """Whether an optional input is given."""
        return position < len(self.inputs) and self.inputs[position] != ""

    def weight(self, position: int) -> nn.Parameter:
        """The learned values at an input.

        Raises:
            NetworkError: They are computed in the network.
        """
        found = self.stored.parameter(self.inputs[position])
        if found is None:
            raise self.refuse(f"its weights `{self.inputs[position]}` are computed, not stored")
        return found

    def optional_weight(self, position: int) -> nn.Parameter | None:
        """The same, or None where it is left out."""
        return self.weight(position) if self.has_input(position) else None

    def statistic(self, position: int) -> Tensor:
        """Stored values at an input that aren't learned by gradients.

        Raises:
            NetworkError: They are computed in the network.
        """
        found = self.stored.tensor(self.inputs[position])
        if found is None:
            raise self.refuse(f"its statistics `{self.inputs[position]}` are computed, not stored")
        return found.detach()

    def _attribute(self, name: str, kind: int) -> AttributeProto | None:
        self._read.add(name)
        attribute = self._attributes.get(name)
        if attribute is not None and attribute.type != kind:
            raise self.refuse(f"its attribute `{name}` has another type than it should")
        return attribute
