"""Freezing: which layers are trained, in which mode the others run, groups of parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from convscope.errors import UsageError
from convscope.networks import NORMALISATIONS, head_names, layer_blocks


def freeze(network: nn.Module, tune: str) -> None:
    """Freezes all layers but the ones to tune: all, the dense ones, or the last one alone.

    Raises:
        UsageError: `dense`, but the network has no dense layer.
    """
    if tune == "all":
        network.requires_grad_(True)
        return
    *auxiliaries, head = head_names(network)
    trained = [head]
    if tune == "dense":
        # The layers of an auxiliary output lie beside its last one; they get no gradient here.
        beside = tuple(f"{name.rpartition('.')[0]}." for name in auxiliaries)
        trained = [
            name
            for name, layer in network.named_modules()
            if isinstance(layer, nn.Linear) and not (beside and name.startswith(beside))
        ]
        if not trained:
            raise UsageError(
                "`tune=dense` has nothing to tune: this network has no dense layers",
                hint="`--tune head` trains its last layer",
            )
    network.requires_grad_(False)
    for name in trained:
        network.get_submodule(name).requires_grad_(True)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UsageError(
            f"`tune={tune}` has nothing to tune: the layer `{head}` has no parameters",
            hint="`--tune dense` or `--tune all` trains more",
        )


def unfreeze(network: nn.Module, epoch: int, *, every: float) -> None:
    """Unfreezes as many of the last blocks as is their turn in an epoch, counted from 0.

    Source: Howard and Ruder 2018, Universal language model fine-tuning, section 3.3.

    Args:
        network: The network, changed in place.
        epoch: Number of the epoch; in the first one, only the last block is trained.
        every: Number of epochs until the next block joins.
    """
    num_trained = 1 + int(epoch / every)
    for place, block in enumerate(reversed(layer_blocks(network))):
        for name in block.modules:
            for parameter in network.get_submodule(name).parameters(recurse=False):
                parameter.requires_grad_(place < num_trained)


def set_train_mode(network: nn.Module) -> None:
    """Sets training mode, but evaluation mode for frozen normalisation layers.

    Frozen batch normalisation in training mode would go on changing its running statistics, and
    with them what every frozen layer after it gives.
    """
    network.train()
    for layer in network.modules():
        learns = any(parameter.requires_grad for parameter in layer.parameters())
        if isinstance(layer, NORMALISATIONS) and not learns:
            layer.eval()


def parameter_groups(
    network: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.0,
    bias_decay: float = 0.0,
    layer_decay: float = 1.0,
) -> list[dict[str, Any]]:
    """The trained parameters, grouped for an optimizer.

    Weight decay is kept off parameters with one axis (biases, scales and shifts of normalisation)
    unless `bias_decay` says otherwise: pulling them to zero doesn't simplify what the network
    computes.

    Args:
        network: The network; its parameters that need gradients are taken.
        lr: Learning rate of the last block.
        weight_decay: Weight decay of parameters with two or more axes.
        bias_decay: Weight decay of the others.
        layer_decay: Learning rate of a block as a share of that of the block after it.

    Source: Howard and Ruder 2018, Universal language model fine-tuning, section 3.2, for trained
        rates that differ by layer.
    """
    if layer_decay == 1:
        return list(_by_axes(network.parameters(), lr, weight_decay, bias_decay))
    groups: list[dict[str, Any]] = []
    for depth, block in enumerate(reversed(layer_blocks(network))):
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
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for chosen, decay in (
        ([p for p in trained if p.ndim > 1], weight_decay),
        ([p for p in trained if p.ndim <= 1], bias_decay),
    ):
        if chosen:
            yield {"params": chosen, "lr": lr, "weight_decay": decay}
