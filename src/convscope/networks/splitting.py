"""A network cut in two: what can be computed once for each image, and what learns.

Where only the last layers learn, the layers before them give the same features for an image in
every epoch. Computed once, they turn a training of the network into one of its last layers.
"""

from __future__ import annotations

import copy
from operator import attrgetter
from typing import NamedTuple, Self

from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Layers and functions with one of these in their names draw anew at each step.
DRAWING = ("drop", "stochastic", "noise", "rand", "bernoulli", "normal_", "uniform_", "rrelu")


class FrozenSplit(NamedTuple):
    """The two halves of a network; both have its parameters, not copies of them.

    Attributes:
        frozen: Maps images (N, C, H, W) to features (N, ...), one tensor. It is always in
            evaluation mode, whatever mode the network is in: `train()` doesn't change it, and
            batch normalisation uses its running statistics.
        learning: Maps features (N, ...) to logits (N, K). Its mode is its own, not the network's.
            A step of an optimizer of the network's parameters trains it and the network alike.
    """

    frozen: nn.Module
    learning: nn.Module


def split_at_learning(network: nn.Module) -> FrozenSplit | None:
    """Cuts a network before the first value that can differ between two epochs.

    Such a value depends on a parameter with `requires_grad`, on what is drawn at random (dropout
    and stochastic depth, recognised by name), or on the batch around an image. What has no
    parameters stays in front of the cut where nothing learns before it: the features of a ResNet
    are the means that its dense layer takes.

    Only what `forward` reaches is looked at: the auxiliary heads of a GoogLeNet are in no half. A
    cut holds until another parameter is frozen or released.

    Args:
        network: Any module that maps images (N, C, H, W) to logits (N, K). It stays as it is.

    Returns:
        None if there is no such cut: nothing learns, or nothing with parameters comes before it;
        more than one tensor would have to be kept, as in a residual block with stochastic depth;
        or what `forward` does can't be followed.
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
    learning = _Learning(
        fx.GraphModule(view, cut.back), fx.GraphModule(view, cut_in_evaluation.back)
    ).train(network.training)
    is_useful = any(True for _ in frozen.parameters()) and any(
        parameter.requires_grad for parameter in learning.parameters()
    )
    return FrozenSplit(frozen, learning) if is_useful else None


class _Frozen(nn.Module):
    """Layers that stay in evaluation mode."""

    def __init__(self, layers: fx.GraphModule) -> None:
        super().__init__()
        self.layers = layers
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whatever is asked for."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, ...) of images (N, C, H, W)."""
        features: Tensor = self.layers(images)
        return features


class _Learning(nn.Module):
    """What a network does with features in training, and what it does in evaluation.

    For networks of layers alone the two are the same. They differ where `forward` itself looks at
    the mode, to call a dropout function for instance.
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
    """The same parameters and buffers in modules that have a mode of their own."""
    view = copy.copy(module)  # the dictionaries of tensors are the same, so it follows moves, too
    view._modules = {
        name: None if child is None else _view(child) for name, child in module._modules.items()
    }
    return view


class _Tracer(fx.Tracer):
    """Follows values through all modules that contain others, not into layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a call is one step: layers look at shapes, which are not known here."""
        return not m._modules or super().is_leaf_module(m, module_qualified_name)


def _traced(network: nn.Module) -> fx.Graph | None:
    """The steps of `forward` in the mode that the network is in; None if they can't be followed."""
    try:
        return _Tracer().trace(network)
    except Exception:  # forward meets what it wasn't written for, and may fail in any way
        return None


def _constant(network: nn.Module, graph: fx.Graph) -> frozenset[str]:
    """Names of the values that depend on the image, and on nothing that changes."""
    of_image: set[fx.Node] = set()
    changing: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or of_image.intersection(node.all_input_nodes):
            of_image.add(node)
        if _changes(network, node) or changing.intersection(node.all_input_nodes):
            changing.add(node)
    return frozenset(node.name for node in of_image - changing if node.op != "output")


def _changes(network: nn.Module, node: fx.Node) -> bool:
    """Whether a step itself gives something else at another time, from the same input."""
    target = node.target
    if node.op == "call_module":
        return any(_part_changes(part) for part in network.get_submodule(str(target)).modules())
    if node.op == "get_attr":
        return bool(getattr(attrgetter(str(target))(network), "requires_grad", False))
    return node.op.startswith("call_") and _draws(getattr(target, "__name__", str(target)))


def _part_changes(part: nn.Module) -> bool:
    """Whether it learns, draws, or normalises an image by its batch even in evaluation."""
    return (
        any(parameter.requires_grad for parameter in part.parameters(recurse=False))
        or any(_draws(kind.__name__) for kind in type(part).__mro__)
        or (isinstance(part, _BatchNorm) and part.running_mean is None)
    )


def _draws(name: str) -> bool:
    return any(word in name.lower() for word in DRAWING)


class _Cut(NamedTuple):
    """The steps before and behind a cut."""

    front: fx.Graph
    back: fx.Graph


def _cut(graph: fx.Graph, constant: frozenset[str]) -> _Cut | None:
    """Two graphs of one input and one output each; None if more than one value crosses the cut."""
    front = [node for node in graph.nodes if node.name in constant]
    back = [node for node in graph.nodes if node.name not in constant and node.op != "output"]
    images = graph.find_nodes(op="placeholder")
    crossing = [node for node in front if any(user.name not in constant for user in node.users)]
    logits = graph.output_node().args[0]
    if len(images) != 1 or len(crossing) != 1 or not isinstance(logits, fx.Node):
        return None
    features = crossing[0]
    return _Cut(_steps(front, images[0], features), _steps(back, features, logits))


def _steps(nodes: list[fx.Node], first: fx.Node, last: fx.Node) -> fx.Graph:
    """A graph of these steps, which takes the value of the first and gives that of the last."""
    graph = fx.Graph()
    copies = {first: graph.placeholder("x")}

    def copied(node: fx.Node) -> fx.Node:
        # Also called for what a step takes: parameters, for instance, stand at their first use.
        if node not in copies:
            copies[node] = graph.node_copy(node, copied)
        return copies[node]

    for node in nodes:
        copied(node)
    graph.output(copied(last))
    return graph
