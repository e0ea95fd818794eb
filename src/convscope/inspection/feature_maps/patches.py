"""Strongest patches: the parts of images that excite a channel most, cut by receptive field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convscope.classifier import Classifier, ImageLike
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import activations, input_batches
from convscope.inspection.layers import check_is_list, quoted
from convscope.inspection.receptive_fields import LayerField, ValueField, layer_field
from convscope.short_repr import short_repr
from convscope.text import joined

Prepared = NDArray[np.uint8]


class Strongest(NamedTuple):
    """The largest value of a channel in one image.

    Attributes:
        value: The value.
        image: Index of the image.
        place: Index of the value in the flattened feature map.
    """

    value: float
    image: int
    place: int


@dataclass(frozen=True, slots=True)
class Patch:
    """A part of an image that a channel responds to.

    Attributes:
        image: Index of the image in the list.
        value: Value of the channel there.
        field: Position of the value, and its receptive field.
        pixels: (height, width, C) of 0 to 255: `field.box` cut out of the network's input.
        is_padding: (height, width) where the box reaches beyond the image; `pixels` is 0 there.
    """

    image: int
    value: float
    field: ValueField
    pixels: Prepared
    is_padding: NDArray[np.bool_]

    __repr__ = short_repr


class StrongestPlaces:
    """The largest values of each channel of a layer, over images that come in batches.

    Only the largest value of each image is kept: its neighbours would show the same thing shifted.

    Args:
        count: Number of images that are kept for each channel.
    """

    def __init__(self, count: int) -> None:
        self._count, self._num_images = count, 0
        self._kept: list[Tensor] | None = None  # values, images, places: each (n, C)

    def add(self, maps: Tensor) -> None:
        """Adds the layer's output for further images: (N, C, H, W), or (N, C) for vectors."""
        flat = maps.flatten(2) if maps.dim() > 2 else maps.unsqueeze(2)
        values, places = flat.max(dim=2)
        images = torch.arange(self._num_images, self._num_images + len(values))
        new = [values.float().cpu(), images[:, None].expand(values.shape), places.cpu()]
        self._num_images += len(values)
        both = new
        if self._kept is not None:
            both = [torch.cat(pair) for pair in zip(self._kept, new, strict=True)]
        # Stable, so that the first images stay among equal values.
        order = both[0].argsort(dim=0, descending=True, stable=True)[: self._count]
        self._kept = [each.gather(0, order) for each in both]

    def of(self, channel: int) -> list[Strongest]:
        """The largest values of a channel that are above 0, the strongest first."""
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
    """The patches with the largest values of each channel, the strongest first.

    Each image has one patch for a channel at most, and none where the channel is nowhere above 0.
    For a layer that gives vectors the patches are whole images.

    Args:
        classifier: The classifier, whose preprocessing prepares the images.
        images: Paths, encoded bytes, Pillow images or pixels; each is read twice at most.
        layer: Name of the layer as in `named_modules`.
        channels: Channels of this layer.
        count: Number of patches of each channel.

    Raises:
        UsageError: No such layer or channel, no receptive field is known, or a count below 1.
        DataError: An image can't be read.
    """
    check_is_list("images", images)
    check_is_list("channels", channels)
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
    """Refuses channels that a layer doesn't have with a UsageError."""
    missing = [str(channel) for channel in channels if not 0 <= channel < num_channels]
    if missing:
        noun, it = ("channel", "it is") if len(missing) == 1 else ("channels", "they are")
        raise UsageError(
            f"{quoted(layer)} has no {noun} {joined(missing)}",
            hint=f"{it} 0 to {num_channels - 1}; choose a layer that has more",
        )


def cut_patches(
    places: dict[int, list[Strongest]], fields: LayerField, pixels: Callable[[int], Prepared]
) -> dict[int, list[Patch]]:
    """The receptive fields of these values, cut out of their images, by channel.

    Args:
        places: The largest values of each channel.
        fields: Receptive fields of the layer.
        pixels: Reads the prepared pixels (H, W, C) of an image by its index; called once for each.
    """
    wanted = {found.image for each in places.values() for found in each}
    prepared = {number: pixels(number) for number in sorted(wanted)}
    return {
        channel: [_cut(prepared[each.image], each, fields) for each in found]
        for channel, found in places.items()
    }


def _cut(pixels: Prepared, found: Strongest, fields: LayerField) -> Patch:
    """The receptive field of a value, as large as its whole box."""
    row = column = None
    if fields.map_size is not None:
        row, column = divmod(found.place, fields.map_size[1])
    field = fields.at(row, column)
    box, seen = field.box, field.seen
    patch = np.zeros((box.height, box.width, pixels.shape[2]), np.uint8)
    is_padding = np.ones((box.height, box.width), np.bool_)
    inside = (
        slice(seen.top - box.top, seen.bottom - box.top),
        slice(seen.left - box.left, seen.right - box.left),
    )
    patch[inside] = pixels[seen.top : seen.bottom, seen.left : seen.right]
    is_padding[inside] = False
    return Patch(found.image, found.value, field, patch, is_padding)
