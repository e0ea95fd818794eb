"""What is known of an operation's inputs when a rule moves fields through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

from torch import Tensor

from convscope.arithmetic.operation import Operation
from convscope.arithmetic.placement import PlacedField, UnknownFieldError, merged


@dataclass(frozen=True, slots=True)
class Setting:
    """What rules need to know of the whole.

    Attributes:
        length: The network's input along the axis.
        ignores_statistics: Whether statistics that batch normalisation takes are of the batch, and
            so don't count as seeing.
    """

    length: int
    ignores_statistics: bool


@dataclass(frozen=True, slots=True)
class Inputs:
    """Fields of an operation's inputs; tensors that don't depend on the image have none."""

    setting: Setting
    fields: dict[int, PlacedField]

    def of(self, tensor: Tensor) -> PlacedField:
        """The field of this input.

        Raises:
            UnknownFieldError: It doesn't depend on the image, but another input does.
        """
        if id(tensor) not in self.fields:
            raise UnknownFieldError
        return self.fields[id(tensor)]

    def of_only(self, operation: Operation, tensor: Tensor) -> PlacedField:
        """The field of this input, where no other one depends on the image: no weight, no bias.

        Raises:
            UnknownFieldError: Another does, or this one doesn't.
        """
        if any(self.has(other) for other in operation.inputs if other is not tensor):
            raise UnknownFieldError
        return self.of(tensor)

    def has(self, tensor: object) -> bool:
        """Whether this input depends on the image."""
        return id(tensor) in self.fields

    def merged(self, fields: Iterable[PlacedField]) -> PlacedField:
        """The field of what depends on all of them."""
        return reduce(lambda a, b: merged(a, b, length=self.setting.length), fields)


Rule = Callable[[Operation, Inputs], list[PlacedField]]
