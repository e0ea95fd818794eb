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
    """What rules need to know of the whole: the input's length and the network's mode."""

    length: int
    training: bool


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

    def has(self, tensor: object) -> bool:
        """Whether this input depends on the image."""
        return id(tensor) in self.fields

    def merged(self, fields: Iterable[PlacedField]) -> PlacedField:
        """The field of what depends on all of them."""
        return reduce(lambda a, b: merged(a, b, length=self.setting.length), fields)


Rule = Callable[[Operation, Inputs], list[PlacedField]]
