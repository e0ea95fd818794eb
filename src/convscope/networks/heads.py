"""Which layers of a network have as many outputs as there are classes."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from convscope.networks.googlenet import AuxiliaryHead
from convscope.networks.lenet1998 import RadialBasisOutput

KINDS = (nn.Linear, nn.Conv2d, RadialBasisOutput)


def heads(network: nn.Module) -> tuple[str, ...]:
    """Names of the layers that give logits: the last one, and that of each auxiliary head.

    A network that is not ours is read the same way: its last dense or convolutional layer, in the
    order in which its layers were made.

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
    names = list(_candidates(module))
    return names[-1] if names else None


def _candidates(module: nn.Module) -> Iterator[str]:
    return (name for name, layer in module.named_modules() if isinstance(layer, KINDS))
