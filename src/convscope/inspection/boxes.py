"""Boxes of pixels, and where the pixels of a network's input come from in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from convscope.data.preprocessing import MAX_ASPECT_RATIO, Preprocessing


@dataclass(frozen=True, slots=True)
class Box:
    """Whole pixels: `pixels[top:bottom, left:right]`.

    Attributes:
        top: First row; negative above the picture.
        left: First column; negative left of the picture.
        bottom: The row after the last.
        right: The column after the last.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows in it, at least 0."""
        return max(0, self.bottom - self.top)

    @property
    def width(self) -> int:
        """Columns in it, at least 0."""
        return max(0, self.right - self.left)

    @property
    def num_pixels(self) -> int:
        """Pixels in it."""
        return self.height * self.width

    def within(self, other: Box) -> Box:
        """The part that is in `other`, too."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Box(top, left, max(top, bottom), max(left, right))

    def to_dict(self) -> dict[str, int]:
        """The four sides, ready for JSON."""
        return {"top": self.top, "left": self.left, "bottom": self.bottom, "right": self.right}


class _Axis(NamedTuple):
    """How one axis of a file becomes one of the input: cut out, resized, moved.

    Attributes:
        start: First pixel of the file that is used.
        length: Pixels of the file that are used.
        resized: What they become.
        offset: Where the first of these stands in the input; negative where it is cut away.
    """

    start: int
    length: int
    resized: int
    offset: int

    def file_span(self, first: int, end: int) -> tuple[int, int]:
        """The pixels of the file that the input's pixels `first` to `end` are computed from.

        Source: Pillow's resampling: a triangle over one pixel to each side, which is widened where
            pixels are joined; it begins and ends at whole pixels by rounding.
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

    Those are all that can change a pixel of the box: resizing looks a little beyond it. Borders
    that preprocessing adds come from no pixel.

    Args:
        box: On the network's input.
        preprocessing: From the file to the input.
        image_size: (height, width) of the image, upright as it was decoded.
    """
    rows, columns = _axes(preprocessing, *image_size)
    top, bottom = rows.file_span(box.top, box.bottom)
    left, right = columns.file_span(box.left, box.right)
    return Box(top, left, bottom, right)


def _axes(preprocessing: Preprocessing, height: int, width: int) -> tuple[_Axis, _Axis]:
    """What `preprocessing` does to rows and columns of an image of this size."""
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
