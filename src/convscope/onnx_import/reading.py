"""From an ONNX file, opened safely and checked, to a torch module.

A file holds a graph and numbers, no code. What can be wrong with it is said here or, for single
operators, where they are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto

from convscope.errors import NetworkError, is_out_of_memory
from convscope.files import open_regular
from convscope.onnx_import.layers import LAYERS, OnnxLayer, layer_of
from convscope.onnx_import.network import (
    ARITHMETIC,
    OF_SHAPES,
    ImageInput,
    KnownNode,
    NodeCall,
    OnnxNetwork,
)
from convscope.onnx_import.node import HINT, Node, StoredValues, constant_of, paths
from convscope.recipe.types import MAX_BATCH, MAX_SIDE_PX
from convscope.text import listed

MAX_CHANNELS = 4096  # of an image
# Before it, operators broadcast by attributes of their own.
OLDEST_OPSET = 7
DEFAULT_DOMAINS = ("", "ai.onnx")
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
CHANNELS_LAST = (0, 3, 1, 2)
# Their second input is a shape, which names the batch in a file made for one size of batch.
SHAPE_TAKERS = ("Reshape", "Expand")


def read_onnx(
    path: Path | str, input_shape: tuple[int, int, int] | None = None
) -> tuple[OnnxNetwork, tuple[int, int, int]]:
    """The network of an ONNX file, and (C, H, W) of an image that it takes.

    Nothing in the file is run. Each node becomes a layer named as in the network that was exported.

    Args:
        path: The file; weights may lie in another one beside it.
        input_shape: (C, H, W) of an image, for files that leave it open.

    Raises:
        NetworkError: The file can't be read, or has something in it that isn't supported.
    """
    file = Path(path)
    model = _open_model(file)
    opset = _opset_of(model, file)
    _refuse_unsupported(model.graph.node, file)
    _complete(model, file)
    image = _image_input(model.graph, file)
    shape = _matching_shape(image, input_shape, file)
    return _Reader(model.graph, image, opset, file).network(), shape


class _Reader:
    """Reads the nodes of a graph, in their order."""

    def __init__(self, graph: onnx.GraphProto, image: ImageInput, opset: int, file: Path) -> None:
        self.graph, self.image, self.opset, self.file = graph, image, opset, file
        self.stored = StoredValues(graph.initializer)
        self.known = set(self.stored.arrays)
        self.before_layers: list[KnownNode] = []
        self.layers: list[tuple[onnx.NodeProto, OnnxLayer, list[KnownNode]]] = []
        self.batch_first: set[str] = set()

    def network(self) -> OnnxNetwork:
        """The module that runs all nodes."""
        for node in self.graph.node:
            self._take(node)
        made = {name for _, layer, _ in self.layers for name in layer.outputs}
        outputs = [value.name for value in self.graph.output if value.name in made]
        if not outputs:
            raise NetworkError(
                f"no output of `{self.file}` depends on the image",
                hint="a layer table shows what a network does with an image",
            )
        node_paths = paths([node for node, _, _ in self.layers])
        return OnnxNetwork(
            [
                NodeCall(path, layer, known)
                for path, (_, layer, known) in zip(node_paths, self.layers, strict=True)
            ],
            image=self.image,
            outputs=outputs,
            known=self.before_layers,
            arrays=self.stored.arrays,
            batch_first=frozenset(self.batch_first),
        )

    def _take(self, node: onnx.NodeProto) -> None:
        if node.op_type == "Constant":
            self.stored.add(node.output[0], constant_of(node), is_parameter=False)
        elif node.op_type == "Identity" and node.input[0] in self.stored:
            self.stored.rename(node.input[0], node.output[0])
        elif node.op_type in OF_SHAPES or all(name in self.known for name in node.input if name):
            self._take_known(node)
            return
        else:
            self._take_layer(node)
            return
        self.known |= self.stored.arrays.keys() & {node.output[0]}

    def _take_known(self, node: onnx.NodeProto) -> None:
        known = KnownNode(node, opset=self.opset)
        if node.op_type not in ARITHMETIC | OF_SHAPES:
            raise Node(node, opset=self.opset, stored=self.stored).refuse(
                "it computes with values that don't depend on the image"
            )
        self.known |= set(node.output)
        if all(name in self.stored.arrays for name in node.input if name):
            self.stored.arrays.update(known.compute(self.stored.arrays))
            return
        waiting = self.layers[-1][2] if self.layers else self.before_layers
        waiting.append(known)

    def _take_layer(self, node: onnx.NodeProto) -> None:
        layer = layer_of(Node(node, opset=self.opset, stored=self.stored), self.known)
        self.layers.append((node, layer, []))
        if node.op_type in SHAPE_TAKERS and node.input[0] not in self.stored:
            shape = self.stored.arrays.get(node.input[1])
            batch = self.image.shape[0]
            if batch is not None and shape is not None and shape.size and shape[0] == batch:
                self.batch_first.add(node.input[1])


def _refuse_unsupported(nodes: Sequence[onnx.NodeProto], file: Path) -> None:
    supported = LAYERS | ARITHMETIC | OF_SHAPES | {"Constant"}
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for node in nodes:
        is_standard = node.domain in DEFAULT_DOMAINS
        if not (is_standard and node.op_type in supported):
            name = node.op_type if is_standard else f"{node.domain}.{node.op_type}"
            counts[name] += 1
            first.setdefault(name, node.name or (node.output[0] if node.output else ""))
    if counts:
        lines = [
            f"`{name}`, {f'{count} times, first' if count > 1 else 'once,'} as node `{first[name]}`"
            for name, count in counts.most_common()
        ]
        raise NetworkError(
            f"`{file}` has operators that can't be read:\n{listed(lines)}", hint=HINT
        )


def _open_model(path: Path) -> onnx.ModelProto:
    """The model in a file, unchecked and without weights that lie beside it."""
    if not path.exists() or path.is_dir():
        what = "is a folder, no ONNX file" if path.is_dir() else "is missing"
        raise NetworkError(f"`{path}` {what}", hint="give the path of a file that is there")
    try:
        open_regular(path).close()  # else a pipe is waited for
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except Exception as error:  # what protobuf raises depends on where a file is damaged
        if is_out_of_memory(error):
            raise
        raise _damaged(path, error) from error
    if not model.graph.node:
        raise _damaged(path, "it holds no graph")
    if model.functions:
        raise NetworkError(
            f"`{path}` defines operators of its own, `{model.functions[0].name}` for instance",
            hint="write them out with `onnx.inliner.inline_local_functions`",
        )
    return model


def _complete(model: onnx.ModelProto, path: Path) -> None:
    """Check a model, and load the weights that lie beside it; `onnx` refuses other folders."""
    try:
        onnx.checker.check_model(path)
        onnx.load_external_data_for_model(model, str(path.resolve().parent))
    except Exception as error:  # checker and missing files each have errors of their own
        if is_out_of_memory(error):
            raise
        raise _damaged(path, error) from error


def _opset_of(model: onnx.ModelProto, path: Path) -> int:
    """The version of the standard operators that the file uses."""
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


def _image_input(graph: onnx.GraphProto, path: Path) -> ImageInput:
    """The one input of a graph that takes a batch of images."""
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
    limits = (MAX_BATCH, MAX_CHANNELS, MAX_SIDE_PX, MAX_SIDE_PX)
    if any((dim or 0) > limit for dim, limit in zip(dims, limits, strict=True)):
        raise NetworkError(
            f"the input `{value.name}` of `{path}` is `{_shape_text(dims)}`, which no images are",
            hint=f"a side has {MAX_SIDE_PX:,} pixels at most, a pixel {MAX_CHANNELS:,} channels",
        )
    return ImageInput(value.name, (n, c, h, w))


def _takes_channels_last(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the image is transposed to channels first before all else."""
    for node in graph.node:
        if name in node.input:
            orders = [tuple(entry.ints) for entry in node.attribute if entry.name == "perm"]
            return node.op_type == "Transpose" and orders == [CHANNELS_LAST]
    return False


def _matching_shape(
    image: ImageInput, given: tuple[int, int, int] | None, path: Path
) -> tuple[int, int, int]:
    """The (C, H, W) of one image, from the file and from what the user says."""
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
