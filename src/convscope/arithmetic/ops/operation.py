"""One torch operation as it ran, with its arguments by name; and a hook on torch's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True, slots=True)
class Operation:
    """An aten operation with what went in and what came out.

    Attributes:
        name: Without library and overload: `convolution`, `add_`.
        arguments: Every argument by its name in torch's schema, defaults filled in.
        outputs: The tensors that came out, in order.
        is_tagged_pointwise: Whether torch declares that each output value depends only on the input
            values at the same position, after broadcasting. It doesn't declare it of all such
            operations: the table of operators knows more.
        written: The input tensors that it changed in place.
    """

    name: str
    arguments: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    is_tagged_pointwise: bool
    written: tuple[Tensor, ...]

    @classmethod
    def from_call(
        cls, func: OpOverload[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> Operation:
        """The operation of a dispatch mode's call, with positional arguments given their names."""
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
        return cls(
            name=schema.name.partition("::")[2],
            arguments=arguments,
            outputs=tuple(tensors_in(out)),
            is_tagged_pointwise=torch.Tag.pointwise in func.tags,
            written=tuple(written),
        )

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All tensors among the arguments, including those in lists."""
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

    @property
    def num_pooled_axes(self) -> int:
        """The number of axes that a pooling slides over: 2 for `max_pool2d_with_indices`."""
        return int(self.name.partition("pool")[2][0])

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether a batch normalisation normalises by the batch, not by running statistics."""
        return bool(self.arguments.get("training", self.name == "_batch_norm_with_update"))


OnCall = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


class FunctionHook(TorchFunctionMode):
    """Context manager in which every call of a torch function goes to `on_call`.

    Args:
        on_call: Takes the function, its arguments and its keyword arguments; gives the output.
            Functions that it calls itself run as usual.
    """

    def __init__(self, on_call: OnCall) -> None:
        super().__init__()
        self._on_call = on_call

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return self._on_call(func, args, dict(kwargs or {}))


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
