"""The kernel behind a channel: that of the convolution which its values come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.errors import NetworkError
from convscope.inspection.layers import first_path
from convscope.inspection.values.backtrace import explained
from convscope.inspection.values.index_mapping import Indices, origin
from convscope.inspection.values.recording import Value, record

POOLINGS = ("max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d")


@dataclass(frozen=True, slots=True, eq=False)
class ChannelKernel:
    """The kernel whose sums a channel's values are made of.

    Attributes:
        layer: Path of the convolution; empty for one without a module of its own.
        number: Number of the kernel, which is the convolution's output channel.
        weights: (C, height, width) the kernel.
    """

    layer: str
    number: int
    weights: NDArray[np.float32]


def channel_kernels(
    network: nn.Module, inputs: Tensor, channels: Mapping[str, Collection[int]]
) -> dict[str, dict[int, ChannelKernel]]:
    """The kernel of each channel, by layer and channel, where a convolution is behind it.

    Activation, normalisation, pooling, concatenation and addition are followed back to it; of what
    is added, the first that comes from a convolution.

    Args:
        network: The network; it runs once, in evaluation mode.
        inputs: (1, C, H, W) an image, normalised.
        channels: Channels of each layer that gives feature maps.
    """
    values = record(network, inputs)
    found: dict[str, dict[int, ChannelKernel]] = {}
    for layer, numbers in channels.items():
        value = values.get(first_path(network, layer))
        if value is None or value.tensor.ndim != 4:
            continue
        kernels = {number: _behind(value, _first_place(number)) for number in numbers}
        found[layer] = {number: each for number, each in kernels.items() if each is not None}
    return found


def _first_place(channel: int) -> Indices:
    return np.array([[0], [channel], [0], [0]], np.int64)


def _behind(value: Value, index: Indices) -> ChannelKernel | None:
    """The kernel of the last convolution before the value at `index` (4, 1)."""
    with suppress(NetworkError):  # an operation on the way has no rule
        found = origin(value, index)
        source = found.value.source
        if source is None or not found.value.is_from_image or found.is_padding[0]:
            return None
        if source.name == "convolution":
            weights = source.value("weight").tensor.detach()
            if source.arguments["transposed"] or weights.ndim != 4:
                return None
            number = int(found.places[1, 0])
            return ChannelKernel(source.layer, number, weights[number].float().cpu().numpy())
        if source.name in POOLINGS:
            return _behind(source.value("self"), _first_place(int(found.places[1, 0])))
        for before, place in explained(source, found).inputs:
            kernel = _behind(before, place)
            if kernel is not None:
                return kernel
    return None
