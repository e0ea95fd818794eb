"""What the tensors of a forward pass depend on: which pixels, and whether their values vary.

Values vary if another image or other random numbers change them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import (
    instance_norm,
    multi_head_attention_forward,
    scaled_dot_product_attention,
)

from convscope.arithmetic.cost_accumulator import CostAccumulator
from convscope.arithmetic.costs import Caveat
from convscope.arithmetic.ops.field_rules import FieldRule, InputFields
from convscope.arithmetic.ops.operation import Operation, storage_of, tensors_in
from convscope.arithmetic.ops.table import Kind, operator_of
from convscope.arithmetic.receptive_field import (
    AxisField,
    PlacedField,
    UnknownFieldError,
    input_field,
)

# Recurrent layers run as products here, and as one operation that saves other tensors elsewhere.
RECURRENT = frozenset((
    torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu,
    torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell,
))  # fmt: skip
INSTANCE_NORMS = frozenset((instance_norm, torch.instance_norm))
# By these Python gets values without any operation.
READERS = frozenset((Tensor.tolist, Tensor.numpy, Tensor.__array__))


class AxisFields:
    """Receptive fields of the tensors of a forward pass along one image axis.

    Three states are kept apart. A tensor with a `PlacedField` depends on the image in a known way;
    one with None in an unknown way; one that isn't listed doesn't depend on the image at all, like
    a weight. Tensors are kept alive, so that identities stay unique.

    Args:
        image: (N, C, H, W) the network's input.
        dimension: The axis to follow: 2 for the height, 3 for the width.
        training: Whether the network runs in training mode.

    Attributes:
        ignores_batch_statistics: Whether statistics that batch normalisation takes are of the
            batch, and so don't count as seeing.
    """

    def __init__(self, image: Tensor, *, dimension: int, training: bool) -> None:
        length = image.shape[dimension]
        self.ignores_batch_statistics = training
        self._length = length
        self._fields: dict[int, PlacedField | None] = {}
        self._alive: dict[int, Tensor] = {}
        self._overwritten_storages: set[int] = set()
        self._set(image, PlacedField(input_field(length), dimension=dimension, count=length))

    def visible(self, tensor: Tensor) -> AxisField | None:
        """The field of a tensor's values; None if unknown, or if they don't see the image."""
        field = self._fields.get(id(tensor))
        return None if field is None else field.visible(tensor.shape)

    def dimension(self, tensor: Tensor) -> int | None:
        """The tensor's dimension along which the positions lie; None if they lie along none."""
        field = self._fields.get(id(tensor))
        return None if field is None else field.dimension

    def follow(self, operation: Operation) -> None:
        """Note the fields of what came out of an operation."""
        inputs = operation.inputs
        states = [self._state(tensor) for tensor in inputs if self._depends_on_image(tensor)]
        operator = operator_of(operation)
        if not states or operator.kind is Kind.FROM_SHAPE:
            return
        fields: list[PlacedField] = []
        if None not in states:
            given = {id(x): field for x in inputs if (field := self._state(x)) is not None}
            seen = InputFields(given, self._length, self.ignores_batch_statistics)
            fields = _output_fields(operation, operator.field_rule, seen)
        # Running statistics are written by batch normalisation, but never seen in the same pass.
        if operator.kind is not Kind.BATCH_NORM:
            self._write(operation, fields)
        for tensor, field in zip_longest(operation.outputs, fields[: len(operation.outputs)]):
            self._set(tensor, field)

    def _write(self, operation: Operation, fields: list[PlacedField]) -> None:
        """After a write in place, other views of the same memory hold values of unknown origin."""
        for tensor in operation.written:
            if fields and self._fields.get(id(tensor)) == fields[0]:
                continue
            storage = storage_of(tensor)
            self._overwritten_storages.add(storage)
            for key, other in self._alive.items():
                if storage_of(other) == storage:
                    self._fields[key] = None

    def _state(self, tensor: Tensor) -> PlacedField | None:
        return self._fields.get(id(tensor))

    def _depends_on_image(self, tensor: Tensor) -> bool:
        return id(tensor) in self._fields or storage_of(tensor) in self._overwritten_storages

    def _set(self, tensor: Tensor, field: PlacedField | None) -> None:
        self._fields[id(tensor)] = field
        self._alive[id(tensor)] = tensor


