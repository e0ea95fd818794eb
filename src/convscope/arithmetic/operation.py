"""One torch operation as it ran: its name, its arguments by name, and what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from convscope.arithmetic.operation_kinds import UNDECLARED_POINTWISE


@dataclass(frozen=True, slots=True)
class Operation:
    """An aten operation with what went in and what came out.

    Attributes:
        name: Without library and overload: `convolution`, `add_`.
        arguments: Every argument by its name in torch's schema, defaults filled in.
        outputs: The tensors that came out, in order.
        is_pointwise: Whether each output value depends only on the input values at the same
            position (after broadcasting).
        written: The input tensors that it changed in place.
    """

    name: str
    arguments: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    is_pointwise: bool
    written: tuple[Tensor, ...]

    @classmethod
    def from_call(
        cls, func: OpOverload[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> Operation:
        """What a dispatch mode is handed, with positional arguments matched to their names."""
        schema = func._schema
        arguments = {
            argument.name: args[index]
            if index < len(args)
            else kwargs.get(argument.name, argument.default_value)
            for index, argument in enumerate(schema.arguments)
        }
        written = (
            tensor
            for argument in schema.arguments
            if argument.alias_info is not None and argument.alias_info.is_write
            for tensor in tensors_in(arguments[argument.name])
        )
        name = schema.name.partition("::")[2]
        is_undeclared = name.removesuffix("_") in UNDECLARED_POINTWISE
        return cls(
            name=name,
            arguments=arguments,
            outputs=tuple(tensors_in(out)),
            is_pointwise=torch.Tag.pointwise in func.tags or is_undeclared,
            written=tuple(written),
        )

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All tensors among the arguments, those in lists included."""
        return tuple(tensors_in(list(self.arguments.values())))

    def tensor(self, name: str) -> Tensor:
        """The tensor argument of this name."""
        value: Tensor = self.arguments[name]
        return value

    def numbers(self, name: str, *, length: int) -> list[int]:
        """The integer list argument of this name; torch lets one number stand for all axes."""
        value = self.arguments[name]
        values = [int(value)] if isinstance(value, int) else [int(number) for number in value]
        return values * length if len(values) == 1 else values


def storage_of(tensor: Tensor) -> int:
    """Identity of the memory that a tensor and all its views share, while any of them lives."""
    return int(tensor.untyped_storage()._cdata)


def tensors_in(value: object) -> Iterator[Tensor]:
    """Every tensor in nested lists, tuples and dictionaries, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)
