"""Effective receptive fields have known widths, and lie within the receptive field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import UsageError
from convscope.inspection.feature_maps.effective_field import effective_field
from convscope.inspection.receptive_fields import layer_field
from convscope.networks import build


def means(depth: int) -> nn.Sequential:
    """Convolutions that take means of 3x3: together they are the sum of `depth` random steps."""
    layers = [nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)]
    for layer in layers:
        nn.init.constant_(layer.weight, 1 / 9)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("depth", [1, 4, 9, 16])
def test_the_width_of_stacked_means_grows_with_the_root_of_the_depth(depth: int) -> None:
    field = effective_field(means(depth), torch.zeros(1, 1, 41, 41), str(depth - 1), channel=0)
    # A step of -1, 0 or 1 has the variance 2/3.
    assert field.sigma == pytest.approx((np.sqrt(depth * 2 / 3),) * 2, rel=1e-5)
    assert field.centre == pytest.approx((20, 20))
    assert field.shares.sum() == pytest.approx(1)


def test_of_many_steps_the_size_is_four_standard_deviations() -> None:
    field = effective_field(means(30), torch.zeros(1, 1, 81, 81), "29", channel=0)
    assert field.size == pytest.approx(tuple(4 * sigma for sigma in field.sigma), rel=0.01)


def test_of_one_mean_the_size_is_95_percent_of_the_kernel_and_lies_in_its_middle() -> None:
    inputs = torch.zeros(1, 1, 9, 9)
    field = effective_field(means(1), inputs, "0", channel=0, row=2, column=6)
    assert field.size == pytest.approx((0.9545 * 3,) * 2)
    assert field.centre == pytest.approx((2, 6))
    corner = effective_field(means(1), inputs, "0", channel=0, row=0, column=0)
    assert corner.size == pytest.approx((0.9545 * 2,) * 2)  # the rest is padding
    assert corner.centre == pytest.approx((0.5, 0.5))


@pytest.mark.slow
def test_no_pixel_outside_of_the_receptive_field_contributes() -> None:
    torch.manual_seed(0)
    network = build("resnet20")
    inputs = torch.randn(3, 3, 32, 32)
    field = effective_field(network, inputs, "layer2.0", row=4, column=9)
    seen = layer_field(network, "layer2.0", (3, 32, 32)).at(4, 9).seen
    inside = field.shares[seen.top : seen.bottom, seen.left : seen.right].sum()
    assert inside == pytest.approx(1)
    assert field.size < (seen.height, seen.width)
    assert field.num_images == 3
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_networks_that_work_in_place_have_the_same_field() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 4, 3), nn.Conv2d(4, 1, 3)]
    inputs = torch.randn(5, 2, 9, 9)
    field, field_in_place = (
        effective_field(
            nn.Sequential(nn.ReLU(inplace), layers[0], nn.ReLU(inplace), layers[1]),
            inputs,
            "3",
            channel=0,
        ).shares
        for inplace in (False, True)
    )
    np.testing.assert_array_equal(field, field_in_place)
    before = inputs.clone()
    assert torch.equal(before, inputs)


def test_a_value_that_no_pixel_changes_is_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU())
    nn.init.constant_(network.get_parameter("0.bias"), -100.0)
    with pytest.raises(UsageError, match="no pixel contributes to this value of `1` in 2 images"):
        effective_field(network, torch.randn(2, 1, 5, 5), "1", channel=0)


def test_the_layer_before_an_activation_in_place_has_a_field_where_the_activation_is_off() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(inplace=True))
    nn.init.constant_(network.get_parameter("0.bias"), -100.0)
    field = effective_field(network, torch.randn(2, 1, 5, 5), "0", channel=0, row=1, column=1)
    assert (field.shares[1:4, 1:4] > 0).all()


class Positions(nn.Module):
    """Gives maps that don't depend on the image."""

    def __init__(self) -> None:
        super().__init__()
        self.maps, self.layer = nn.Parameter(torch.ones(1, 2, 3, 3)), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x.mean() + self.layer(self.maps)
        return result


def test_maps_that_do_not_depend_on_the_image_are_an_error() -> None:
    with pytest.raises(
        UsageError, match="no pixel contributes to this value of `layer` in 1 image"
    ):
        effective_field(Positions(), torch.randn(1, 1, 5, 5), "layer")


def test_maps_whose_channels_come_last_have_the_same_field() -> None:
    turned = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    inputs = torch.randn(3, 1, 7, 11)
    plain = effective_field(turned, inputs, "0", channel=1, row=2, column=4)

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.last = turned[0], nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.last(self.conv(x).permute(0, 2, 3, 1))
            return result

    place: dict[str, Any] = {"channel": 1, "row": 2, "column": 4, "map_axes": (1, 2)}
    found = effective_field(Last(), inputs, "last", **place)
    np.testing.assert_array_equal(found.shares, plain.shares)


def test_positions_that_are_not_there_are_errors() -> None:
    network = build("lenet5")
    inputs = torch.randn(1, 1, 28, 28)
    with pytest.raises(UsageError, match="`channel` can't be 9: layer `conv1` gives"):
        effective_field(network, inputs, "conv1", channel=9)
    with pytest.raises(UsageError, match="`row` can't be 0: .*\nhint: it gives vectors"):
        effective_field(network, inputs, "fc1", channel=0, row=0)
    field = effective_field(network, inputs, "fc1", channel=3)
    assert field.shares.shape == (28, 28)
