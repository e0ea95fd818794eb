"""Dense layers as convolutions: the same numbers at the training size, a map on larger images."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from convscope.errors import NetworkError
from convscope.networks import (
    alexnet,
    build,
    network_entry,
    network_names,
    to_fully_convolutional,
    vgg,
)

CONVERTIBLE = [
    name
    for name in network_names()
    if name.startswith(("lenet", "alexnet", "vgg")) and "1998" not in name
]
# Computed at 224 pixels; the other VGGs differ in their number of convolutions only.
COMPUTED = [name for name in CONVERTIBLE if "vgg" not in name or "vgg11" in name]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPUTED)
def test_output_is_the_same_at_the_training_size(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alexnet, "NEURONS", 8)
    monkeypatch.setattr(vgg, "NEURONS", 8)
    channels, height, width = network_entry(name).input
    torch.manual_seed(0)
    network = build(name, num_classes=5).eval()
    sliding = to_fully_convolutional(network)
    images = torch.randn(1, channels, height, width)
    with torch.no_grad():
        expected, found = network(images), sliding(images)
    assert found.shape == (1, 5, 1, 1)
    assert not sliding.training
    scale = expected.abs().max().item()
    torch.testing.assert_close(found.flatten(1), expected, rtol=0, atol=1e-4 * scale)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVERTIBLE)
def test_output_is_a_map_on_a_larger_image(name: str) -> None:
    channels, height, width = network_entry(name).input
    with torch.device("meta"):
        sliding = to_fully_convolutional(build(name, num_classes=5))
        rows, columns = sliding(torch.empty(1, channels, height + 64, width + 96)).shape[2:]
    assert rows > 1
    assert columns > rows


def test_each_place_of_the_map_is_the_answer_for_its_window() -> None:
    torch.manual_seed(0)
    network = build("lenet_rgb").eval()
    image = torch.randn(1, 3, 40, 44)
    with torch.no_grad():
        answers = to_fully_convolutional(network)(image)
        window = network(image[:, :, 4:36, 8:40])
    assert answers.shape == (1, 10, 3, 4)
    # Two poolings of 2: one place further is 4 pixels further.
    torch.testing.assert_close(answers[:, :, 1, 2], window)


def test_normalized_dense_layers_convert_too() -> None:
    network = build("lenet5_relu", batch_norm=True, input_size=(20, 28))
    network(torch.randn(8, 1, 20, 28))
    images = torch.randn(2, 1, 20, 28)
    with torch.no_grad():
        expected = network.eval()(images)
        found = to_fully_convolutional(network)(images).flatten(1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_network_itself_stays_as_it_is() -> None:
    network: Any = build("lenet5")
    sliding: Any = to_fully_convolutional(network)
    with torch.no_grad():
        sliding[0].weight.zero_()
    assert network.conv1.weight.any()
    assert network.fc1.weight.dim() == 2


def test_a_network_without_maps_before_dense_layers_is_refused() -> None:
    with pytest.raises(NetworkError) as caught:
        to_fully_convolutional(build("resnet20"))
    assert str(caught.value) == (
        "a `CifarResNet` can't be made fully convolutional\n"
        "hint: LeNet, AlexNet and VGG can: their dense layers take maps"
    )
    with torch.device("meta"):
        small = build("alexnet", stem="small")
    with pytest.raises(NetworkError, match="an AlexNet with the stem `small` can't be made"):
        to_fully_convolutional(small)
