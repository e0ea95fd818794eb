"""Layers against their definitions, written out in another way."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convscope.errors import NetworkError
from convscope.networks.layers import (
    ACTIVATIONS,
    LocallyConnected2d,
    LocalResponseNorm,
    Maxout,
    MinPool2d,
    ScaledTanh,
    SoftmaxPool2d,
)
from convscope.networks.resnet_cifar import PaddedShortcut


def test_maxout_is_the_largest_of_neighbouring_channels() -> None:
    x = torch.randn(2, 6, 3, 3)
    expected = torch.maximum(x[:, ::2], x[:, 1::2])
    assert torch.equal(Maxout()(x), expected)
    assert Maxout(3)(torch.randn(2, 6)).shape == (2, 2)


def test_maxout_refuses_channels_that_it_can_not_divide() -> None:
    with pytest.raises(NetworkError, match="can't divide 5 channels into groups of 2"):
        Maxout()(torch.zeros(1, 5))


def test_only_maxout_changes_the_shape() -> None:
    x = torch.randn(2, 6, 3, 3)
    shapes = {name: tuple(make()(x).shape) for name, make in ACTIVATIONS.items()}
    assert shapes.pop("maxout") == (2, 3, 3, 3)
    assert set(shapes.values()) == {(2, 6, 3, 3)}


def test_local_response_norm_is_the_papers_formula() -> None:
    x = torch.randn(1, 7, 2, 2, dtype=torch.float64)
    expected = torch.empty_like(x)
    for i in range(7):
        energy = (x[:, max(0, i - 2) : i + 3] ** 2).sum(dim=1)
        expected[:, i] = x[:, i] / (2 + 1e-4 * energy) ** 0.75
    torch.testing.assert_close(LocalResponseNorm()(x), expected)


def test_min_pooling_is_the_smallest_value_of_a_window() -> None:
    x = torch.randn(1, 2, 4, 4)
    windows = x.unfold(2, 2, 2).unfold(3, 2, 2)
    assert torch.equal(MinPool2d(2)(x), windows.amin(dim=(-1, -2)))


def test_softmax_pooling_is_the_weighted_mean_of_a_window() -> None:
    x = torch.randn(2, 3, 5, 5)
    pooled = SoftmaxPool2d(3, stride=2)(x)
    for row, column in itertools.product(range(2), repeat=2):
        window = x[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3].flatten(2)
        weights = window.exp() / window.exp().sum(dim=2, keepdim=True)
        torch.testing.assert_close(pooled[:, :, row, column], (weights * window).sum(dim=2))


def test_softmax_pooling_lies_between_mean_and_maximum_at_any_magnitude() -> None:
    x = torch.randn(1, 1, 8, 8) * 1e4
    pooled = SoftmaxPool2d(2)(x)
    assert (pooled <= F.max_pool2d(x, 2) + 1e-2).all()
    assert (pooled >= F.avg_pool2d(x, 2)).all()


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_locally_connected_layer_with_equal_kernels_is_a_convolution(
    stride: int, padding: int
) -> None:
    convolution = nn.Conv2d(3, 4, 3, stride=stride, padding=padding)
    local = LocallyConnected2d(
        3, 4, input_size=(6, 7), kernel_size=3, stride=stride, padding=padding
    )
    assert convolution.bias is not None
    with torch.no_grad():
        local.weight.copy_(convolution.weight.flatten(1).expand_as(local.weight))
        local.bias.copy_(convolution.bias[:, None, None].expand_as(local.bias))
        x = torch.randn(2, 3, 6, 7)
        torch.testing.assert_close(local(x), convolution(x))


def test_scaled_tanh_leaves_1_and_minus_1_where_they_are() -> None:
    ones = torch.tensor([-1.0, 0.0, 1.0])
    torch.testing.assert_close(ScaledTanh()(ones), ones, rtol=0, atol=1e-4)


def test_padded_shortcut_keeps_every_second_pixel_between_zeros() -> None:
    x = torch.randn(1, 4, 5, 5)
    out = PaddedShortcut()(x)
    assert torch.equal(out[:, 2:6], x[:, :, ::2, ::2])
    assert out.shape == (1, 8, 3, 3)
    assert not out[:, :2].any()
    assert not out[:, 6:].any()
