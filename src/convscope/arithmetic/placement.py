"""Where in a tensor the positions of one image axis lie, and what they see.

A feature map (N, C, H, W) has the height in dimension 2. After a transpose it lies elsewhere; after
`flatten(1)` neighbouring rows are W values apart in dimension 1; after a dense layer no dimension
is left along which values see different rows. A `PlacedField` follows one axis through all that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import prod

from convscope.arithmetic.receptive_field import AxisField, joined


class UnknownFieldError(Exception):
    """Raised inside this package where a field can't be told; never reaches a caller."""


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
        """All values see what all positions see together: after a sum over the positions."""
        return PlacedField(self.field.hull(self.count))

    def blurred(self) -> PlacedField:
        """Same place, but all that is still known is what all positions see together."""
        return replace(self, field=replace(self.field.hull(self.count), jump=None))

    def is_alone(self, shape: Sequence[int]) -> bool:
        """Whether one whole dimension of a tensor of this shape is this axis and nothing else."""
        return (
            self.dimension is not None and self.stride == 1 and shape[self.dimension] == self.count
        )

    def fills(self, shape: Sequence[int]) -> bool:
        """Whether it is alone in its dimension, and each position has a box of its own."""
        is_moving = self.field.jump is not None and self.field.together == 1
        return self.is_alone(shape) and is_moving

    def summed_over(self, dimensions: Collection[int]) -> PlacedField:
        """After a sum, mean or maximum over these dimensions."""
        return self.mixed() if self.dimension in dimensions else self

    def normalised_over(self, dimensions: Collection[int]) -> PlacedField:
        """After each value was compared with all values along these dimensions, which stay."""
        if self.dimension not in dimensions:
            return self
        return replace(self, field=self.field.hull(self.count))

    def without(self, dimensions: Collection[int]) -> PlacedField:
        """After these dimensions, which hold no part of the axis, are dropped from the shape."""
        if self.dimension is None:
            return self
        before = sum(dimension < self.dimension for dimension in dimensions)
        return replace(self, dimension=self.dimension - before)

    def broadcast(self, shape: Sequence[int], target: Sequence[int]) -> PlacedField:
        """After the tensor of `shape` is repeated along new and length-1 dimensions to `target`."""
        if self.dimension is None:
            return self
        dimension = self.dimension + len(target) - len(shape)
        if shape[self.dimension] == 1 and target[dimension] != 1:
            return self.mixed()
        return replace(self, dimension=dimension)

    def sliced(self, shape: Sequence[int], dimension: int, taken: range) -> PlacedField:
        """After only the indices `taken` of this dimension are kept.

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
        """After the values, in unchanged order, are given another shape.

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
        """What a reader of the tensor's shape can be told.

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
        second: Field of the other.
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
