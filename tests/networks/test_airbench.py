"""Airbench's first layer: whitening kernels from images, which no training changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.errors import NetworkError
from convscope.networks import build, initialize
from convscope.networks.airbench import (
    SMALLEST_VARIANCE,
    Airbench,
    WhiteningConv2d,
    whitening_kernels,
)
from convscope.networks.initialization import SCHEMES


def smooth_images(channels: int = 3) -> Tensor:
    """Images whose neighbouring values know of each other."""
    torch.manual_seed(0)
    noise = torch.randn(60, channels, 17, 17)
    shared = noise.mean(dim=1, keepdim=True)
    return F.avg_pool2d(noise + 2 * shared, 2, stride=1) + 0.3


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_are_uncorrelated_and_of_variance_1(channels: int) -> None:
    images = smooth_images(channels)
    kernels = whitening_kernels(torch.split(images, 25))
    assert kernels.shape == (8 * channels, channels, 2, 2)
    values = F.conv2d(images, kernels)[:, : 4 * channels].transpose(0, 1).flatten(1)
    covariance = torch.cov(values.double())
    # Along a direction of variance v it is v / (v + the added one).
    assert torch.allclose(covariance, torch.diag(covariance.diag()), atol=1e-3)
    smallest = torch.linalg.eigvalsh(torch.cov(patches(images))).min().item()
    least = smallest / (smallest + SMALLEST_VARIANCE)
    assert covariance.diag().min().item() == pytest.approx(least, abs=1e-3)
    assert covariance.diag().max().item() <= 1 + 1e-6


def patches(images: Tensor) -> Tensor:
    return F.unfold(images, 2).double().transpose(0, 1).flatten(1)


def test_the_other_half_are_the_negatives() -> None:
    first, second = whitening_kernels([smooth_images()]).chunk(2)
    assert torch.equal(first, -second)


def test_kernels_do_not_depend_on_how_images_are_batched() -> None:
    images = smooth_images()
    together, apart = whitening_kernels([images]), whitening_kernels(torch.split(images, 7))
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-6)


def test_images_of_one_colour_give_finite_kernels() -> None:
    assert whitening_kernels([torch.ones(4, 3, 8, 8)]).isfinite().all()


def test_before_it_has_seen_images_each_kernel_passes_one_pixel_on() -> None:
    for scheme in SCHEMES:
        layer = WhiteningConv2d(3)
        layer.weight.fill_(7)
        initialize(layer, scheme)
        image = torch.randn(1, 3, 2, 2)
        values = layer(image).flatten()
        assert torch.equal(values, torch.cat([image.flatten(), -image.flatten()]))


def test_the_kernels_are_saved_but_not_trained() -> None:
    network = build("airbench94", num_classes=2)
    assert isinstance(network, Airbench)
    assert "whiten.weight" in network.state_dict()
    assert "whiten.weight" not in dict(network.named_parameters())
    before = network.whiten.weight.clone()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, weight_decay=0.1)
    F.cross_entropy(network(torch.randn(4, 3, 32, 32)), torch.tensor([0, 1, 0, 1])).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert torch.equal(network.whiten.weight, before)
    assert network.whiten.bias is not None
    assert network.whiten.bias.abs().max() > 0


def test_there_are_as_many_blocks_as_widths() -> None:
    network = build("airbench94", widths=[8, 16], in_channels=1, input_size=28)
    assert isinstance(network, Airbench)
    assert [block.conv2.out_channels for block in network.blocks] == [8, 16]  # type: ignore[union-attr]
    assert network(torch.randn(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize(("widths", "message"), [([], "is empty"), ([8, 0], "can't be `0`")])
def test_widths_that_can_not_be_are_refused(widths: list[int], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        build("airbench94", widths=widths)
