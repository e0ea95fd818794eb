"""The parts of images that excite a channel most, cut out by what the channel sees there."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError
from convscope.inspection.activations import activations, input_batches
from convscope.inspection.fields import FieldBox, layer_field
from convscope.inspection.layers import quoted


@dataclass(frozen=True, slots=True, order=True)
class Strongest:
    """Where a channel is strongest in one image.

    Attributes:
        value: How strong.
        image: Minus the number of the image, so that of equal ones the first comes first.
        row: In the feature map.
        column: Likewise.
    """

    value: float
    image: int
    row: int = field(compare=False)
    column: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Patch:
    """A part of an image that a channel answers to.

    Attributes:
        image: Number of the image in the list.
        value: What the channel gives there.
        field: Where the value is, and what it sees.
        pixels: (height, width, C) of 0 to 255: `field.box` cut out of the network's input.
        is_padding: (height, width) where the box reaches beyond the image; `pixels` is 0 there.
    """

    image: int
    value: float
    field: FieldBox
    pixels: NDArray[np.uint8]
    is_padding: NDArray[np.bool_]


def strongest_patches(
    classifier: Classifier,
    images: Sequence[ImageLike],
    layer: str,
    channels: Collection[int],
    *,
    count: int = 9,
) -> dict[int, list[Patch]]:
    """Of each channel, the patches with its largest values, the strongest first.

    Each image gives one patch to a channel at most: else they would be the same thing shifted. An
    image in which the channel is nowhere above 0 gives none.

    Args:
        classifier: Its preprocessing prepares the images.
        images: Paths, encoded bytes, Pillow images or pixels; each is read twice at most.
        layer: One that gives feature maps, by its name as in `named_modules`.
        channels: Of this layer.
        count: Patches of each channel.

    Raises:
        UsageError: No such layer or channel, or its values have no box.
        DataError: An image can't be read.
    """
    preprocessing = classifier.preprocessing
    shape = (preprocessing.channels, preprocessing.height, preprocessing.width)
    fields = layer_field(classifier.network, layer, shape)
    if fields.map_size is None:
        raise UsageError(
            f"{quoted(layer)} gives vectors, which have no position",
            hint="choose a layer that gives feature maps",
        )
    best: dict[int, list[Strongest]] = {channel: [] for channel in channels}
    first = 0
    for batch in input_batches(classifier, images):
        maps = activations(classifier.network, batch, [layer])[layer]
        for channel, heap in best.items():
            for found in _largest(maps, layer, channel, first):
                heapq.heappush(heap, found)
                if len(heap) > count:
                    heapq.heappop(heap)
        first += len(batch)
    wanted = {-found.image for heap in best.values() for found in heap}
    pixels = {number: classifier.prepare(images[number]) for number in sorted(wanted)}
    return {
        channel: [
            _cut(pixels[-found.image], found, fields.at(found.row, found.column))
            for found in sorted(heap, reverse=True)
        ]
        for channel, heap in best.items()
    }


def _largest(maps: Tensor, layer: str, channel: int, first: int) -> Iterator[Strongest]:
    """Where the channel is strongest in each image (N, C, H, W), if above 0."""
    if not 0 <= channel < maps.shape[1]:
        raise UsageError(
            f"{quoted(layer)} has no channel {channel}", hint=f"it is 0 to {maps.shape[1] - 1}"
        )
    values, places = maps[:, channel].flatten(1).max(dim=1)
    for number, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
        if value > 0:
            row, column = divmod(place, maps.shape[3])
            yield Strongest(value, -(first + number), row, column)


def _cut(pixels: NDArray[np.uint8], found: Strongest, seen_by: FieldBox) -> Patch:
    """What the value sees, as large as its whole box."""
    box, seen = seen_by.box, seen_by.seen
    patch = np.zeros((box.height, box.width, pixels.shape[2]), np.uint8)
    is_padding = np.ones((box.height, box.width), np.bool_)
    inside = (
        slice(seen.top - box.top, seen.bottom - box.top),
        slice(seen.left - box.left, seen.right - box.left),
    )
    patch[inside] = pixels[seen.top : seen.bottom, seen.left : seen.right]
    is_padding[inside] = False
    return Patch(-found.image, found.value, seen_by, patch, is_padding)
