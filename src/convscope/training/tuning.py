"""Which layers learn, and what that means for layers that don't."""

from __future__ import annotations

from torch import nn

from convscope.errors import UsageError
from convscope.networks import heads

NORMALISATIONS = (nn.modules.batchnorm._NormBase,)


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
