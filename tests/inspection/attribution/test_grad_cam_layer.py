"""The Grad-CAM layer is the last one with more than one position, in every family."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.errors import UsageError
from convscope.inspection.attribution.grad_cam_layer import (
    find_grad_cam_layer,
    named_grad_cam_layer,
)
from convscope.networks import build

# fmt: off
LAYERS = [
    # network            input             layer             its maps
    ("lenet5",           (1, 28, 28),      "act2",           (16, 10, 10)),
    ("lenet5_1998",      (1, 32, 32),      "c3_activation",  (16, 10, 10)),
    ("alexnet",          (3, 224, 224),    "features.11",    (256, 13, 13)),
    ("vgg11",            (3, 64, 64),      "features.19",    (512, 4, 4)),
    ("googlenet",        (3, 64, 64),      "inception5b",    (1024, 2, 2)),
    ("resnet18",         (3, 64, 64),      "layer4",         (512, 2, 2)),
    ("resnet20",         (3, 32, 32),      "layer3",         (64, 8, 8)),
    ("resnet50",         (3, 64, 64),      "layer4",         (2048, 2, 2)),
    ("squeezenet1_1",    (3, 64, 64),      "features",       (512, 3, 3)),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape", "layer", "maps"), LAYERS)
def test_the_last_maps_before_the_head_are_chosen(
    name: str, shape: tuple[int, int, int], layer: str, maps: tuple[int, int, int]
) -> None:
    channels, height, width = shape
    network = build(name, num_classes=7, in_channels=channels, input_size=(height, width))
    found = find_grad_cam_layer(network, torch.zeros(1, *shape))
    assert (found.layer, found.shape) == (layer, maps)
    assert found.reason == (
        f"`{layer}` gives what the last convolution before the head found, {maps[0]} maps of "
        f"{maps[1]}x{maps[2]}"
    )


class Foreign(nn.Module):
    """Functions for everything but weights, and one ReLU for all."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3)
        self.relu, self.out = nn.ReLU(), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        x = self.relu(self.body(F.max_pool2d(x, 2)))
        logits: Tensor = self.out(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits


def test_a_layer_that_runs_twice_is_skipped() -> None:
    assert find_grad_cam_layer(Foreign(), torch.zeros(1, 3, 12, 12)).layer == "body"


def test_a_network_without_feature_maps_is_told_which_methods_it_can_use() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(27, 2))
    with pytest.raises(UsageError, match="has no feature maps for Grad-CAM") as caught:
        find_grad_cam_layer(network, torch.zeros(1, 3, 3, 3))
    assert "`occlusion`" in str(caught.value.hint)


def test_a_layer_that_a_user_names_has_to_give_maps_once() -> None:
    inputs = torch.zeros(1, 3, 12, 12)
    assert named_grad_cam_layer(Foreign(), inputs, "stem").shape == (4, 10, 10)
    with pytest.raises(UsageError, match="layer `relu` runs 2 times for an image") as caught:
        named_grad_cam_layer(Foreign(), inputs, "relu")
    assert caught.value.hint == "choose one that does, such as `body`"
    with pytest.raises(UsageError, match=r"`out` gives a tensor of shape `\(1, 2\)`"):
        named_grad_cam_layer(Foreign(), inputs, "out")


def test_the_search_leaves_no_hook_and_no_mode() -> None:
    network = Foreign().train()
    find_grad_cam_layer(network, torch.zeros(1, 3, 12, 12))
    assert network.training
    assert not any(layer._forward_hooks for layer in network.modules())
