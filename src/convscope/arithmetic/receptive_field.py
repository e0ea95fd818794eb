"""Which input pixels a value of a feature map can depend on, along height and width.

Along one axis this is a box of neighbouring pixels that moves with the position of the value:

    position i sees the pixels  start + i * jump  ...  start + i * jump + size - 1

`start` is the left edge (top edge for the height) of what position 0 sees. It is negative where
padding stands left of the image; pixels outside of the image exist for nobody. `size` is likewise
not cut off at the image, so a deep network's field may be larger than its input.

Two cases have no such moving box, and `jump` says so:

    jump 0      every position sees the same box: after global pooling or a dense layer
    jump None   no one step fits all positions, as after flattening; the box is what all of
                them see together

A field that cannot be told at all is None in place of a `ReceptiveField`.

Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks"
(Distill, 2019), equations for r, S and P, here composed from the input up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from convscope.arithmetic.formulas import Window


@dataclass(frozen=True, slots=True)
class AxisField:
    """What the positions along one axis see of the input along that axis.

    Attributes:
        size: Length of the box in input pixels.
        jump: Pixels between the boxes of neighbouring positions; 0 if all see the same box, None
            if no one step fits.
        start: First pixel that position 0 sees; negative where padding comes first.
        limits: First and last pixel that any position can see: where padding lies between layers,
            border pixels may be out of reach. None if nothing is known of them.
        together: How many neighbouring positions have to be seen together for the box to hold. One
            position of mirrored padding sees pixels from the other side of the border, which a
            window wide enough sees anyway.
        has_gaps: Whether a dilated window was on the way. Where its outermost values are padding,
            the next ones lie some pixels further inside than the border.
    """

    size: int
    jump: int | None
    start: int
    limits: tuple[int, int] | None = field(default=None, compare=False)
    together: int = 1
    has_gaps: bool = field(default=False, compare=False)

    @property
    def end(self) -> int:
        """The pixel after the last one that position 0 sees."""
        return self.start + self.size

    def box(self, position: int) -> tuple[int, int]:
        """First and last pixel that this position sees, without those that are padding.

        At a border it may be a few pixels too large: where branches of different reach are joined,
        and where it `has_gaps`.
        """
        start = self.start + position * (self.jump or 0)
        last = start + self.size - 1
        if self.limits is None:
            return start, last
        return max(start, self.limits[0]), min(last, self.limits[1])

    def through(self, window: Window, *, count: int) -> AxisField:
        """The field after a convolution or pooling that slides `window` over these positions.

        Args:
            window: The window that slides.
            count: The number of these positions; beyond them is padding.

        Raises:
            ValueError: The jump is None: a window would see a part that is not known.
        """
        if self.jump is None:
            raise ValueError("a window over positions without a common jump has no known field")
        return AxisField(
            size=self.size + (window.extent - 1) * self.jump,
            jump=self.jump * window.stride,
            start=self.start - window.padding_before * self.jump,
            limits=(self.box(0)[0], self.box(count - 1)[1]),
            has_gaps=self.has_gaps or window.dilation > 1,
        )

    def hull(self, count: int) -> AxisField:
        """The one box that `count` neighbouring positions see together."""
        size = self.size + (count - 1) * (self.jump or 0)
        return replace(self, size=size, jump=0, together=1)

    def covers(self, length: int) -> bool:
        """Whether position 0 sees all `length` pixels of the input."""
        return self.start <= 0 and self.end >= length


def input_field(length: int) -> AxisField:
    """The field of the image itself, `length` pixels along this axis."""
    return AxisField(size=1, jump=1, start=0, limits=(0, length - 1))


def joined(first: AxisField, second: AxisField) -> AxisField:
    """The box around both fields, for values that depend on both; the jump is None if they differ.

    Where the jumps differ, this is the box of position 0 only: join the hulls instead.
    """
    start = min(first.start, second.start)
    limits = None
    if first.limits and second.limits:
        limits = (min(first.limits[0], second.limits[0]), max(first.limits[1], second.limits[1]))
    return AxisField(
        size=max(first.end, second.end) - start,
        jump=first.jump if first.jump == second.jump else None,
        start=start,
        limits=limits,
        together=max(first.together, second.together),
        has_gaps=first.has_gaps or second.has_gaps,
    )


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What the values of a feature map see of the image, in pixels of the network's input.

    Attributes:
        height: The field along the height.
        width: The field along the width.
    """

    height: AxisField
    width: AxisField

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the box."""
        return self.height.size, self.width.size

    @property
    def jump(self) -> tuple[int | None, int | None]:
        """(height, width) steps between neighbouring boxes."""
        return self.height.jump, self.width.jump

    @property
    def start(self) -> tuple[int, int]:
        """(row, column) of the first pixel that the first position sees."""
        return self.height.start, self.width.start

    def is_whole_input(self, height: int, width: int) -> bool:
        """Whether every single value sees all of an input of this size."""
        axes = ((self.height, height), (self.width, width))
        return all(axis.jump == 0 and axis.covers(length) for axis, length in axes)

    def to_dict(self, *, input_size: tuple[int, int]) -> dict[str, Any]:
        """`size`, `jump` and `start`, each as [height, width], ready for JSON.

        Args:
            input_size: (height, width) of the network's input, to say whether this is all of it.
        """
        return {
            "size": list(self.size),
            "jump": list(self.jump),
            "start": list(self.start),
            "is_whole_input": self.is_whole_input(*input_size),
        }


class UnknownFieldError(Exception):
    """Raised where a field can't be told; caught inside this package."""


