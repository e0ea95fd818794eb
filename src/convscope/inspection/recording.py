"""One forward pass kept as a graph of values: each tensor knows the operation that made it.

A tensor can be changed in place, and then no longer holds what earlier operations saw. So
operations are recorded over `Value`s: a value is what a tensor held at one moment. Before an
operation writes into a tensor, the values that share its memory are given copies of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from convscope.arithmetic.operation import Operation, tensors_in
from convscope.arithmetic.running_layers import RunningLayers
from convscope.inspection.running import evaluation_mode, run


@dataclass(slots=True, eq=False)
class Value:
    """What a tensor held at one moment.

    Attributes:
        tensor: The numbers.
        source: The operation that made it; None for the image, for parameters and buffers, and for
            what was changed through a view of it.
        output: Which of the operation's outputs it is.
        is_from_image: Whether it depends on the image.
        is_image: Whether it is the image.
        name: Path of the parameter or buffer that it is; empty for all else.
    """

    tensor: Tensor
    source: Recorded | None = None
    output: int = 0
    is_from_image: bool = False
    is_image: bool = False
    name: str = ""


@dataclass(slots=True, eq=False)
class Recorded:
    """An operation that ran, with its values.

    Attributes:
        call: The torch operation, to be run again.
        operation: Its arguments by name. The tensors in it may have changed since.
        inputs: The value that each tensor among the arguments held, by the tensor's identity.
        outputs: What came out.
        layer: Path of the innermost module that ran it.
    """

    call: OpOverload[..., Any]
    operation: Operation
    inputs: dict[int, Value]
    layer: str
    outputs: list[Value] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The operation's name, without the underscore of those that work in place."""
        name = self.operation.name
        return name.removesuffix("_") if not name.endswith("__") else name

    def value(self, argument: str) -> Value:
        """The value of the tensor argument of this name."""
        return self.inputs[id(self.operation.tensor(argument))]

    def optional(self, argument: str) -> Value | None:
        """Likewise; None where the argument is None."""
        tensor = self.operation.arguments[argument]
        return None if tensor is None else self.inputs[id(tensor)]

    def values(self, argument: str) -> list[Value]:
        """The values of an argument that is a list of tensors."""
        return [
            self.inputs[id(tensor)] for tensor in tensors_in(self.operation.arguments[argument])
        ]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operation, and what each layer gives.

    Attributes:
        results: What each layer gave last, by its path.
    """

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        """Prepare to record.

        Args:
            network: Its parameters and buffers are known by their names.
            image: What it will be called with.
        """
        super().__init__()  # type: ignore[no-untyped-call]
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
        """Run the operation as usual, and record it."""
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
        """Know which layer is running, by hooks that are gone afterwards."""
        with self._running.following(network, returned=self._returned), self:
            yield

    def _returned(self, name: str, output: object) -> None:
        first = next(tensors_in(output), None)
        if first is not None:
            self.results[name] = self._value(first)

    def _value(self, tensor: Tensor) -> Value:
        """What the tensor holds now; one that was never seen before is a parameter or constant."""
        if id(tensor) not in self._current:
            self._note(tensor, Value(tensor))
        return self._current[id(tensor)][1]

    def _note(self, tensor: Tensor, value: Value) -> None:
        self._current[id(tensor)] = (tensor, value)
        if tensor.numel():
            self._sharing.setdefault(_memory(tensor), []).append((tensor, value))

    def _preserve(self, written: Tensor, *, is_from_image: bool) -> None:
        """Copies what the values in this memory hold; what its other views hold is then unknown.

        Args:
            written: What is about to be overwritten.
            is_from_image: Whether what is written depends on the image.
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
    """What each layer gives for an image, with all operations that led to it, by the layer's path.

    Of a layer that is used several times, this is what its last use gave.

    Args:
        network: Runs once, in evaluation mode and without gradients.
        image: (1, C, H, W), already normalised.

    Raises:
        NetworkError: The network can't take this image.
    """
    recorder = Recorder(network, image)
    # In torch's inference mode layers would arrive as single operations, unlike anywhere else.
    with (
        torch.inference_mode(mode=False),
        torch.no_grad(),
        evaluation_mode(network),
        recorder.watching(network),
    ):
        run(network, image)
    return recorder.results
