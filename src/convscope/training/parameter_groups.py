"""Groups of parameters that share a learning rate and a weight decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from convscope.networks import blocks


def parameter_groups(
    network: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.0,
    bias_decay: float = 0.0,
    layer_decay: float = 1.0,
) -> list[dict[str, Any]]:
    """The parameters that learn, grouped for an optimizer.

    Weight decay is kept off parameters with one axis (biases, scales and shifts of normalisation)
    unless `bias_decay` says otherwise: pulling them to zero doesn't simplify what the network
    computes.

    Args:
        network: Those of its parameters that need gradients are taken.
        lr: Of the last block.
        weight_decay: Of parameters with two or more axes.
        bias_decay: Of the others.
        layer_decay: Each block's rate is this share of that of the block after it.

    Source: Howard and Ruder 2018, Universal language model fine-tuning, section 3.2, for rates that
        differ by layer.
    """
    if layer_decay == 1:
        return list(_by_axes(network.parameters(), lr, weight_decay, bias_decay))
    groups: list[dict[str, Any]] = []
    for depth, block in enumerate(reversed(blocks(network))):
        parameters = [
            parameter
            for name in block.modules
            for parameter in network.get_submodule(name).parameters(recurse=False)
        ]
        groups += _by_axes(parameters, lr * layer_decay**depth, weight_decay, bias_decay)
    return groups


def _by_axes(
    parameters: Iterable[nn.Parameter], lr: float, weight_decay: float, bias_decay: float
) -> Iterable[dict[str, Any]]:
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    for chosen, decay in (
        ([p for p in learning if p.ndim > 1], weight_decay),
        ([p for p in learning if p.ndim <= 1], bias_decay),
    ):
        if chosen:
            yield {"params": chosen, "lr": lr, "weight_decay": decay}