@dataclass(frozen=True, slots=True)
class PlacedField:
    """The field along one image axis of all values of a tensor.

    The value at index `i` of `dimension` belongs to position `(i // stride) % count`.

    Attributes:
        field: What the positions see.
        dimension: The tensor's dimension that holds the axis; None if none does, and then all
            values see the same.
        stride: Indices from one position to the next within the dimension.
        count: Number of positions.
    """

    field: AxisField
    dimension: int | None = None
    stride: int = 1
    count: int = 1

    @property
    def is_uniform(self) -> bool:
        """Whether all values see the same."""
        return self.dimension is None or self.field.jump == 0

    def mixed(self) -> PlacedField:
        """The field after a sum over the positions: all values see what these see together."""
        return PlacedField(self.field.hull(self.count))

    def blurred(self) -> PlacedField:
        """The field at the same place, where only what all positions see together is known."""
        return replace(self, field=replace(self.field.hull(self.count), jump=None))

    def is_alone(self, shape: Sequence[int]) -> bool:
        """Whether one whole dimension of a tensor of this shape is this axis and nothing else."""
        return (
            self.dimension is not None and self.stride == 1 and shape[self.dimension] == self.count
        )

    def fills(self, shape: Sequence[int]) -> bool:
        """Whether the axis is alone in its dimension, and each position has a box of its own."""
        is_moving = self.field.jump is not None and self.field.together == 1
        return self.is_alone(shape) and is_moving

    def summed_over(self, dimensions: Collection[int]) -> PlacedField:
        """The field after a sum, mean or maximum over these dimensions."""
        return self.mixed() if self.dimension in dimensions else self

    def normalised_over(self, dimensions: Collection[int]) -> PlacedField:
        """The field after each value was normalised by all values along these dimensions."""
        if self.dimension not in dimensions:
            return self
        return replace(self, field=self.field.hull(self.count))

    def without(self, dimensions: Collection[int]) -> PlacedField:
        """The field after these dimensions, which hold no part of the axis, are dropped."""
        if self.dimension is None:
            return self
        before = sum(dimension < self.dimension for dimension in dimensions)
        return replace(self, dimension=self.dimension - before)

    def broadcast(self, shape: Sequence[int], target: Sequence[int]) -> PlacedField:
        """The field after the tensor of `shape` is broadcast to `target`."""
        if self.dimension is None:
            return self
        dimension = self.dimension + len(target) - len(shape)
        if shape[self.dimension] == 1 and target[dimension] != 1:
            return self.mixed()
        return replace(self, dimension=dimension)

    def sliced(self, shape: Sequence[int], dimension: int, taken: range) -> PlacedField:
        """The field after only the indices `taken` of this dimension are left.

        Raises:
            UnknownFieldError: The dimension holds the axis together with something else.
        """
        if self.dimension != dimension or taken == range(shape[dimension]):
            return self
        jump = self.field.jump
        if not self.fills(shape) or jump is None or not taken:
            raise UnknownFieldError
        field = replace(
            self.field, start=self.field.start + jump * taken.start, jump=jump * taken.step
        )
        return replace(self, field=field, count=len(taken))

    def viewed(self, shape: Sequence[int], target: Sequence[int]) -> PlacedField:
        """The field after the values, in unchanged order, are given another shape.

        Raises:
            UnknownFieldError: The new shape cuts the axis in parts.
        """
        if self.dimension is None or tuple(shape) == tuple(target):
            return self
        if self.count == 1:
            return self.mixed()
        step = self.stride * prod(shape[self.dimension + 1 :])
        for dimension, length in enumerate(target):
            inner = prod(target[dimension + 1 :])
            if inner * length and _is_inside(step, self.count, inner=inner, length=length):
                return replace(self, dimension=dimension, stride=step // inner)
        raise UnknownFieldError

    def visible(self, shape: Sequence[int]) -> AxisField:
        """The field that a reader of the tensor's shape can be told.

        Positions that share a dimension with other things have no jump that means anything to a
        reader, so they get the box that all of them see together.
        """
        if self.is_uniform or self.fills(shape):
            return self.field
        return (self.mixed() if self.count == 1 else self.blurred()).field


def _is_inside(step: int, count: int, *, inner: int, length: int) -> bool:
    """Whether `count` positions, `step` values apart, all lie along a dimension of `length`."""
    return step >= inner and step % inner == 0 and (inner * length) % (step * count) == 0


def merged(first: PlacedField, second: PlacedField, *, length: int) -> PlacedField:
    """The field of values that depend on both tensors, of the same shape: `+`, `*`, concatenation.

    Args:
        first: Field of one tensor.
        second: Field of the other tensor.
        length: The input's size along this axis: beyond it there is nothing to see.

    Raises:
        UnknownFieldError: The axis lies in different places.
    """
    first, second = sorted((first, second), key=lambda one: (one.is_uniform, one.dimension is None))
    if second.is_uniform:
        box = joined(first.mixed().field, second.field)
        is_same = first.is_uniform or second.field.covers(length) or box == second.field
        return replace(first, field=replace(box, jump=0 if is_same else None))
    if (first.dimension, first.stride, first.count) != (
        second.dimension,
        second.stride,
        second.count,
    ):
        raise UnknownFieldError
    if first.field.jump is not None and first.field.jump == second.field.jump:
        return replace(first, field=joined(first.field, second.field))
    return replace(first, field=joined(first.blurred().field, second.blurred().field))
