"""The field of every tensor of a forward pass along one image axis, operation by operation."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from torch import Tensor

from convscope.arithmetic.operation import Operation, storage_of
from convscope.arithmetic.operation_inputs import Inputs, Setting
from convscope.arithmetic.operation_kinds import BATCH_NORMS
from convscope.arithmetic.placement import PlacedField, UnknownFieldError
from convscope.arithmetic.receptive_field import AxisField, input_field
from convscope.arithmetic.rules import rule_for

# Shaped like their input, but with none of its values.
EMPTY_LIKE = ("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
              "new_empty", "new_zeros", "new_ones", "new_full")  # fmt: skip


class AxisFields:
    """Fields of tensors along one image axis, found by following one forward pass.

    Three states are kept apart. A tensor with a `PlacedField` depends on the image in a known way;
    one with None in an unknown way; one that isn't listed doesn't depend on the image at all, like
    a weight. Tensors are kept alive, so that identities stay unique.
    """

    def __init__(self, image: Tensor, *, dimension: int, training: bool) -> None:
        """Start at the network's input.

        Args:
            image: (N, C, H, W) the input.
            dimension: The axis to follow: 2 for the height, 3 for the width.
            training: Whether the network runs in training mode.
        """
        length = image.shape[dimension]
        self.setting = Setting(length=length, ignores_statistics=training)
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
        if not states or operation.name in EMPTY_LIKE:
            return
        known = {id(x): field for x in inputs if (field := self._state(x)) is not None}
        fields: list[PlacedField] = []
        if None not in states:
            fields = self._outputs(operation, Inputs(self.setting, known))
        # Running statistics are written by batch normalisation, but never seen in the same pass.
        if operation.name not in BATCH_NORMS:
            self._write(operation, fields)
        for tensor, field in zip_longest(operation.outputs, fields[: len(operation.outputs)]):
            self._set(tensor, field)

    def _outputs(self, operation: Operation, inputs: Inputs) -> list[PlacedField]:
        """Fields of the outputs; an empty list if they can't be told."""
        given = list(inputs.fields.values())
        found = self._by_rule(operation, inputs)
        if not all(field.is_uniform for field in given):
            return found
        # Where all values see the same, nothing can change that: a rule only says where they lie.
        box = inputs.merged(field.mixed() for field in given)
        placed = [replace(field, field=box.field) for field in found]
        return placed + [box] * (len(operation.outputs) - len(placed))

    def _by_rule(self, operation: Operation, inputs: Inputs) -> list[PlacedField]:
        rule = rule_for(operation)
        if rule is None or all(field.dimension is None for field in inputs.fields.values()):
            return []
        try:
            return rule(operation, inputs)
        except (UnknownFieldError, KeyError):
            # KeyError: the torch in use names this operation's arguments differently.
            return []

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
