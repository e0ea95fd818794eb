"""The parts of images that excite a channel most, cut out by what the channel sees there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError
from convscope.inspection.activations import activations, input_batches
from convscope.inspection.fields import FieldBox, LayerField, layer_field
from convscope.inspection.layers import check_several, quoted

Prepared = NDArray[np.uint8]


class Strongest(NamedTuple):
    """Where a channel is strongest in one image.

    Attributes:
        value: How strong.
        image: Number of the image.
        place: In the flattened feature map.
    """

    value: float
    image: int
    place: int


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
    pixels: Prepared
    is_padding: NDArray[np.bool_]


class StrongestPlaces:
    """Where each channel of a layer is strongest, of images that come in batches.

    Each image gives one place to a channel: else they would be the same thing shifted.

    Args:
        count: Of how many images the places are kept.
    """

    def __init__(self, count: int) -> None:
        self._count, self._num_images = count, 0
        self._kept: list[Tensor] | None = None  # values, images, places: each (n, C)

    def add(self, maps: Tensor) -> None:
        """Takes what the layer gave for further images: (N, C, H, W), or (N, C) for vectors."""
        flat = maps.flatten(2) if maps.dim() > 2 else maps.unsqueeze(2)
        values, places = flat.max(dim=2)
        images = torch.arange(self._num_images, self._num_images + len(values))
        new = [values.float().cpu(), images[:, None].expand(values.shape), places.cpu()]
        self._num_images += len(values)
        both = new
        if self._kept is not None:
            both = [torch.cat(pair) for pair in zip(self._kept, new, strict=True)]
        # Stable, so that of equal values those of the first images stay.
        order = both[0].argsort(dim=0, descending=True, stable=True)[: self._count]
        self._kept = [each.gather(0, order) for each in both]

    def of(self, channel: int) -> list[Strongest]:
        """The largest values of a channel, the strongest first; none that isn't above 0."""
        if self._kept is None:
            return []
        rows = zip(*(kept[:, channel].tolist() for kept in self._kept), strict=True)
        return [found for found in (Strongest(*row) for row in rows) if found.value > 0]


def strongest_patches(
    classifier: Classifier,
    images: Sequence[ImageLike],
    layer: str,
    channels: Collection[int],
    *,
    count: int = 9,
) -> dict[int, list[Patch]]:
    """Of each channel, the patches with its largest values, the strongest first.

    Each image gives one patch to a channel at most, and none where the channel is nowhere above 0.
    Of a layer that gives vectors the patches are whole images.

    Args:
        classifier: Its preprocessing prepares the images.
        images: Paths, encoded bytes, Pillow images or pixels; each is read twice at most.
        layer: Its name as in `named_modules`.
        channels: Of this layer.
        count: Patches of each channel.

    Raises:
        UsageError: No such layer or channel, its values have no box, or a count below 1.
        DataError: An image can't be read.
    """
    check_several("images", images)
    check_several("channels", channels)
    if count < 1:
        raise UsageError(f"`count` can't be {count}", hint="it is 1 or more")
    fields = layer_field(classifier.network, layer, classifier.preprocessing.input_shape)
    places = StrongestPlaces(count)
    for batch in input_batches(classifier, images):
        maps = activations(classifier.network, batch, [layer])[layer]
        check_channels(channels, layer, maps.shape[1])
        places.add(maps)
    return cut_patches(
        {channel: places.of(channel) for channel in channels},
        fields,
        lambda number: classifier.prepare(images[number]),
    )


def check_channels(channels: Collection[int], layer: str, num_channels: int) -> None:
    """Refuses channels that a layer doesn't have.

    Raises:
        UsageError: It is so.
    """
    for channel in channels:
        if not 0 <= channel < num_channels:
            raise UsageError(
                f"{quoted(layer)} has no channel {channel}", hint=f"it is 0 to {num_channels - 1}"
            )


def cut_patches(
    places: dict[int, list[Strongest]], fields: LayerField, pixels: Callable[[int], Prepared]
) -> dict[int, list[Patch]]:
    """What the values at these places see, by channel.

    Args:
        places: Of each channel.
        fields: Of the layer.
        pixels: (H, W, C) what the network sees of an image, by its number; asked once for each.
    """
    wanted = {found.image for each in places.values() for found in each}
    prepared = {number: pixels(number) for number in sorted(wanted)}
    return {channel: list(_cut_each(found, fields, prepared)) for channel, found in places.items()}


def _cut_each(
    places: Sequence[Strongest], fields: LayerField, prepared: dict[int, Prepared]
) -> Iterator[Patch]:
    for found in places:
        row = column = None
        if fields.map_size is not None:
            row, column = divmod(found.place, fields.map_size[1])
        yield _cut(prepared[found.image], found, fields.at(row, column))


def _cut(pixels: Prepared, found: Strongest, seen_by: FieldBox) -> Patch:
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
    return Patch(found.image, found.value, seen_by, patch, is_padding)
