"""A network's layers in blocks from input to output, for learning rates and freezing by depth."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from convscope.networks.googlenet import AuxiliaryHead
from convscope.networks.heads import heads

# Their children come one after the other; in any other module they may be side by side.
SEQUENCES = (nn.Sequential, nn.ModuleList)

# Layers that follow a convolution and have running statistics of their own.
NORMALISATIONS = (_NormBase,)


class Block(NamedTuple):
    """Layers that learn alike.

    Attributes:
        name: The module that they are, or are inside of; of several, the first.
        modules: Names as in `named_modules` of the modules whose own parameters, without those of
            modules inside them, belong to the block.
    """

    name: str
    modules: tuple[str, ...]


def blocks(network: nn.Module) -> tuple[Block, ...]:
    """The layers with parameters, grouped into blocks from input to output.

    - A child of the network, or of a sequence in it, is a block with all that is inside it.
    - Normalisation joins the block before it.
    - The block with the main head is the last. Auxiliary heads belong to it, too: all heads are new
      when there are new classes.

    Depth is taken from the order in which layers were made, which in all networks of the table is
    the order of computation.

    Args:
        network: Any module.

    Returns:
        Every parameter is in exactly one block, unless layers share it: then it is in the blocks of
        all of them. Modules without parameters are in none.
    """
    main = heads(network)[-1:]
    last = _part(network, main[0]) if main else None
    grouped: dict[str, list[str]] = {}
    for name, module in network.named_modules():
        if not any(True for _ in module.parameters(recurse=False)):
            continue
        part = _part(network, name)
        outer = network.get_submodule(part)
        if isinstance(outer, AuxiliaryHead) and last is not None:
            part = last
        elif isinstance(outer, NORMALISATIONS) and grouped:
            part = next(reversed(grouped))
        grouped.setdefault(part, []).append(name)
    # A head without parameters, distances to fixed codes for instance, is in no block.
    if last in grouped:
        grouped[last] = grouped.pop(last)
    return tuple(Block(name, tuple(modules)) for name, modules in grouped.items())


def _part(network: nn.Module, name: str) -> str:
    """The outermost module around a module that is neither the network nor a sequence."""
    steps = name.split(".")
    for length in range(1, len(steps)):
        outer = ".".join(steps[:length])
        if not isinstance(network.get_submodule(outer), SEQUENCES):
            return outer
    return name
