"""One node of an ONNX graph while its layer is built: attributes, stored values and its path.

Whatever a node says has to be read: an attribute or an output that nobody asked for is an error, as
the layer would be another one than the file describes.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import AttributeProto, numpy_helper
from torch import Tensor, nn

from convscope.errors import NetworkError, is_out_of_memory

HINT = (
    "layer tables of ONNX files know the operators of image classifiers as exporters write them; "
    "a network of torch itself can be given as `file.py:NAME`"
)
SCOPES = "pkg.torch.onnx.name_scopes"
# What is deeper or longer was not written by an exporter, and fits in no table.
DEEPEST, LONGEST = 16, 160
FLOAT_ARRAYS = (np.float16, np.float32, np.float64)

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
Value = Tensor | Array | None
Result = Tensor | tuple[Tensor, ...]
Compute = Callable[..., Result]
NodePath = tuple[str, ...]


class StoredValues:
    """The values that a file stores, by name.

    Attributes:
        arrays: Values that belong to no layer: shapes, axes, single numbers.

    Raises:
        NetworkError: One is damaged.
    """

    def __init__(self, initializers: Sequence[onnx.TensorProto]) -> None:
        self.arrays: dict[str, Array] = {}
        self._tensors: dict[str, Tensor] = {}
        for initializer in initializers:
            self.add(initializer.name, array_of(initializer, initializer.name), is_parameter=True)

    def add(self, name: str, array: Array, *, is_parameter: bool) -> None:
        """Add a value.

        Raises:
            NetworkError: Torch has no such numbers, or they are non-finite.
        """
        if array.ndim == 0 or array.dtype.kind in "iub":
            self.arrays[name] = array
            return
        if array.dtype not in FLOAT_ARRAYS:
            raise NetworkError(
                f"the tensor `{name}` of the file holds `{array.dtype}` values",
                hint="layer tables are made of networks in 16-, 32- or 64-bit floats",
            )
        # One number may be infinite, as the end of a range is.
        if np.isnan(array).any() or (is_parameter and array.size > 1 and np.isinf(array).any()):
            raise NetworkError(
                f"the tensor `{name}` of the file has non-finite values",
                hint="the training that made it diverged, or the file is damaged",
            )
        tensor = torch.from_numpy(np.array(array))  # a copy: the file's bytes can't be written
        self._tensors[name] = nn.Parameter(tensor) if is_parameter and array.size > 1 else tensor

    def rename(self, name: str, new: str) -> None:
        """Store a value under a second name too."""
        for values in (self.arrays, self._tensors):
            if name in values:
                values[new] = values[name]  # type: ignore[assignment]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays or name in self._tensors

    def tensor(self, name: str) -> Tensor | None:
        """The parameter or constant of this name; None if the file has none."""
        return self._tensors.get(name)

    def parameter(self, name: str) -> nn.Parameter | None:
        """The tensor of this name as a parameter; one object however many layers share it."""
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
        if is_out_of_memory(error):
            raise
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


class Node:
    """A node whose attributes and stored inputs are read.

    Attributes:
        operator: Name of its operator: `Conv`.
        name: Its own name, else that of its first output.
        opset: Version of the standard operators in the file.
        inputs: Names of the values that it takes; empty where an optional one is left out.
        outputs: Names of the values that it gives; empty where one is left out.
        stored: The values that the file stores.
    """

    def __init__(self, proto: onnx.NodeProto, *, opset: int, stored: StoredValues) -> None:
        self.operator = proto.op_type
        self.name = proto.name or proto.output[0]
        self.opset = opset
        self.inputs = tuple(proto.input)
        self.outputs = tuple(proto.output)
        self.stored = stored
        self._attributes = {attribute.name: attribute for attribute in proto.attribute}
        self._read: set[str] = set()

    def refuse(self, what: str) -> NetworkError:
        """The error for something that isn't supported."""
        return NetworkError(
            f"operator `{self.operator}` of node `{self.name}` can't be read: {what}", hint=HINT
        )

    def require(self, holds: bool, what: str) -> None:
        """Refuse the node with a NetworkError unless something holds."""
        if not holds:
            raise self.refuse(what)

    def finish(self) -> None:
        """Refuse the node with a NetworkError if an attribute wasn't read."""
        for name in sorted(self._attributes.keys() - self._read):
            raise self.refuse(f"its attribute `{name}` is unknown")

    def integer(self, name: str, default: int = 0) -> int:
        """The attribute of this name, a whole number."""
        attribute = self._attribute(name, AttributeProto.INT)
        return default if attribute is None else int(attribute.i)

    def number(self, name: str, default: float) -> float:
        """The attribute of this name, with the digits that were meant: 0.1, not 0.10000000149."""
        attribute = self._attribute(name, AttributeProto.FLOAT)
        return default if attribute is None else float(str(np.float32(attribute.f)))

    def text(self, name: str, default: str) -> str:
        """The attribute of this name, a string."""
        attribute = self._attribute(name, AttributeProto.STRING)
        return default if attribute is None else attribute.s.decode(errors="replace")

    def integers(self, name: str) -> tuple[int, ...] | None:
        """The attribute of this name, a list of whole numbers; None if it is left out."""
        attribute = self._attribute(name, AttributeProto.INTS)
        return None if attribute is None else tuple(int(value) for value in attribute.ints)

    def has_input(self, position: int) -> bool:
        """Whether an optional input is given."""
        return position < len(self.inputs) and self.inputs[position] != ""

    def weight(self, position: int) -> nn.Parameter:
        """The parameter at an input; a NetworkError where the network computes it."""
        found = self.stored.parameter(self.inputs[position])
        if found is None:
            raise self.refuse(f"its weights `{self.inputs[position]}` are computed, not stored")
        return found

    def optional_weight(self, position: int) -> nn.Parameter | None:
        """The parameter at an input, or None where it is left out."""
        return self.weight(position) if self.has_input(position) else None

    def statistic(self, position: int) -> Tensor:
        """Stored values at an input that are no parameter: running statistics."""
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


