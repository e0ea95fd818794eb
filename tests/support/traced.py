"""Networks whose every number matters, and random positions in their layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from convscope.inspection.values.trace import Recording, ValueTrace


def unlike_new(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with biases and running statistics as if it were trained: none is 0 or 1."""
    generator = torch.Generator().manual_seed(seed)

    def noise(like: torch.Tensor) -> torch.Tensor:
        return torch.rand(like.shape, generator=generator)

    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() < 2 or name.endswith("bias"):
                parameter.add_(0.4 * noise(parameter) - 0.2)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(noise(buffer) - 0.5)
            elif name.endswith("running_var"):
                buffer.copy_(noise(buffer) + 0.5)
    return network


def random_traces(recording: Recording, count: int, *, seed: int = 0) -> Iterator[ValueTrace]:
    """Traces at random positions of layers taken in turn, in a random order."""
    random = np.random.default_rng(seed)
    layers = [name for name, shape in recording.shapes.items() if len(shape) in (2, 4)]
    random.shuffle(layers)
    for number in range(count):
        layer = layers[number % len(layers)]
        place = [int(random.integers(length)) for length in recording.shapes[layer][1:]]
        yield recording.trace(layer, **dict(zip(("channel", "row", "column"), place, strict=False)))
