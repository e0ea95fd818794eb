"""The split of a network into frozen layers, computed once for each image, and trainable ones.

Where only the last layers are trained, the layers before them give the same features for an image
in every epoch. Computed once, they turn a training of the network into one of its last layers.
"""

from __future__ import annotations

import copy
from operator import attrgetter
from typing import NamedTuple, Self

from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from convscope.networks.structure import LayerTracer

# Layers and functions with one of these in their names are random.
RANDOM_NAMES = ("drop", "stochastic", "noise", "rand", "bernoulli", "normal_", "uniform_", "rrelu")


class FrozenSplit(NamedTuple):
    """The two halves of a network; both have its parameters, not copies of them.

    Attributes:
        frozen: First half, from images (N, C, H, W) to features (N, ...), one tensor. It is always
            in evaluation mode, whatever mode the network is in: `train()` doesn't change it, and
            batch normalisation uses its running statistics.
        trainable: Second half, from features (N, ...) to logits (N, K). Its mode is its own, not
            the network's. A step of an optimizer of the network's parameters trains both.
    """

    frozen: nn.Module
    trainable: nn.Module


def split_frozen(network: nn.Module) -> FrozenSplit | None:
    """Splits a network before the first value that can differ between two epochs.

    Such a value depends on a parameter with `requires_grad`, on random numbers (dropout and
    stochastic depth, recognised by name), or on the other images of a batch. Layers without
    parameters belong to the frozen half if nothing before them is trained: the features of a
    ResNet are the means that its dense layer takes.

    Only what `forward` calls is considered: the auxiliary heads of a GoogLeNet are in no half. A
    split holds until another parameter is frozen or released.

    Args:
        network: Any module that maps images (N, C, H, W) to logits (N, K). It stays as it is.

    Returns:
        The two halves; None if nothing is trained, if nothing with parameters is frozen, if more
        than one tensor would cross the split, as in a residual block with stochastic depth, or if
        `forward` can't be traced.
    """
    view = _view(network)
    in_training, in_evaluation = _traced(view.train()), _traced(view.eval())
    if in_training is None or in_evaluation is None:
        return None
    constant = _constant(view, in_training)
    cut, cut_in_evaluation = _cut(in_training, constant), _cut(in_evaluation, constant)
    # The frozen half always evaluates: it may replace only what training does in the same way.
    if cut is None or cut_in_evaluation is None or str(cut.front) != str(cut_in_evaluation.front):
        return None
    frozen = _Frozen(fx.GraphModule(_view(view), cut.front))
    trainable = _Trainable(
        fx.GraphModule(view, cut.back), fx.GraphModule(view, cut_in_evaluation.back)
    ).train(network.training)
    is_useful = any(True for _ in frozen.parameters()) and any(
        parameter.requires_grad for parameter in trainable.parameters()
    )
    return FrozenSplit(frozen, trainable) if is_useful else None


class _Frozen(nn.Module):
    """The frozen half, which stays in evaluation mode."""

    def __init__(self, layers: fx.GraphModule) -> None:
        super().__init__()
        self.layers = layers
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whatever `mode` is."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, ...) of images (N, C, H, W)."""
        features: Tensor = self.layers(images)
        return features


class _Trainable(nn.Module):
    """The trainable half, as a graph for training and one for evaluation.

    For networks of layers alone the two are the same. They differ where `forward` itself reads the
    mode, to call a dropout function for instance.
    """

    def __init__(self, in_training: fx.GraphModule, in_evaluation: fx.GraphModule) -> None:
        super().__init__()
        self.in_training, self.in_evaluation = in_training, in_evaluation

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) of features (N, ...)."""
        layers = self.in_training if self.training else self.in_evaluation
        # A layer that works in place would change features that are used again.
        logits: Tensor = layers(features.clone())
        return logits


def _view(module: nn.Module) -> nn.Module:
    """A copy of a module with a mode of its own, which shares all parameters and buffers."""
    view = copy.copy(module)  # the dictionaries of tensors are the same, so it follows moves, too
    view._modules = {
        name: None if child is None else _view(child) for name, child in module._modules.items()
    }
    return view


def _traced(network: nn.Module) -> fx.Graph | None:
    """The graph of `forward` in the network's mode; None if it can't be traced."""
    try:
        return LayerTracer().trace(network)
    except Exception:  # forward meets what it wasn't written for, and may fail in any way
        return None


def _constant(network: nn.Module, graph: fx.Graph) -> frozenset[str]:
    """Names of the nodes whose values depend on the image, and on nothing that changes."""
    of_image: set[fx.Node] = set()
    changing: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or of_image.intersection(node.all_input_nodes):
            of_image.add(node)
        if _changes(network, node) or changing.intersection(node.all_input_nodes):
            changing.add(node)
    return frozenset(node.name for node in of_image - changing if node.op != "output")


def _changes(network: nn.Module, node: fx.Node) -> bool:
    """Whether a node gives different outputs for the same inputs at different times."""
    target = node.target
    if node.op == "call_module":
        return any(map(_module_changes, network.get_submodule(str(target)).modules()))
    if node.op == "get_attr":
        return bool(getattr(attrgetter(str(target))(network), "requires_grad", False))
    return node.op.startswith("call_") and _is_random(getattr(target, "__name__", str(target)))


def _module_changes(module: nn.Module) -> bool:
    """Whether a module is trained, random, or normalises by the batch even in evaluation."""
    return (
        any(parameter.requires_grad for parameter in module.parameters(recurse=False))
        or any(_is_random(kind.__name__) for kind in type(module).__mro__)
        or (isinstance(module, _BatchNorm) and module.running_mean is None)
    )


def _is_random(name: str) -> bool:
    return any(word in name.lower() for word in RANDOM_NAMES)


class _Cut(NamedTuple):
    """The graphs before and behind a cut."""

    front: fx.Graph
    back: fx.Graph


def _cut(graph: fx.Graph, constant: frozenset[str]) -> _Cut | None:
    """The graphs on both sides of a cut; None if more than one value crosses it."""
    front = [node for node in graph.nodes if node.name in constant]
    back = [node for node in graph.nodes if node.name not in constant and node.op != "output"]
    images = graph.find_nodes(op="placeholder")
    crossing = [node for node in front if any(user.name not in constant for user in node.users)]
    logits = graph.output_node().args[0]
    if len(images) != 1 or len(crossing) != 1 or not isinstance(logits, fx.Node):
        return None
    features = crossing[0]
    return _Cut(_subgraph(front, images[0], features), _subgraph(back, features, logits))


def _subgraph(nodes: list[fx.Node], first: fx.Node, last: fx.Node) -> fx.Graph:
    """A graph of these nodes, from the value of the first to that of the last."""
    graph = fx.Graph()
    copies = {first: graph.placeholder("x")}

    def copied(node: fx.Node) -> fx.Node:
        # Also called for a node's inputs: parameters, for instance, stand at their first use.
        if node not in copies:
            copies[node] = graph.node_copy(node, copied)
        return copies[node]

    for node in nodes:
        copied(node)
    graph.output(copied(last))
    return graph
