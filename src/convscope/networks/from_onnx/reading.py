"""From an ONNX file to a torch module: which node is a layer, and which is known beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import onnx

from convscope.errors import NetworkError, listed
from convscope.networks.from_onnx.file import (
    DEFAULT_DOMAINS,
    ImageInput,
    complete,
    image_input,
    matching_shape,
    open_model,
    opset_of,
)
from convscope.networks.from_onnx.known import ARITHMETIC, OF_SHAPES, KnownNode
from convscope.networks.from_onnx.layers import LAYERS, Layer, layer_of
from convscope.networks.from_onnx.names import paths
from convscope.networks.from_onnx.network import OnnxNetwork, Step
from convscope.networks.from_onnx.node import HINT, Node
from convscope.networks.from_onnx.stored import Stored, constant_of

# Their second input is a shape in which a file made for one size of batch names it.
SHAPE_TAKERS = ("Reshape", "Expand")


def read_onnx(
    path: Path | str, input_shape: tuple[int, int, int] | None = None
) -> tuple[OnnxNetwork, tuple[int, int, int]]:
    """The network of an ONNX file, and (C, H, W) of an image that it takes.

    Nothing in the file is run. Each node becomes a layer named as in the network that was exported.

    Args:
        path: The file; weights may lie in another one beside it.
        input_shape: (C, H, W), for files that leave it open.

    Raises:
        NetworkError: The file can't be read, or has something in it that isn't taught.
    """
    file = Path(path)
    model = open_model(file)
    opset = opset_of(model, file)
    _refuse_untaught(model.graph.node, file)
    complete(model, file)
    image = image_input(model.graph, file)
    shape = matching_shape(image, input_shape, file)
    return _Reader(model.graph, image, opset, file).network(), shape


class _Reader:
    """Goes through a graph once, in its order."""

    def __init__(self, graph: onnx.GraphProto, image: ImageInput, opset: int, file: Path) -> None:
        self.graph, self.image, self.opset, self.file = graph, image, opset, file
        self.stored = Stored(graph.initializer)
        self.known = set(self.stored.arrays)
        self.before_layers: list[KnownNode] = []
        self.layers: list[tuple[onnx.NodeProto, Layer, list[KnownNode]]] = []
        self.batch_first: set[str] = set()

    def network(self) -> OnnxNetwork:
        """All nodes as one module."""
        for node in self.graph.node:
            self._take(node)
        made = {name for _, layer, _ in self.layers for name in layer.outputs}
        outputs = [value.name for value in self.graph.output if value.name in made]
        if not outputs:
            raise NetworkError(
                f"no output of `{self.file}` depends on the image",
                hint="a layer table shows what a network does with an image",
            )
        places = paths([node for node, _, _ in self.layers])
        return OnnxNetwork(
            [
                Step(place, layer, known)
                for place, (_, layer, known) in zip(places, self.layers, strict=True)
            ],
            image=self.image.name,
            outputs=outputs,
            known=self.before_layers,
            arrays=self.stored.arrays,
            batch=self.image.shape[0],
            batch_first=frozenset(self.batch_first),
        )

    def _take(self, node: onnx.NodeProto) -> None:
        if node.op_type == "Constant":
            self.stored.add(node.output[0], constant_of(node), is_learned=False)
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


def _refuse_untaught(nodes: Sequence[onnx.NodeProto], file: Path) -> None:
    taught = LAYERS | ARITHMETIC | OF_SHAPES | {"Constant"}
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for node in nodes:
        is_standard = node.domain in DEFAULT_DOMAINS
        if not (is_standard and node.op_type in taught):
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
