"""The maps between stages have the sizes that the papers' tables and the code's comments give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from convscope.networks import build, network_entry

STAGES: dict[str, dict[str, tuple[int, ...]]] = {
    "lenet5": {
        "conv1": (6, 28, 28),
        "pool1": (6, 14, 14),
        "conv2": (16, 10, 10),
        "pool2": (16, 5, 5),
        "flatten": (400,),
        "fc1": (120,),
        "fc2": (84,),
        "fc3": (10,),
    },
    "lenet_rgb": {
        "conv1": (16, 28, 28),
        "pool1": (16, 14, 14),
        "conv2": (32, 10, 10),
        "pool2": (32, 5, 5),
        "flatten": (800,),
    },
    "lenet_caffe": {
        "conv1": (20, 24, 24),
        "pool1": (20, 12, 12),
        "conv2": (50, 8, 8),
        "pool2": (50, 4, 4),
        "fc1": (500,),
        "fc2": (10,),
    },
    "lenet5_1998": {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
        "f6": (84,),
    },
    "alexnet": {
        "features.0": (64, 55, 55),
        "features.2": (64, 27, 27),
        "features.5": (192, 13, 13),
        "features": (256, 6, 6),
    },
    "alexnet_96": {
        "features.1": (96, 55, 55),
        "features.3": (96, 27, 27),
        "features.6": (256, 13, 13),
        "features": (256, 6, 6),
    },
    "alexnet_2012": {
        "features.1": (96, 55, 55),
        "features.4": (96, 27, 27),
        "features.8": (256, 13, 13),
        "features": (256, 6, 6),
    },
    "vgg16": {
        "features.4": (64, 112, 112),
        "features.9": (128, 56, 56),
        "features.16": (256, 28, 28),
        "features.23": (512, 14, 14),
        "features": (512, 7, 7),
    },
    "googlenet": {
        "conv1": (64, 112, 112),
        "maxpool1": (64, 56, 56),
        "conv3": (192, 56, 56),
        "maxpool2": (192, 28, 28),
        "inception3a": (256, 28, 28),
        "inception3b": (480, 28, 28),
        "inception4a": (512, 14, 14),
        "inception4d": (528, 14, 14),
        "inception4e": (832, 14, 14),
        "inception5a": (832, 7, 7),
        "inception5b": (1024, 7, 7),
    },
    "googlenet_2014": {
        "inception3b": (480, 28, 28),
        "inception4a": (512, 14, 14),
        "inception4d": (528, 14, 14),
        "maxpool4": (832, 7, 7),
        "inception5b": (1024, 7, 7),
    },
    "resnet18": {
        "conv1": (64, 112, 112),
        "maxpool": (64, 56, 56),
        "layer1": (64, 56, 56),
        "layer2": (128, 28, 28),
        "layer3": (256, 14, 14),
        "layer4": (512, 7, 7),
        "avgpool": (512, 1, 1),
    },
    "resnet50": {
        "layer1": (256, 56, 56),
        "layer2": (512, 28, 28),
        "layer3": (1024, 14, 14),
        "layer4": (2048, 7, 7),
    },
    "resnet20": {
        "conv1": (16, 32, 32),
        "layer1": (16, 32, 32),
        "layer2": (32, 16, 16),
        "layer3": (64, 8, 8),
    },
    "airbench94": {
        "whiten": (24, 31, 31),
        "blocks.0": (64, 15, 15),
        "blocks.1": (256, 7, 7),
        "blocks.2": (256, 3, 3),
        "pool": (256, 1, 1),
    },
    "squeezenet1_1": {
        "features.0": (64, 111, 111),
        "features.2": (64, 55, 55),
        "features": (512, 13, 13),
        "classifier": (1000, 1, 1),
    },
}
SMALL_STAGES: dict[str, dict[str, tuple[int, ...]]] = {
    "alexnet": {"features.0": (64, 32, 32), "features": (256, 3, 3)},
    "googlenet": {
        "conv1": (64, 32, 32),
        "inception3b": (480, 16, 16),
        "inception4e": (832, 8, 8),
        "inception5b": (1024, 4, 4),
    },
    "resnet18": {"conv1": (64, 32, 32), "layer1": (64, 32, 32), "layer4": (512, 4, 4)},
    "squeezenet1_1": {"features.0": (64, 32, 32), "features": (512, 8, 8)},
}


def shapes(
    name: str, side: int, wanted: Mapping[str, tuple[int, ...]], **options: Any
) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        network = build(name, **options).eval()
        for stage in wanted:
            network.get_submodule(stage).register_forward_hook(
                lambda _, __, out, stage=stage: found.update({stage: tuple(out.shape[1:])})
            )
        network(torch.empty(1, network_entry(name).input[0], side, side))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_stages_have_the_sizes_of_the_paper(name: str) -> None:
    assert shapes(name, network_entry(name).input[1], STAGES[name]) == STAGES[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL_STAGES)
def test_the_small_stem_leaves_maps_of_a_32_pixel_image(name: str) -> None:
    assert shapes(name, 32, SMALL_STAGES[name], stem="small") == SMALL_STAGES[name]


def test_uneven_padding_and_227_pixels_without_padding_give_the_same_sizes() -> None:
    wanted = {"features": (256, 6, 6)}
    for padding, side in (("2-1", 224), ("1-2", 224), ("none", 227)):
        assert shapes("alexnet_96", side, wanted, padding=padding) == wanted
