"""Activations are what the layers gave at that moment, and the network stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made import made_classifier
from torch import Tensor, nn

from convscope.errors import NetworkError, UsageError
from convscope.inspection.feature_maps.activations import (
    activations,
    feature_map_shapes,
    network_inputs,
)
from convscope.inspection.layers import find_layer
from convscope.networks import build


def in_place() -> nn.Sequential:
    """A network whose ReLUs overwrite what the layers before them gave."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Dropout(0.9), nn.Flatten()
    )


def test_a_value_is_not_changed_later_by_an_operation_in_place() -> None:
    network = in_place()
    given = activations(network, torch.randn(1, 1, 5, 5), ["1", "2"])
    assert given["1"].min() < 0
    assert torch.equal(given["2"], given["1"].relu())


def test_the_network_runs_in_evaluation_mode_and_is_then_as_it_was() -> None:
    network = in_place()
    network[0].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    given = activations(network, torch.randn(4, 1, 5, 5), ["3", "2"])
    assert torch.equal(given["2"], given["3"])  # dropout does nothing
    assert list(given) == ["3", "2"]
    assert [layer.training for layer in network] == [False, True, True, True, True]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(layer._forward_hooks for layer in network.modules())


def test_the_callers_images_stay_as_they_were() -> None:
    images = torch.full((1, 1, 3, 3), -1.0)
    network = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 1, 1))
    assert activations(network, images, ["0"])["0"].max() == 0
    assert feature_map_shapes(network, images) == {"0": (1, 3, 3), "1": (1, 3, 3)}
    assert images.max() == -1


class Demanding(nn.Module):
    """Insists on something, as foreign networks do."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1] == 4
        return x


def test_whatever_goes_wrong_in_a_network_is_an_error_of_our_form() -> None:
    with pytest.raises(NetworkError, match="`Demanding` can't take inputs of shape"):
        activations(Demanding(), torch.ones(1, 3, 5, 5), [""])


def test_hooks_are_gone_after_an_error_too() -> None:
    network = in_place()
    with pytest.raises(NetworkError, match="can't take inputs of shape `\\(1, 3, 5, 5\\)`"):
        activations(network, torch.randn(1, 3, 5, 5), ["1"])
    assert network.training
    assert not any(layer._forward_hooks for layer in network.modules())


def test_a_layer_that_does_not_exist_has_a_neighbour() -> None:
    network = build("resnet20")
    with pytest.raises(UsageError, match="has no layer `layer1.0.conv3`") as caught:
        activations(network, torch.randn(1, 3, 32, 32), ["layer1.0.conv3"])
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean `layer1.0.conv")


def test_names_are_listed_where_none_is_near() -> None:
    with pytest.raises(UsageError) as caught:
        find_layer(in_place(), "encoder")
    assert caught.value.hint == "its layers: `0`, `1`, `2`, `3`, `4`"
    with pytest.raises(UsageError, match="hint: its layers: `conv1`, .* and [0-9]+ more$"):
        find_layer(build("resnet20"), "xyzzy")


@pytest.mark.slow
def test_a_layer_that_is_not_computed_is_an_error() -> None:
    network = build("googlenet", stem="small", num_classes=10)
    with pytest.raises(UsageError, match="1 layer of `GoogLeNet` gave nothing: `aux1`"):
        activations(network, torch.randn(1, 3, 32, 32), ["aux1", "fc"])


def test_feature_maps_are_listed_as_they_become_ready() -> None:
    network = build("resnet20")
    shapes = feature_map_shapes(network, torch.zeros(1, 3, 32, 32))
    names = list(shapes)
    assert names.index("layer1.0.relu2") < names.index("layer1.0") < names.index("layer1")
    assert shapes["layer3"] == (64, 8, 8)
    assert "fc" not in shapes


def test_a_layer_used_twice_gives_what_its_last_use_gave() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twice = nn.Upsample(scale_factor=2)

        def forward(self, x: Tensor) -> Tensor:
            grown: Tensor = self.twice(self.twice(x))
            return grown

    given = activations(Twice(), torch.ones(1, 1, 2, 2), ["twice"])
    assert given["twice"].shape == (1, 1, 8, 8)


def test_a_classifier_prepares_its_images_and_lists_are_lists() -> None:
    classifier = made_classifier()
    images = [np.full((40, 50, 3), 99, np.uint8)]
    given = activations(classifier, images, ["conv1"])["conv1"]
    inputs = network_inputs(classifier, images)
    assert torch.equal(given, activations(classifier.network, inputs, ["conv1"])["conv1"])
    with pytest.raises(UsageError, match="`layers` can't be `'conv1'`: it is a list"):
        activations(classifier, images, "conv1")
    with pytest.raises(UsageError, match="`images` can't be `'a.png'`: it is a list"):
        activations(classifier, "a.png", ["conv1"])
    with pytest.raises(UsageError, match="a network takes images as a tensor"):
        activations(classifier.network, images, ["conv1"])
