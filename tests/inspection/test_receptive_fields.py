"""A receptive field is all that can change a value: on the network's input, and in the file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import made_classifier
from torch import nn

from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import activations
from convscope.inspection.receptive_fields import Box, file_box, layer_field, receptive_field_of
from convscope.networks import build


@pytest.mark.slow
def test_the_receptive_fields_of_alexnet_are_those_of_the_literature() -> None:
    network = build("alexnet")
    field = layer_field(network, "features.12", (3, 224, 224))
    found = field.at(0, 5)
    assert (found.box.height, found.box.width) == (195, 195)
    assert found.box.left - field.at(0, 4).box.left == 32
    assert found.seen == Box(0, found.box.left, found.box.bottom, min(224, found.box.right))
    assert found.padding["above"] == -found.box.top > 0
    assert found.padding_share == pytest.approx(1 - found.seen.height * found.seen.width / 195**2)


class Sideways(nn.Module):
    """Rows and columns change places, and channels come last in between."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last, self.turned = nn.Conv2d(3, 5, 3, 2), nn.Identity(), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.conv(x)
        turned = self.turned(maps.transpose(2, 3))
        result: torch.Tensor = self.last(maps.permute(0, 2, 3, 1)).mean() + turned
        return result


def test_rows_are_rows_wherever_they_lie_in_a_tensor() -> None:
    network, shape = Sideways(), (3, 9, 13)
    plain = layer_field(network, "conv", shape)
    assert plain.map_size == (4, 6)
    for layer in ("last", "turned"):
        found = layer_field(network, layer, shape)
        assert found.map_size == (4, 6)
        assert found.at(1, 4).box == plain.at(1, 4).box == Box(2, 8, 5, 11)


def test_a_layer_with_two_names_has_its_field_under_both() -> None:
    shared = nn.Conv2d(3, 3, 3)
    network = nn.Sequential(shared, shared)
    assert layer_field(network, "1", (3, 9, 9)).field == layer_field(network, "0", (3, 9, 9)).field


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["layer1.0", "layer2.0.conv1", "layer2.1"])
def test_no_pixel_outside_changes_a_value_and_all_sides_of_the_inside_do(layer: str) -> None:
    torch.manual_seed(0)
    network = build("resnet20").double()
    with torch.no_grad():  # positive weights, so that nothing cancels and no ReLU is off
        for parameter in network.parameters():
            parameter.abs_()
    image = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    before = activations(network, image, [layer])[layer]
    field = layer_field(network, layer, (3, 32, 32))
    for row, column in ((0, 0), (2, 3), (before.shape[2] - 1, 1)):
        seen = field.at(row, column).seen
        outside = torch.rand_like(image)
        outside[:, :, seen.top : seen.bottom, seen.left : seen.right] = image[
            :, :, seen.top : seen.bottom, seen.left : seen.right
        ]
        after = activations(network, outside, [layer])[layer]
        assert torch.equal(before[:, :, row, column], after[:, :, row, column])
        for edge in (
            (slice(seen.top, seen.top + 1), slice(None)),
            (slice(seen.bottom - 1, seen.bottom), slice(None)),
            (slice(None), slice(seen.left, seen.left + 1)),
            (slice(None), slice(seen.right - 1, seen.right)),
        ):
            changed = image.clone()
            changed[:, :, *edge] += 1
            after = activations(network, changed, [layer])[layer]
            assert not torch.equal(before[:, :, row, column], after[:, :, row, column])


def influence(preprocessing: Preprocessing, size: tuple[int, int], box: Box) -> list[set[int]]:
    """Rows and columns of a file of which changing all pixels changes a pixel in the box."""
    black = np.zeros((*size, 3), np.uint8)
    inside = (slice(box.top, box.bottom), slice(box.left, box.right))
    before = preprocessing.apply(black)[inside]
    found: list[set[int]] = [set(), set()]
    for axis in (0, 1):
        for line in range(size[axis]):
            changed = black.copy()
            changed[line if axis == 0 else slice(None), line if axis == 1 else slice(None)] = 255
            if (preprocessing.apply(changed)[inside] != before).any():
                found[axis].add(line)
    return found


