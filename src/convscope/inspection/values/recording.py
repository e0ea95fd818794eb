"""Recording of one forward pass as a graph: each value knows the operation that computed it.

A tensor can be changed in place and then no longer holds what earlier operations saw. So operations
are recorded over `Value`s: a value is what a tensor held at one moment. Before an operation writes
into a tensor, the values that share its memory get copies of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from convscope.arithmetic.ops.operation import Operation, tensors_in
from convscope.arithmetic.running_layers import RunningLayers
from convscope.arithmetic.state_guard import in_mode
from convscope.inspection.layers import run
from convscope.uncompiled import UncompiledMode


@dataclass(slots=True, eq=False)
class Value:
    """What a tensor held at one moment.

    Attributes:
        tensor: The numbers.
        source: The operation that computed it; None for the image, for parameters and buffers, and
            for a tensor that was changed through a view of it.
        output: Index of this tensor among the operation's outputs.
        is_from_image: Whether it depends on the image.
        is_image: Whether it is the image.
        name: Path of the parameter or buffer; empty for all else.
    """

    tensor: Tensor
    source: Recorded | None = None
    output: int = 0
    is_from_image: bool = False
    is_image: bool = False
    name: str = ""


@dataclass(slots=True, eq=False)
class Recorded:
    """An operation that ran, with the values of its inputs and outputs.

    Attributes:
        call: The torch operator, to run it again.
        operation: The call with its arguments by name. Tensors in it may have changed since.
        inputs: The value that each tensor among the arguments held, by the tensor's identity.
        outputs: The values of its outputs, in order.
        layer: Path of the innermost module that ran it.
    """

    call: OpOverload[..., Any]
    operation: Operation
    inputs: dict[int, Value]
    layer: str
    outputs: list[Value] = field(default_factory=list)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Every argument by its name in torch's schema, defaults filled in."""
        return self.operation.arguments

    @property
    def name(self) -> str:
        """The operator's name, without the underscore of the in-place form."""
        name = self.operation.name
        return name.removesuffix("_") if not name.endswith("__") else name

    def value(self, argument: str) -> Value:
        """The value of the tensor argument of this name."""
        return self.inputs[id(self.operation.tensor(argument))]

    def optional(self, argument: str) -> Value | None:
        """The value of an optional tensor argument; None where the argument is None."""
        tensor = self.arguments[argument]
        return None if tensor is None else self.inputs[id(tensor)]

    def values(self, argument: str) -> list[Value]:
        """The values of an argument that is a list of tensors."""
        return [self.inputs[id(tensor)] for tensor in tensors_in(self.arguments[argument])]


class Recorder(UncompiledMode):  # type: ignore[no-untyped-call]
    """Dispatch mode that records every operation and every layer's output.

    Args:
        network: The network that will run; its parameters and buffers are known by name.
        image: The input that it will be called with.

    Attributes:
        results: The last output of each layer, by its path.
    """

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        super().__init__()
        self.results: dict[str, Value] = {}
        self._running = RunningLayers()
        # By identity of the tensor, which is held so that no other one gets its identity.
        self._current: dict[int, tuple[Tensor, Value]] = {}
        self._sharing: dict[int, list[tuple[Tensor, Value]]] = {}
        self._note(image, Value(image, is_from_image=True, is_image=True))
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            self._note(tensor, Value(tensor, name=name))

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run the operation and record it."""
        planned = Operation.from_call(func, args, kwargs or {}, ())
        inputs = {id(tensor): self._value(tensor) for tensor in planned.inputs}
        is_from_image = any(value.is_from_image for value in inputs.values())
        for tensor in planned.written:
            self._preserve(tensor, is_from_image=is_from_image)
        out = func(*args, **(kwargs or {}))
        operation = replace(planned, outputs=tuple(tensors_in(out)))
        recorded = Recorded(func, operation, inputs, self._running.innermost)
        for index, tensor in enumerate(operation.outputs):
            value = Value(tensor, recorded, index, is_from_image)
            recorded.outputs.append(value)
            self._note(tensor, value)
        return out

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        """Context manager that records the operations that run in it, and their layers."""
        with self._running.following(network, returned=self._returned), self:
            yield

    def _returned(self, name: str, output: object) -> None:
        first = next(tensors_in(output), None)
        if first is not None:
            self.results[name] = self._value(first)

    def _value(self, tensor: Tensor) -> Value:
        """The current value of a tensor; one that was never seen before is a constant."""
        if id(tensor) not in self._current:
            self._note(tensor, Value(tensor))
        return self._current[id(tensor)][1]

    def _note(self, tensor: Tensor, value: Value) -> None:
        self._current[id(tensor)] = (tensor, value)
        if tensor.numel():
            self._sharing.setdefault(_memory(tensor), []).append((tensor, value))

    def _preserve(self, written: Tensor, *, is_from_image: bool) -> None:
        """Copies the values in memory that is about to be overwritten.

        The source of its other views is then unknown. `is_from_image` is of the new numbers.
        """
        for tensor, value in self._sharing.pop(_memory(written), []):
            if value.tensor is tensor:
                value.tensor = tensor.clone()
            if tensor is not written:
                mixed = is_from_image or value.is_from_image
                self._note(tensor, Value(tensor, is_from_image=mixed))


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def record(network: nn.Module, image: Tensor) -> dict[str, Value]:
    """The output of each layer for an image, with all operations that led to it, by layer path.

    For a layer that runs several times it is the last output.

    Args:
        network: The network; it runs once, in evaluation mode and without gradients.
        image: (1, C, H, W), already normalised.

    Raises:
        NetworkError: The network can't take this image.
    """
    recorder = Recorder(network, image)
    # In torch's inference mode layers would arrive as single operations, unlike anywhere else.
    with (
        torch.inference_mode(mode=False),
        torch.no_grad(),
        in_mode(network, training=False),
        recorder.watching(network),
    ):
        run(network, image)
    return recorder.results
