"""An ONNX file opened safely: its graph, checked, with all weights.

A file holds a graph and numbers, no code. What can be wrong with it is said here or, for single
operators, where they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import onnx
from onnx import TensorProto

from convscope.errors import NetworkError

# Before it, operators broadcast by attributes of their own.
OLDEST_OPSET = 7
DEFAULT_DOMAINS = ("", "ai.onnx")
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
CHANNELS_LAST = (0, 3, 1, 2)


class ImageInput(NamedTuple):
    """What a graph takes.

    Attributes:
        name: Of the value in the graph.
        shape: (N, C, H, W), None where the file leaves it open.
    """

    name: str
    shape: tuple[int | None, int | None, int | None, int | None]


def open_model(path: Path) -> onnx.ModelProto:
    """The content of a file, unchecked, without weights that lie beside it.

    Raises:
        NetworkError: There is no such file, it is damaged, or from a version that can't be read.
    """
    if not path.is_file():
        what = "is a folder, no ONNX file" if path.is_dir() else "is missing"
        raise NetworkError(f"`{path}` {what}", hint="give the path of a file that is there")
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except Exception as error:  # what protobuf raises depends on where a file is damaged
        raise _damaged(path, error) from error
    if not model.graph.node:
        raise _damaged(path, "it holds no graph")
    if model.functions:
        raise NetworkError(
            f"`{path}` defines operators of its own, `{model.functions[0].name}` for instance",
            hint="write them out with `onnx.inliner.inline_local_functions`",
        )
    return model


def complete(model: onnx.ModelProto, path: Path) -> None:
    """Check a model, and load the weights that lie beside it; `onnx` refuses other folders.

    Raises:
        NetworkError: Something contradicts itself, or weights are missing.
    """
    try:
        onnx.checker.check_model(path)
        onnx.load_external_data_for_model(model, str(path.resolve().parent))
    except Exception as error:  # checker and missing files each have errors of their own
        raise _damaged(path, error) from error


def opset_of(model: onnx.ModelProto, path: Path) -> int:
    """The version of the standard operators that the file uses.

    Raises:
        NetworkError: It is too old, or newer than the installed `onnx` knows.
    """
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    newest = onnx.defs.onnx_opset_version()
    opset = versions[0] if versions else 1
    if not OLDEST_OPSET <= opset <= newest:
        raise NetworkError(
            f"`{path}` uses version `{opset}` of the ONNX operators; {OLDEST_OPSET} to {newest} "
            "can be read",
            hint="`onnx.version_converter` changes it"
            if opset < OLDEST_OPSET
            else "a newer `onnx` may know it: `pip install --upgrade onnx`",
        )
    return opset


def image_input(graph: onnx.GraphProto, path: Path) -> ImageInput:
    """The one input of a graph that takes a batch of images.

    Raises:
        NetworkError: It has none, or several inputs, or channels last.
    """
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(f"`{value.name}`" for value in inputs)
        what = f"{len(inputs)} inputs, {names}" if inputs else "no input"
        raise NetworkError(
            f"`{path}` has {what}", hint="a layer table takes one batch of images, (N, C, H, W)"
        )
    value = inputs[0]
    tensor = value.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    if len(dims) != 4 or tensor.elem_type not in FLOATS:
        kind = {number: name.lower() for name, number in TensorProto.DataType.items()}.get(
            tensor.elem_type, "unknown"
        )
        shape = ", ".join("?" if dim is None else str(dim) for dim in dims)
        raise NetworkError(
            f"the input `{value.name}` of `{path}` is no batch of images but `{kind}` values of "
            f"shape `({shape})`",
            hint="a layer table takes float values of shape (N, C, H, W)",
        )
    if _takes_channels_last(graph, value.name):
        raise NetworkError(
            f"the input `{value.name}` of `{path}` has its channels last, (N, H, W, C)",
            hint="export the network with (N, C, H, W); tf2onnx has `--inputs-as-nchw`",
        )
    # Some exporters write 0 or -1 for what they leave open.
    n, c, h, w = (dim if dim is not None and dim > 0 else None for dim in dims)
    return ImageInput(value.name, (n, c, h, w))


def _takes_channels_last(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the image is turned before anything else is done with it."""
    for node in graph.node:
        if name in node.input:
            orders = [tuple(entry.ints) for entry in node.attribute if entry.name == "perm"]
            return node.op_type == "Transpose" and orders == [CHANNELS_LAST]
    return False


def matching_shape(
    image: ImageInput, given: tuple[int, int, int] | None, path: Path
) -> tuple[int, int, int]:
    """(C, H, W) of one image, from the file and from what the user says.

    Raises:
        NetworkError: Both contradict each other, or neither says it.
    """
    fixed: Sequence[int | None] = image.shape[1:]
    if given is None:
        c, h, w = fixed
        if c is None or h is None or w is None:
            raise NetworkError(
                f"`{path}` leaves open which images it takes: `{_shape_text(fixed)}`",
                hint="say it with `input_shape`, on the command line `--input 3x224x224`",
            )
        return c, h, w
    if any(own not in (None, length) for own, length in zip(fixed, given, strict=True)):
        raise NetworkError(
            f"`{path}` takes images of shape `{_shape_text(fixed)}`, not `{_shape_text(given)}`",
            hint="leave `--input` out, or export the network with dynamic axes",
        )
    return given


def _shape_text(shape: Sequence[int | None]) -> str:
    return "x".join("?" if length is None else str(length) for length in shape)


def _damaged(path: Path, error: Exception | str) -> NetworkError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return NetworkError(
        f"`{path}` can't be read: {reason[0][:300]}",
        hint="it is damaged, no ONNX file, or weights that belong beside it are missing",
    )