def _output_fields(
    operation: Operation, rule: FieldRule | None, inputs: InputFields
) -> list[PlacedField]:
    """Fields of the outputs; an empty list if they can't be told."""
    given = list(inputs.fields.values())
    found: list[PlacedField] = []
    if rule is not None and any(field.dimension is not None for field in given):
        # KeyError: the torch in use names this operation's arguments differently.
        with suppress(UnknownFieldError, KeyError):
            found = rule(operation, inputs)
    if not all(field.is_uniform for field in given):
        return found
    # Where all values see the same, nothing can change that: a rule only says where they lie.
    box = inputs.merged(field.mixed() for field in given)
    placed = [replace(field, field=box.field) for field in found]
    return placed + [box] * (len(operation.outputs) - len(placed))


class ValueReading:
    """Follows values that come from the image or from random numbers to where Python reads them.

    What a network then decides by them can't be followed: it may run other layers for another
    image. Memory is known by its identity, so all of it must stay alive during the pass.

    Attributes:
        has_happened: Whether such values were looked at.
    """

    def __init__(self, image: Tensor) -> None:
        self.has_happened = False
        self._varying = {storage_of(image)}

    def follow(self, operation: Operation, tags: Collection[torch.Tag]) -> None:
        """Note an operation that ran, with torch's tags of it."""
        is_random = torch.Tag.nondeterministic_seeded in tags
        takes_shape_only = operator_of(operation).kind is Kind.FROM_SHAPE
        if not is_random and (takes_shape_only or not self.varies(operation.inputs)):
            return
        if torch.Tag.data_dependent_output in tags or self._decides_shape(operation, tags):
            self.has_happened = True
        changed = (*operation.outputs, *operation.written)
        self._varying.update(storage_of(tensor) for tensor in changed)

    def read(self, tensor: Tensor) -> None:
        """Note that Python took a tensor's values without an operation."""
        if self.varies([tensor]):
            self.has_happened = True

    def varies(self, tensors: Collection[Tensor]) -> bool:
        """Whether any of these depends on the image, or on random numbers."""
        return any(storage_of(tensor) in self._varying for tensor in tensors)

    def _decides_shape(self, operation: Operation, tags: Collection[torch.Tag]) -> bool:
        """Whether the number of values that come out depends on values that go in."""
        if torch.Tag.dynamic_output_shape not in tags:
            return False
        if operation.name != "index":
            return True
        # Taking values by their numbers gives as many as there are numbers, but a mask chooses.
        indices = tensors_in(operation.arguments["indices"])
        masks = [index for index in indices if index.dtype in (torch.bool, torch.uint8)]
        return self.varies(masks)


class FunctionWatcher:
    """Notices functions that can't be told from the operations they become.

    Args:
        accumulator: Told why numbers of the running layer may not be exact.
        reading: Told which tensors' values Python takes without an operation.
        axes: Told whether statistics are of one image.
    """

    def __init__(
        self, accumulator: CostAccumulator, reading: ValueReading, axes: Sequence[AxisFields]
    ) -> None:
        self._accumulator, self._reading, self._axes = accumulator, reading, axes

    def called(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """Runs the function as usual."""
        if func in INSTANCE_NORMS:
            with self._statistics_of_one_image():
                return func(*args, **kwargs)
        if func is scaled_dot_product_attention or _hides_attention(func, args, kwargs):
            # It runs as products here, and as one operation that saves less on most devices.
            self._accumulator.current.caveats.add(Caveat.ATTENTION)
        elif func in RECURRENT:
            self._accumulator.current.caveats.add(Caveat.RECURRENT)
        elif func in READERS:
            self._reading.read(args[0])
        return func(*args, **kwargs)

    @contextmanager
    def _statistics_of_one_image(self) -> Iterator[None]:
        """Context manager in which statistics count as seeing, also in training mode.

        Instance normalisation arrives as batch normalisation of reshaped maps, which can't be told
        from one of a batch.
        """
        before = [axis.ignores_batch_statistics for axis in self._axes]
        for axis in self._axes:
            axis.ignores_batch_statistics = False
        try:
            yield
        finally:
            for axis, ignores in zip(self._axes, before, strict=True):
                axis.ignores_batch_statistics = ignores


def _hides_attention(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Whether a function calls attention where no mode sees it, not its parts one by one."""
    if func is not multi_head_attention_forward:
        return False
    given = inspect.signature(func).bind(*args, **kwargs)
    return not given.arguments.get("need_weights", True)
