"""The kernel behind a channel is found through all that stands between it and the convolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convscope.inspection.feature_maps.channel_kernels import channel_kernels

IMAGE = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))


class Blocks(nn.Module):
    """Two branches that are joined, then a residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.body, self.norm, self.out = nn.Conv2d(5, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.left(x), self.right(x)], dim=1)
        out: Tensor = self.out(self.norm(self.body(x)) + x)
        return out


@pytest.mark.parametrize("layer", ["0", "1", "2", "3", "4"])
def test_normalisation_activation_and_pooling_are_followed_back(layer: str) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2)
    )
    found = channel_kernels(network, IMAGE, {layer: [3, 1]})[layer]
    assert list(found) == [3, 1]
    weights = network.get_parameter("0.weight").detach().numpy()
    for channel, kernel in found.items():
        assert (kernel.layer, kernel.number) == ("0", channel)
        assert np.array_equal(kernel.weights, weights[channel])


def test_a_channel_of_joined_branches_has_the_kernel_of_its_branch() -> None:
    network = Blocks()
    first = channel_kernels(network, IMAGE, {"out": [4]})["out"][4]
    assert (first.layer, first.number) == ("body", 4)  # of a sum, what is added first
    joined = nn.Sequential(network.left)
    joined.forward = lambda x: torch.cat([network.left(x), network.right(x)], 1)  # type: ignore[method-assign]
    found = channel_kernels(joined, IMAGE, {"": [1, 2]})[""]
    assert [(each.number, each.weights.shape[1:]) for each in found.values()] == [
        (1, (1, 1)),
        (0, (3, 3)),
    ]


def test_units_and_channels_without_a_convolution_have_none() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(432, 2))
    assert channel_kernels(network, IMAGE, {"0": [0], "2": [1]}) == {"0": {}}
