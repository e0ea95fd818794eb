"""The kernels of a convolution as numbers, to be drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from convscope.errors import UsageError, did_you_mean
from convscope.inspection.layers import find_layer, quoted
from convscope.networks.lenet1998 import PartialConvolution


def kernels(network: nn.Module, layer: str) -> NDArray[np.float32]:
    """(K, C, height, width) the kernels of a convolution; C is that of one group.

    Where a table leaves connections out, as in LeNet-5 of 1998, they are 0.

    Args:
        network: Any.
        layer: The convolution's name as in `named_modules`.

    Raises:
        UsageError: There is no such layer, or it is no convolution over rows and columns.
    """
    found = find_layer(network, layer)
    if not isinstance(found, nn.Conv2d | PartialConvolution):
        names = [
            name
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d | PartialConvolution)
        ]
        first = f"`{names[0]}` is the first one that has" if names else "this network has none"
        raise UsageError(
            f"{quoted(layer)} is a `{type(found).__name__}`, which has no kernels",
            hint=did_you_mean(layer, names) or first,
        )
    weight = found.dense_weight if isinstance(found, PartialConvolution) else found.weight
    numbers: NDArray[np.float32] = weight.detach().float().cpu().numpy()
    return numbers
