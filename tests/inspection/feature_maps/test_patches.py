"""The strongest patches are cut exactly by what the channel sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from made import made_classifier

from convscope.classifier import Classifier
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import activations, network_inputs
from convscope.inspection.feature_maps.patches import strongest_patches


def pictures(count: int, side: int = 32) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]


@pytest.mark.slow
def test_a_channel_that_detects_red_finds_the_reddest_pixels() -> None:
    classifier = made_classifier("resnet20")
    network: Any = classifier.network
    with torch.no_grad():
        network.conv1.weight.zero_()
        network.conv1.weight[5, 0, 1, 1] = 1.0
    images = [np.full((32, 32, 3), 10, np.uint8) for _ in range(6)]
    spots = {1: (4, 7, 250), 3: (0, 31, 200), 4: (20, 20, 240)}
    for number, (row, column, red) in spots.items():
        images[number][row, column, 0] = red
    found = strongest_patches(classifier, images, "conv1", [5], count=3)[5]
    assert [patch.image for patch in found] == [1, 4, 3]
    for patch in found:
        row, column, red = spots[patch.image]
        assert (patch.field.row, patch.field.column) == (row, column)
        assert patch.pixels.shape == (3, 3, 3)
        assert patch.pixels[1, 1, 0] == red  # exactly in the middle of what a 3x3 kernel sees
        assert patch.value == pytest.approx((red / 255 - 0.5) / 0.25)
    corner = found[2]
    expected = [[True] * 3, [False, False, True], [False, False, True]]
    assert corner.is_padding.tolist() == expected


@pytest.mark.slow
def test_the_patch_alone_gives_the_value() -> None:
    classifier = made_classifier("resnet20")
    images = pictures(5, side=40)
    for patch in strongest_patches(classifier, images, "layer1.0", [2], count=5)[2]:
        seen, field = patch.field.seen, patch.field
        elsewhere = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        top, left = -min(field.box.top, 0), -min(field.box.left, 0)
        inside = patch.pixels[top : top + seen.height, left : left + seen.width]
        assert not patch.is_padding[top : top + seen.height, left : left + seen.width].any()
        elsewhere[seen.top : seen.bottom, seen.left : seen.right] = inside
        assert field.row is not None
        assert field.column is not None
        value = value_of(classifier, elsewhere, field.row, field.column)
        assert value == pytest.approx(patch.value, rel=1e-5)


def value_of(classifier: Classifier, pixels: np.ndarray, row: int, column: int) -> float:
    inputs = network_inputs(classifier, [pixels])
    return float(
        activations(classifier.network, inputs, ["layer1.0"])["layer1.0"][0, 2, row, column]
    )


def test_each_image_gives_one_patch_and_equal_ones_come_in_order() -> None:
    classifier = made_classifier()
    images = [pictures(1)[0]] * 4
    found = strongest_patches(classifier, images, "conv1", [0, 3], count=3)
    assert set(found) == {0, 3}
    assert [patch.image for patch in found[0]] == [0, 1, 2]
    assert len({patch.value for patch in found[0]}) == 1


def test_a_channel_that_is_off_everywhere_has_no_patches() -> None:
    classifier = made_classifier()
    conv1: Any = classifier.network.conv1
    with torch.no_grad():
        conv1.weight.zero_()
        conv1.bias.fill_(-1.0)
    assert strongest_patches(classifier, pictures(3), "conv1", [1]) == {1: []}


def test_channels_and_layers_that_are_not_there_are_errors() -> None:
    classifier = made_classifier()
    with pytest.raises(UsageError, match="`conv1` has no channel 16\nhint: it is 0 to 15"):
        strongest_patches(classifier, pictures(1), "conv1", [16])


def test_a_lone_channel_or_image_and_a_count_of_none_are_errors() -> None:
    classifier = made_classifier()
    for asked, message in (
        ((pictures(1), "conv1", 3), "`channels` can't be `3`: it is a list"),
        (("a.png", "conv1", [3]), "`images` can't be `'a.png'`"),
    ):
        with pytest.raises(UsageError, match=message):
            strongest_patches(classifier, *asked)
    with pytest.raises(UsageError, match="`count` can't be 0"):
        strongest_patches(classifier, pictures(1), "conv1", [3], count=0)


def test_the_patches_of_a_unit_are_whole_images() -> None:
    classifier = made_classifier()
    images = pictures(5)
    given = activations(classifier.network, network_inputs(classifier, images), ["fc1"])["fc1"]
    unit = int(given.max(dim=0).values.argmax())
    (best,) = strongest_patches(classifier, images, "fc1", [unit], count=1)[unit]
    assert best.image == int(given[:, unit].argmax())
    assert best.value == pytest.approx(float(given[:, unit].max()))
    np.testing.assert_array_equal(best.pixels, images[best.image])
    assert (best.field.row, best.field.column) == (None, None)


def test_images_of_later_batches_keep_their_numbers() -> None:
    classifier = made_classifier()
    with torch.no_grad():
        classifier.network.get_parameter("conv1.weight").fill_(1.0)
    images = [np.full((32, 32, 3), 128, np.uint8) for _ in range(300)]
    images[290] = np.full((32, 32, 3), 255, np.uint8)
    assert strongest_patches(classifier, images, "conv1", [0], count=1)[0][0].image == 290