@pytest.mark.slow
@given(
    size=st.tuples(st.integers(5, 60), st.integers(5, 60)),
    target=st.tuples(st.integers(8, 24), st.integers(8, 24)),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    resize=st.sampled_from([None, 26]),
    corner=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    extent=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
@settings(max_examples=60, deadline=None)
def test_the_box_in_the_file_holds_every_pixel_that_contributes_and_hardly_another(
    size: tuple[int, int],
    target: tuple[int, int],
    fit: str,
    resize: int | None,
    corner: tuple[int, int],
    extent: tuple[int, int],
) -> None:
    preprocessing = Preprocessing(
        height=target[0],
        width=target[1],
        channels=3,
        fit=fit,  # type: ignore[arg-type]
        resize=resize if fit == "crop" else None,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
    )
    box = Box(*corner, *(a + b for a, b in zip(corner, extent, strict=True))).within(
        Box(0, 0, *target)
    )
    found = file_box(box, preprocessing, size)
    rows, columns = influence(preprocessing, size, box)
    if not rows or not columns:
        assert found.num_pixels == 0  # all of the box is border
        return
    assert rows <= set(range(found.top, found.bottom))
    assert columns <= set(range(found.left, found.right))
    # The weight of the outermost pixel may be too small to change a whole step of brightness.
    assert found.height - len(rows) <= 2
    assert found.width - len(columns) <= 2


@pytest.mark.slow
def test_a_very_long_image_is_placed_by_the_part_that_is_used() -> None:
    preprocessing = Preprocessing(height=8, width=8, channels=3, mean=(0,) * 3, std=(1,) * 3)
    found = file_box(Box(0, 0, 8, 8), preprocessing, (1000, 4))
    rows, columns = influence(preprocessing, (1000, 4), Box(0, 0, 8, 8))
    assert (found.top, found.bottom) == (min(rows), max(rows) + 1)
    assert (found.left, found.right) == (0, 4)
    assert columns == set(range(4))


@pytest.mark.slow
def test_a_classifier_knows_its_receptive_fields_on_the_input_and_on_the_file() -> None:
    classifier = made_classifier("resnet20")
    found = receptive_field_of(classifier, "layer1.0", 0, 31, image_size=(64, 128))
    assert found.box == Box(-3, 28, 4, 35)
    assert found.seen == Box(0, 28, 4, 32)
    assert found.padding == {"above": 3, "below": 0, "left": 0, "right": 3}
    # 128 columns become 64 of which the middle 32 are kept.
    assert found.file is not None
    assert found.file.right == 97
    assert found.to_dict()["file"] == found.file.to_dict()
    assert receptive_field_of(classifier, "layer1.0", 0, 31).file is None


@pytest.mark.slow
def test_a_dense_layer_sees_the_whole_image() -> None:
    classifier = made_classifier("resnet20")
    found = receptive_field_of(classifier, "fc", image_size=(40, 30))
    assert found.seen == Box(0, 0, 32, 32)
    assert found.box.within(found.seen) == found.seen


@pytest.mark.slow
def test_values_without_a_receptive_field_are_errors_that_say_why() -> None:
    classifier = made_classifier()
    with pytest.raises(
        UsageError, match="the receptive fields of `flatten` are not a regular grid"
    ):
        receptive_field_of(classifier, "flatten")
    with pytest.raises(UsageError, match="`row` can't be 28: `conv1` gives maps of 28x28"):
        receptive_field_of(classifier, "conv1", 28, 0)
    with pytest.raises(UsageError, match="`column` can't be None"):
        receptive_field_of(classifier, "conv1", 0)
    with pytest.raises(UsageError, match="`fc1` gives vectors: `row` can't be 2"):
        receptive_field_of(classifier, "fc1", 2)
    with pytest.raises(UsageError, match="did you mean `conv1`"):
        receptive_field_of(classifier, "conv11", 0, 0)
    network = build("googlenet", num_classes=10, stem="small")
    with pytest.raises(UsageError, match="`aux1.fc1` isn't computed"):
        layer_field(network, "aux1.fc1", (3, 32, 32))


def test_an_unknown_field_is_an_error() -> None:
    network = nn.Sequential(nn.ConvTranspose2d(3, 2, 3))
    with pytest.raises(UsageError, match="the receptive field of `0` is unknown"):
        layer_field(network, "0", (3, 8, 8))
