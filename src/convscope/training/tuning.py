"""Which layers learn, and what that means for layers that don't."""

from __future__ import annotations

from torch import nn

from convscope.errors import UsageError
from convscope.networks import NORMALISATIONS, blocks, heads


def freeze(network: nn.Module, tune: str) -> None:
    """Lets all layers learn, the dense ones, or the last one alone.

    Raises:
        UsageError: `dense`, but the network has no dense layer.
    """
    if tune == "all":
        return
    *auxiliaries, head = heads(network)
    learning = [head]
    if tune == "dense":
        # The layers of an auxiliary output lie beside its last one; they get no gradient here.
        beside = tuple(f"{name.rpartition('.')[0]}." for name in auxiliaries)
        learning = [
            name
            for name, layer in network.named_modules()
            if isinstance(layer, nn.Linear) and not (beside and name.startswith(beside))
        ]
        if not learning:
            raise UsageError(
                "`tune=dense` has nothing to tune: this network has no dense layers",
                hint="`--tune head` trains its last layer",
            )
    network.requires_grad_(False)
    for name in learning:
        network.get_submodule(name).requires_grad_(True)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UsageError(
            f"`tune={tune}` has nothing to tune: the layer `{head}` has no parameters",
            hint="`--tune dense` or `--tune all` trains more",
        )


def unfreeze(network: nn.Module, epoch: int, *, every: float) -> None:
    """Lets as many of the last blocks learn as is their turn in an epoch, which counts from 0.

    Source: Howard and Ruder 2018, Universal language model fine-tuning, section 3.3.

    Args:
        network: Changed in place.
        epoch: In the first one, the last block learns alone.
        every: Epochs until the next block joins.
    """
    learning = 1 + int(epoch / every)
    for place, block in enumerate(reversed(blocks(network))):
        for name in block.modules:
            for parameter in network.get_submodule(name).parameters(recurse=False):
                parameter.requires_grad_(place < learning)


def set_learning_mode(network: nn.Module) -> None:
    """Training mode, but for normalisation that doesn't learn.

    Frozen batch normalisation in training mode would go on changing its running statistics, and
    with them what every frozen layer after it gives.
    """
    network.train()
    for layer in network.modules():
        learns = any(parameter.requires_grad for parameter in layer.parameters())
        if isinstance(layer, NORMALISATIONS) and not learns:
            layer.eval()
