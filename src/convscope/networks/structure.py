"""The structure of a network: its blocks from input to output, its heads, its graph."""

from __future__ import annotations

from typing import NamedTuple

from torch import fx, nn
from torch.nn.modules.batchnorm import _NormBase

from convscope.networks.googlenet import AuxiliaryHead
from convscope.networks.lenet1998 import RadialBasisOutput

# Modules whose children are computed one after the other.
SEQUENCES = (nn.Sequential, nn.ModuleList)

# Layers that follow a convolution and have running statistics of their own.
NORMALISATIONS = (_NormBase,)

# Layers that may give logits.
HEAD_LAYERS = (nn.Linear, nn.Conv2d, RadialBasisOutput)


class LayerTracer(fx.Tracer):
    """A tracer that enters all modules that contain others, but no layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is not entered: layers read shapes, which tracing doesn't know."""
        return not m._modules or super().is_leaf_module(m, module_qualified_name)


class Block(NamedTuple):
    """Layers that share a learning rate and are frozen together.

    Attributes:
        name: Name of the module that holds them; of several, the first.
        modules: Names, as in `named_modules`, of the modules whose own parameters, without those
            of modules inside them, belong to the block.
    """

    name: str
    modules: tuple[str, ...]


def layer_blocks(network: nn.Module) -> tuple[Block, ...]:
    """The layers with parameters, grouped into blocks from input to output.

    - A child of the network, or of a sequence in it, is a block with all that is inside it.
    - Normalisation joins the block before it.
    - The block with the main head is the last. Auxiliary heads belong to it, too, as all heads are
      replaced for new classes.

    The order is that in which layers were created, which in all networks of the table is the order
    of computation.

    Args:
        network: Any module.

    Returns:
        The blocks. Each parameter is in one of them, unless layers share it: then it is in the
        blocks of all of them. Modules without parameters are in none.
    """
    main = head_names(network)[-1:]
    last = _outermost(network, main[0]) if main else None
    grouped: dict[str, list[str]] = {}
    for name, module in network.named_modules():
        if not any(True for _ in module.parameters(recurse=False)):
            continue
        block = _outermost(network, name)
        outer = network.get_submodule(block)
        if isinstance(outer, AuxiliaryHead) and last is not None:
            block = last
        elif isinstance(outer, NORMALISATIONS) and grouped:
            block = next(reversed(grouped))
        grouped.setdefault(block, []).append(name)
    # A head without parameters, distances to fixed codes for instance, is in no block.
    if last in grouped:
        grouped[last] = grouped.pop(last)
    return tuple(Block(name, tuple(modules)) for name, modules in grouped.items())


def _outermost(network: nn.Module, name: str) -> str:
    """The name of the outermost module around a module that is no sequence."""
    steps = name.split(".")
    for length in range(1, len(steps)):
        outer = ".".join(steps[:length])
        if not isinstance(network.get_submodule(outer), SEQUENCES):
            return outer
    return name


def head_names(network: nn.Module) -> tuple[str, ...]:
    """The names of the layers that give logits: the last one, and that of each auxiliary head.

    For any other module it is the last dense or convolutional layer, in the order in which its
    layers were created.

    Args:
        network: Any module.

    Returns:
        Module names as in `named_modules`, the main head last; empty if there is no such layer.
    """
    found = [
        f"{name}.{last}"
        for name, module in network.named_modules()
        if isinstance(module, AuxiliaryHead) and (last := _last(module)) is not None
    ]
    main = _last(network)
    if main is not None and main not in found:
        found.append(main)
    return tuple(found)


def _last(module: nn.Module) -> str | None:
    """The name of the last layer that may give logits; None if there is none."""
    names = [name for name, layer in module.named_modules() if isinstance(layer, HEAD_LAYERS)]
    return names[-1] if names else None
