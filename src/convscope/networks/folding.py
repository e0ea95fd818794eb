"""The same function as a network, computed faster: for answers, not for learning or looking inside.

Batch normalisation in evaluation mode multiplies and adds constants, which the layer in front of it
can do with its own weights; and a ReLU may overwrite values that nobody else reads.
"""

from __future__ import annotations

import copy
import operator
from collections import Counter
from collections.abc import Callable

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

# The layer that computes, the normalisation behind it, and what makes one layer of them.
PAIRS: tuple[tuple[type[nn.Module], type[nn.Module], Callable[..., nn.Module]], ...] = (
    (nn.Conv2d, nn.BatchNorm2d, fuse_conv_bn_eval),
    (nn.Linear, nn.BatchNorm1d, fuse_linear_bn_eval),
)

# Their outputs are tensors of their own, never views of others.
MAKERS = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d)


def folded(network: nn.Module) -> nn.Module:
    """A network that gives the same outputs, but for rounding, with fewer passes over memory.

    Args:
        network: In evaluation mode. It stays as it is, and shares the weights that don't change
            with the result.

    Returns:
        The network itself where its course depends on values, so that nobody can say beforehand
        what follows what.
    """
    # What is copied are the modules, so that others can take their places.
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    try:
        faster = fx.symbolic_trace(copy.deepcopy(network, shared))
    except (fx.proxy.TraceError, TypeError):
        return network
    _fold_normalisation(faster)
    _overwrite(faster)
    faster.recompile()
    return faster


def _fold_normalisation(network: fx.GraphModule) -> None:
    calls = _calls(network)
    for node in list(network.graph.nodes):
        source = node.args[0] if node.op == "call_module" else None
        if not isinstance(source, fx.Node) or source.op != "call_module":
            continue
        if len(source.users) > 1 or calls[source.target] > 1:
            continue
        layer = network.get_submodule(str(source.target))
        normalisation = network.get_submodule(str(node.target))
        for kind, behind, fuse in PAIRS:
            is_pair = type(layer) is kind and type(normalisation) is behind
            if is_pair and normalisation.track_running_stats:
                network.set_submodule(str(source.target), fuse(layer, normalisation))
                node.replace_all_uses_with(source)
                network.graph.erase_node(node)
    network.delete_all_unused_submodules()


def _overwrite(network: fx.GraphModule) -> None:
    """Lets each ReLU work in place that is called once and whose input only it reads."""
    calls = _calls(network)
    for node in network.graph.nodes:
        layer = network.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, nn.ReLU) and calls[node.target] == 1:
            source = node.args[0]
            layer.inplace = len(source.users) == 1 and _is_new(source, network)


def _calls(network: fx.GraphModule) -> Counter[object]:
    return Counter(node.target for node in network.graph.nodes if node.op == "call_module")


def _is_new(node: fx.Node, network: fx.GraphModule) -> bool:
    """Whether a value is a tensor of its own, and no view of another."""
    if node.op == "call_module":
        return isinstance(network.get_submodule(str(node.target)), MAKERS)
    return node.op == "call_function" and node.target is operator.add
