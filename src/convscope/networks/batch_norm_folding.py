"""Folding of batch normalisation into the layer before it, for faster inference.

In evaluation mode batch normalisation multiplies and adds constants, which the weights of the layer
before it can include; and a ReLU may overwrite values that no other layer reads.
"""

from __future__ import annotations

import copy
import operator
from collections import Counter
from collections.abc import Callable

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from convscope.networks.structure import LayerTracer

# A layer, the normalisation behind it, and the function that fuses them.
PAIRS: tuple[tuple[type[nn.Module], type[nn.Module], Callable[..., nn.Module]], ...] = (
    (nn.Conv2d, nn.BatchNorm2d, fuse_conv_bn_eval),
    (nn.Linear, nn.BatchNorm1d, fuse_linear_bn_eval),
)

# Layers whose outputs are new tensors, never views of others.
ALLOCATING = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d)


def with_folded_batch_norm(network: nn.Module) -> nn.Module:
    """A network with the same outputs, but for rounding, that reads memory less often.

    Args:
        network: Network in evaluation mode. It stays as it is, and shares unchanged weights with
            the result.

    Returns:
        The faster network; the given one if it can't be traced, as its control flow depends on
        values.
    """
    # The modules are copied, so that they can be replaced, but not their tensors.
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    try:
        copied = copy.deepcopy(network, shared)
        faster = fx.GraphModule(copied, LayerTracer().trace(copied))
    except (fx.proxy.TraceError, TypeError):
        return network
    _fold_normalisation(faster)
    _make_relus_inplace(faster)
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


def _make_relus_inplace(network: fx.GraphModule) -> None:
    """Makes those ReLUs work in place that are called once and alone read their input."""
    calls = _calls(network)
    for node in network.graph.nodes:
        layer = network.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, nn.ReLU | nn.ReLU6) and calls[node.target] == 1:
            source = node.args[0]
            layer.inplace = len(source.users) == 1 and _is_new(source, network)


def _calls(network: fx.GraphModule) -> Counter[object]:
    return Counter(node.target for node in network.graph.nodes if node.op == "call_module")


def _is_new(node: fx.Node, network: fx.GraphModule) -> bool:
    """Whether a node's value is a new tensor, not a view of another."""
    if node.op == "call_module":
        return isinstance(network.get_submodule(str(node.target)), ALLOCATING)
    return node.op == "call_function" and node.target is operator.add
