"""Which pixels of the network's input, and of the file, a value of a feature map depends on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from torch import nn

from convscope.arithmetic import LayerRow, LayerTable, layer_table
from convscope.arithmetic.receptive_field import AxisField, ReceptiveField
from convscope.classifier import Classifier
from convscope.errors import UsageError
from convscope.inspection.boxes import Box, file_box
from convscope.inspection.layers import first_path, map_axes_of, quoted


@dataclass(frozen=True, slots=True)
class FieldBox:
    """What one value of a layer sees.

    Attributes:
        layer: Path of the layer.
        row: Of the value in the feature map; None in a vector.
        column: Likewise.
        box: On the network's input, reaching beyond it where padding is.
        seen: The part of it that is image: no other pixel can change the value.
        file: The pixels of the file that `seen` is computed from; None if its size wasn't given.
    """

    layer: str
    row: int | None
    column: int | None
    box: Box
    seen: Box
    file: Box | None = None

    @property
    def padding(self) -> dict[str, int]:
        """Rows above and below, columns left and right of `seen` that are padding."""
        return {
            "above": self.seen.top - self.box.top,
            "below": self.box.bottom - self.seen.bottom,
            "left": self.seen.left - self.box.left,
            "right": self.box.right - self.seen.right,
        }

    @property
    def padding_share(self) -> float:
        """Which share of the box is padding, 0 to 1."""
        return 1 - self.seen.num_pixels / self.box.num_pixels

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
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
        field: Size, jump and start.
        map_size: (height, width) of its feature maps; None if it gives vectors.
        input_size: (height, width) of the network's input.
    """

    layer: str
    field: ReceptiveField
    map_size: tuple[int, int] | None
    input_size: tuple[int, int]

    def at(self, row: int | None, column: int | None) -> FieldBox:
        """What the value at this position sees.

        Args:
            row: From 0; None in a vector.
            column: Likewise.

        Raises:
            UsageError: There is no such position.
        """
        rows, columns = self._position("row", row, 0), self._position("column", column, 1)
        height, width = self.field.height, self.field.width
        top, left = height.start + rows * _jump(height), width.start + columns * _jump(width)
        box = Box(top, left, top + height.size, left + width.size)
        (first, last), (begin, end) = height.box(rows), width.box(columns)
        whole = Box(0, 0, *self.input_size)
        seen = Box(first, begin, last + 1, end + 1).within(whole)
        return FieldBox(self.layer, row, column, box, seen)

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
        network: Any that takes one batch of images; nothing in it is computed but shapes.
        layer: Its name as in `named_modules`.
        input_shape: (C, H, W) of the network's input.

    Raises:
        UsageError: No such layer, it isn't computed, or its values have no box.
        NetworkError: The network can't take this input.
    """
    return _field_in(layer_table(network, (1, *input_shape)), network, layer)


def known_fields(
    network: nn.Module, layers: Sequence[str], input_shape: tuple[int, int, int]
) -> dict[str, LayerField | None]:
    """The receptive fields of several layers; None for those whose values have no box.

    Args:
        network: Any that takes one batch of images; nothing in it is computed but shapes.
        layers: Names as in `named_modules`.
        input_shape: (C, H, W) of the network's input.

    Raises:
        NetworkError: The network can't take this input.
    """
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
    map_size = _map_size(row)
    axes = (row.receptive_field.height, row.receptive_field.width)
    if any(axis.jump is None for axis in axes) or (map_size is None and any(map(_jump, axes))):
        raise UsageError(
            f"the values of {quoted(layer)} have no boxes that follow one step",
            hint="after flattening or uneven pooling positions are mixed; choose a layer before it",
        )
    return LayerField(layer, row.receptive_field, map_size, table.input_shape[2:])


def receptive_field_of(
    classifier: Classifier,
    layer: str,
    row: int | None = None,
    column: int | None = None,
    *,
    image_size: tuple[int, int] | None = None,
) -> FieldBox:
    """The pixels that a value of a layer can depend on.

    Args:
        classifier: Its preprocessing says how large the network's input is.
        layer: Its name as in `named_modules`.
        row: In the feature map, from 0; None for a dense layer.
        column: Likewise.
        image_size: (height, width) of an image file, upright, to have the box there, too.

    Raises:
        UsageError: No such layer or position, or its values have no box.
    """
    preprocessing = classifier.preprocessing
    found = layer_field(classifier.network, layer, preprocessing.input_shape).at(row, column)
    if image_size is None:
        return found
    on_file = file_box(found.seen, preprocessing, image_size)
    return FieldBox(found.layer, row, column, found.box, found.seen, on_file)


def _map_size(row: LayerRow) -> tuple[int, int] | None:
    shape, axes = row.output_shape or (), map_axes_of(row)
    return None if axes is None else (shape[axes[0]], shape[axes[1]])


def _jump(axis: AxisField) -> int:
    return axis.jump or 0