Maker = Callable[[Node], Compute]


def operands(values: Sequence[Value], *, has_numbers: bool = False) -> list[Any]:
    """Values as tensors, on the device of the first tensor among them and in its type."""
    like = next(value for value in values if isinstance(value, Tensor))

    def beside(value: Value) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        if has_numbers and value.ndim == 0:
            return value.item()
        dtype = like.dtype if value.dtype.kind == "f" else None
        return torch.as_tensor(value.copy(), dtype=dtype, device=like.device)

    return [beside(value) for value in values]


def integers(array: Array) -> tuple[int, ...]:
    """The values of an array as a flat tuple of integers."""
    return tuple(int(value) for value in array.reshape(-1))


def paths(nodes: Sequence[onnx.NodeProto]) -> list[NodePath]:
    """A unique path for each node, such that no node lies within another."""
    wanted = []
    counts: Counter[str] = Counter()
    for node in nodes:
        path = _path(node) or (f"{node.op_type}_{counts[node.op_type]}",)
        counts[node.op_type] += 1
        wanted.append(tuple(_allowed(part) for part in path))
    return _distinct(_without_lone_leaves(wanted))


def _path(node: onnx.NodeProto) -> NodePath:
    scopes = _recorded_scopes(node)
    if scopes:
        *around, own = scopes
        path = (*_parts([scope for scope in around if scope][-1:]), own)
    else:
        path = tuple(_parts(node.name.split("/")))
    fits = len(path) <= DEEPEST and sum(map(len, path)) <= LONGEST
    return path if fits else ()


def _recorded_scopes(node: onnx.NodeProto) -> list[str]:
    """`['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']`, as the newer exporter writes it."""
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            try:
                scopes = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return []
            is_list = isinstance(scopes, list) and all(isinstance(name, str) for name in scopes)
            return scopes if is_list else []
    return []


def _parts(scopes: Sequence[str]) -> list[str]:
    """Parts of a path: `["layer1", "layer1.0", "conv1"]` becomes `["layer1", "0", "conv1"]`."""
    parts: list[str] = []
    before = ""
    for scope in scopes:
        parts += [part for part in scope.removeprefix(f"{before}.").split(".") if part]
        before = scope
    return parts


def _allowed(part: str) -> str:
    """A name that a module can have: no dots, and no name of an attribute of modules."""
    name = "".join(letter if letter.isprintable() else "_" for letter in part).replace(".", "_")
    if name.startswith("_"):
        return f"node{name}"
    return f"{name}_" if hasattr(nn.Module, name) or name == "training" else name


def _without_lone_leaves(wanted: list[NodePath]) -> list[NodePath]:
    """Paths in which `conv1.Conv` is `conv1` where nothing else lies in `conv1`."""
    inside = Counter(path[:-1] for path in wanted)
    scopes = {path[:end] for path in wanted for end in range(len(path) - 1)}
    return [
        path[:-1] if len(path) > 1 and inside[path[:-1]] == 1 and path[:-1] not in scopes else path
        for path in wanted
    ]


def _distinct(wanted: list[NodePath]) -> list[NodePath]:
    scopes = {path[:end] for path in wanted for end in range(1, len(path))}
    taken: set[NodePath] = set()
    result = []
    for path in wanted:
        name, count = path, 1
        while name in taken or name in scopes:
            name, count = (*path[:-1], f"{path[-1]}_{count}"), count + 1
        taken.add(name)
        result.append(name)
    return result
