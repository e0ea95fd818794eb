"""Receptive fields: the pixels of the network's input, and of the file, that a value depends on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from torch import nn

from convscope.arithmetic import LayerTable, layer_table
from convscope.arithmetic.receptive_field import AxisField, ReceptiveField
from convscope.classifier import Classifier
from convscope.data.pixels.preprocessing import MAX_ASPECT_RATIO, Preprocessing
from convscope.errors import UsageError
from convscope.inspection.layers import first_path, map_axes_of, quoted
from convscope.short_repr import LONGEST_TEXT
from convscope.text import one_line


@dataclass(frozen=True, slots=True)
class Box:
    """A box of whole pixels: `pixels[top:bottom, left:right]`.

    Attributes:
        top: First row; negative above the image.
        left: First column; negative left of the image.
        bottom: Row after the last.
        right: Column after the last.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows, at least 0."""
        return max(0, self.bottom - self.top)

    @property
    def width(self) -> int:
        """Number of columns, at least 0."""
        return max(0, self.right - self.left)

    @property
    def num_pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def within(self, other: Box) -> Box:
        """The intersection with another box."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Box(top, left, max(top, bottom), max(left, right))

    def to_dict(self) -> dict[str, int]:
        """The four sides, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, repr=False)
class ValueField:
    """The receptive field of one value of a layer.

    Attributes:
        layer: Path of the layer.
        row: Row of the value in the feature map; None in a vector.
        column: Column of the value in the feature map; None in a vector.
        box: The receptive field on the network's input; it reaches beyond it where padding is.
        seen: The part of `box` that is image: no other pixel can change the value.
        file: The pixels of the file that `seen` is computed from; None if its size wasn't given.
    """

    layer: str
    row: int | None
    column: int | None
    box: Box
    seen: Box
    file: Box | None = None

    def __repr__(self) -> str:
        layer = repr(one_line(self.layer, at_most=LONGEST_TEXT // 2))
        place = f"layer={layer}, row={self.row}, column={self.column}"
        return f"ValueField({place}, box={self.box}, seen={self.seen}, file={self.file})"

    @property
    def padding(self) -> dict[str, int]:
        """Number of rows above and below `seen`, and columns beside it, that are padding."""
        return {
            "above": self.seen.top - self.box.top,
            "below": self.box.bottom - self.seen.bottom,
            "left": self.seen.left - self.box.left,
            "right": self.box.right - self.seen.right,
        }

    @property
    def padding_share(self) -> float:
        """Fraction of the box that is padding."""
        return 1 - self.seen.num_pixels / self.box.num_pixels

    def to_dict(self) -> dict[str, Any]:
        """The receptive field, ready for JSON."""
        return {
            "layer": self.layer,
            "row": self.row,
            "column": self.column,
            "box": self.box.to_dict(),
            "seen": self.seen.to_dict(),
            "padding": self.padding,
            "padding_share": self.padding_share,
            "file": None if self.file is None else self.file.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class LayerField:
    """The receptive fields of all values of a layer.

    Attributes:
        layer: Path of the layer.
        field: Size, jump and start of the receptive fields.
        map_size: (height, width) of the layer's feature maps; None if it gives vectors.
        input_size: (height, width) of the network's input.
    """

    layer: str
    field: ReceptiveField
    map_size: tuple[int, int] | None
    input_size: tuple[int, int]

    def at(self, row: int | None, column: int | None) -> ValueField:
        """The receptive field of the value at a position.

        Args:
            row: Row from 0; None in a vector.
            column: Column from 0; None in a vector.

        Raises:
            UsageError: The layer has no such position.
        """
        rows, columns = self._position("row", row, 0), self._position("column", column, 1)
        height, width = self.field.height, self.field.width
        top, left = height.start + rows * _jump(height), width.start + columns * _jump(width)
        box = Box(top, left, top + height.size, left + width.size)
        (first, last), (begin, end) = height.box(rows), width.box(columns)
        whole = Box(0, 0, *self.input_size)
        seen = Box(first, begin, last + 1, end + 1).within(whole)
        return ValueField(self.layer, row, column, box, seen)

    def _position(self, name: str, position: int | None, axis: int) -> int:
        if self.map_size is None:
            if position is None:
                return 0
            raise UsageError(
                f"{quoted(self.layer)} gives vectors: `{name}` can't be {position}",
                hint="leave `row` and `column` away",
            )
        if position is None or not 0 <= position < self.map_size[axis]:
            raise UsageError(
                f"`{name}` can't be {position}: {quoted(self.layer)} gives maps of "
                f"{self.map_size[0]}x{self.map_size[1]}",
                hint=f"it is 0 to {self.map_size[axis] - 1}",
            )
        return position


def layer_field(network: nn.Module, layer: str, input_shape: tuple[int, int, int]) -> LayerField:
    """The receptive fields of a layer's values.

    Args:
        network: A network that takes one batch of images; only shapes are computed.
        layer: Name of the layer as in `named_modules`.
        input_shape: (C, H, W) of the network's input.

    Raises:
        UsageError: No such layer, it isn't computed, or its receptive field is unknown.
        NetworkError: The network can't take this input.
    """
    return _field_in(layer_table(network, (1, *input_shape)), network, layer)


def known_fields(
    network: nn.Module, layers: Sequence[str], input_shape: tuple[int, int, int]
) -> dict[str, LayerField | None]:
    """The receptive fields of several layers, as `layer_field` returns them; None where unknown."""
    table = layer_table(network, (1, *input_shape))
    fields: dict[str, LayerField | None] = dict.fromkeys(layers)
    for layer in layers:
        with suppress(UsageError):
            fields[layer] = _field_in(table, network, layer)
    return fields


def _field_in(table: LayerTable, network: nn.Module, layer: str) -> LayerField:
    row = table.row(first_path(network, layer))
    if row.output_shape is None:
        raise UsageError(
            f"{quoted(layer)} isn't computed", hint="choose a layer that evaluation uses"
        )
    if row.receptive_field is None:
        raise UsageError(
            f"the receptive field of {quoted(layer)} is unknown",
            hint="an operation before it has no rule for receptive fields; choose an earlier layer",
        )
    shape, places = row.output_shape, map_axes_of(row)
    map_size = None if places is None else (shape[places[0]], shape[places[1]])
    axes = (row.receptive_field.height, row.receptive_field.width)
    if any(axis.jump is None for axis in axes) or (map_size is None and any(map(_jump, axes))):
        raise UsageError(
            f"the receptive fields of {quoted(layer)} are not a regular grid",
            hint="flattening and uneven pooling mix positions; choose a layer before it",
        )
    return LayerField(layer, row.receptive_field, map_size, table.input_shape[2:])


def receptive_field_of(
    classifier: Classifier,
    layer: str,
    row: int | None = None,
    column: int | None = None,
    *,
    image_size: tuple[int, int] | None = None,
) -> ValueField:
    """The pixels that a value of a layer can depend on.

    Args:
        classifier: The classifier, whose preprocessing says how large the network's input is.
        layer: Name of the layer as in `named_modules`.
        row: Row in the feature map, from 0; None for a dense layer.
        column: Column in the feature map, from 0; None for a dense layer.
        image_size: (height, width) of an image file, upright, to also find the pixels of the file.

    Raises:
        UsageError: No such layer or position, or its receptive field is unknown.
    """
    preprocessing = classifier.preprocessing
    found = layer_field(classifier.network, layer, preprocessing.input_shape).at(row, column)
    if image_size is None:
        return found
    return replace(found, file=file_box(found.seen, preprocessing, image_size))


def _jump(axis: AxisField) -> int:
    return axis.jump or 0


class _Axis(NamedTuple):
    """How one axis of a file becomes one of the input: cropped, resized, shifted.

    Attributes:
        start: First pixel of the file that is used.
        length: Number of pixels of the file that are used.
        resized: Number of pixels that they are resized to.
        offset: Position of the first resized pixel in the input; negative if it is cropped.
    """

    start: int
    length: int
    resized: int
    offset: int

    def file_span(self, first: int, end: int) -> tuple[int, int]:
        """The pixels of the file that the input's pixels `first` to `end` are computed from.

        Source: Pillow's resampling: a triangle over one pixel to each side, wider when an image is
            made smaller; it begins and ends at whole pixels by rounding.
        """
        first, end = max(first - self.offset, 0), min(end - self.offset, self.resized)
        if first >= end:
            return self.start, self.start
        if self.resized == self.length:
            return self.start + first, self.start + end
        scale = self.length / self.resized
        support = max(scale, 1.0)
        low = int(max((first + 0.5) * scale - support + 0.5, 0))
        high = int(min((end - 0.5) * scale + support + 0.5, self.length))
        return self.start + low, self.start + high


def file_box(box: Box, preprocessing: Preprocessing, image_size: tuple[int, int]) -> Box:
    """The pixels of the file that a box of the network's input is computed from.

    These are all pixels that can change a pixel of the box: resizing reads a little beyond it.
    Borders that preprocessing adds come from no pixel.

    Args:
        box: A box on the network's input.
        preprocessing: The preprocessing from the file to the input.
        image_size: (height, width) of the image, upright as it was decoded.
    """
    rows, columns = _axes(preprocessing, *image_size)
    top, bottom = rows.file_span(box.top, box.bottom)
    left, right = columns.file_span(box.left, box.right)
    return Box(top, left, bottom, right)


def _axes(preprocessing: Preprocessing, height: int, width: int) -> tuple[_Axis, _Axis]:
    """How `preprocessing` maps the rows and columns of an image of this size."""
    target = (preprocessing.height, preprocessing.width)
    if preprocessing.keeps((height, width, preprocessing.channels)):
        return _Axis(0, height, height, 0), _Axis(0, width, width, 0)
    if preprocessing.fit == "stretch":
        return _Axis(0, height, target[0], 0), _Axis(0, width, target[1], 0)
    if preprocessing.fit == "pad":
        ratio = min(target[0] / height, target[1] / width)
        sizes = [max(1, round(side * ratio)) for side in (height, width)]
        offsets = [(side - size) // 2 for side, size in zip(target, sizes, strict=True)]
        return _Axis(0, height, sizes[0], offsets[0]), _Axis(0, width, sizes[1], offsets[1])
    longest = MAX_ASPECT_RATIO * min(height, width)
    used = [min(side, longest) for side in (height, width)]
    starts = [max(0, side - longest) // 2 for side in (height, width)]
    resized_width, resized_height = preprocessing._covering_size(used[1], used[0])
    resized = (resized_height, resized_width)
    cut = [round((size - side) / 2.0) for size, side in zip(resized, target, strict=True)]
    return (
        _Axis(starts[0], used[0], resized[0], -cut[0]),
        _Axis(starts[1], used[1], resized[1], -cut[1]),
    )
