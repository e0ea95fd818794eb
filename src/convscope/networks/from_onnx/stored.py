"""What an ONNX file stores: tensors that layers compute with, and arrays that say shapes.

A file doesn't say what was learned. Here floats that are stored as initializers count as
parameters, except the running statistics of batch normalisation. Single numbers, whole numbers and
the values of `Constant` nodes are constants, unless they are the weights of a convolution, a dense
layer, a normalisation or a PReLU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from convscope.errors import NetworkError

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
FLOATS = (np.float16, np.float32, np.float64)


class Stored:
    """The values of a file by name.

    Attributes:
        arrays: What is known without an image and no layer's: shapes, axes, single numbers.
    """

    def __init__(self, initializers: Sequence[onnx.TensorProto]) -> None:
        """Read them all.

        Args:
            initializers: Of the graph.

        Raises:
            NetworkError: One is damaged.
        """
        self.arrays: dict[str, Array] = {}
        self._tensors: dict[str, Tensor] = {}
        for initializer in initializers:
            self.add(initializer.name, array_of(initializer, initializer.name), is_learned=True)

    def add(self, name: str, array: Array, *, is_learned: bool) -> None:
        """Take in one more value.

        Raises:
            NetworkError: Torch has no such numbers.
        """
        if array.ndim == 0 or array.dtype.kind in "iub":
            self.arrays[name] = array
            return
        if array.dtype not in FLOATS:
            raise NetworkError(
                f"the tensor `{name}` of the file holds `{array.dtype}` values",
                hint="layer tables are made of networks in 16-, 32- or 64-bit floats",
            )
        tensor = torch.from_numpy(np.array(array))  # a copy: the file's bytes can't be written
        self._tensors[name] = nn.Parameter(tensor) if is_learned and array.size > 1 else tensor

    def rename(self, name: str, new: str) -> None:
        """Know a value under a second name."""
        for values in (self.arrays, self._tensors):
            if name in values:
                values[new] = values[name]  # type: ignore[assignment]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays or name in self._tensors

    def tensor(self, name: str) -> Tensor | None:
        """What layers compute with: a parameter or a constant; None if the file has no such."""
        return self._tensors.get(name)

    def parameter(self, name: str) -> nn.Parameter | None:
        """The same, learned wherever it is stored; one object however many layers share it."""
        tensor = self._tensors.get(name)
        if tensor is not None and not isinstance(tensor, nn.Parameter):
            tensor = self._tensors[name] = nn.Parameter(tensor)
        return tensor


def array_of(tensor: onnx.TensorProto, name: str) -> Array:
    """The values of a tensor of the file.

    Raises:
        NetworkError: They don't fill its shape.
    """
    try:
        return numpy_helper.to_array(tensor)
    except Exception as error:  # too few bytes, lengths below 0, unknown types
        raise NetworkError(
            f"the tensor `{name}` of the file is damaged: {error}", hint="export the network again"
        ) from error


def constant_of(node: onnx.NodeProto) -> Array:
    """The value of a node `Constant`.

    Raises:
        NetworkError: It is text, or sparse.
    """
    attribute = node.attribute[0]
    match attribute.name:
        case "value":
            return array_of(attribute.t, node.output[0])
        case "value_int":
            return np.array(attribute.i, dtype=np.int64)
        case "value_ints":
            return np.array(attribute.ints, dtype=np.int64)
        case "value_float":
            return np.array(attribute.f, dtype=np.float32)
        case "value_floats":
            return np.array(attribute.floats, dtype=np.float32)
    raise NetworkError(
        f"the constant `{node.output[0]}` is given as `{attribute.name}`",
        hint="layer tables of ONNX files know constants that are dense numbers",
    )
