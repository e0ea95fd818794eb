"""Fields through operations that only move values: views, slices, padding, concatenation."""

from __future__ import annotations

from dataclasses import replace

from convscope.arithmetic.formulas import Window
from convscope.arithmetic.operation import Operation, tensors_in
from convscope.arithmetic.operation_inputs import Inputs
from convscope.arithmetic.placement import PlacedField, UnknownFieldError


def overwrite(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """`x.copy_(src)`: nothing of the old values is left."""
    source = operation.tensor("src")
    return [inputs.of(source).broadcast(source.shape, operation.outputs[0].shape)]


def view(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Another shape for the same values in the same order."""
    tensor, seen = operation.tensor("self"), operation.outputs[0]
    if tensor.numel() != seen.numel():
        # The same bytes read as another type.
        raise UnknownFieldError
    return [inputs.of(tensor).viewed(tensor.shape, seen.shape)]


def permute(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Dimensions in another order."""
    tensor = operation.tensor("self")
    order = list(range(tensor.ndim))
    if operation.name == "permute":
        order = [dim % tensor.ndim for dim in operation.numbers("dims", length=1)]
    elif operation.name == "t":
        order.reverse()
    else:
        first, second = (operation.arguments[name] % tensor.ndim for name in ("dim0", "dim1"))
        order[first], order[second] = second, first
    field = inputs.of(tensor)
    if field.dimension is None:
        return [field]
    return [replace(field, dimension=order.index(field.dimension))]


def sliced(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """`x[:, :, start:end:step]`: starts later, and jumps further by the step."""
    tensor = operation.tensor("self")
    dim = operation.arguments["dim"] % tensor.ndim
    bounds = slice(*(operation.arguments[name] for name in ("start", "end", "step")))
    taken = range(*bounds.indices(tensor.shape[dim]))
    return [inputs.of(tensor).sliced(tensor.shape, dim, taken)]


def split(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Consecutive slices."""
    tensor = operation.tensor("self")
    dim = operation.arguments["dim"] % tensor.ndim
    fields = []
    begin = 0
    for part in operation.outputs:
        taken = range(begin, begin + part.shape[dim])
        fields.append(inputs.of(tensor).sliced(tensor.shape, dim, taken))
        begin = taken.stop
    return fields


def select(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """`x[:, i]`, or every `x[:, i]` at once for `unbind`."""
    tensor = operation.tensor("self")
    dim = operation.arguments["dim"] % tensor.ndim
    index = operation.arguments.get("index", 0) % tensor.shape[dim]
    field = inputs.of(tensor)
    return [
        field.sliced(tensor.shape, dim, range(index + at, index + at + 1))
        .summed_over({dim})
        .without({dim})
        for at in range(len(operation.outputs))
    ]


def pad(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Padding moves position 0 outwards.

    Mirrored and repeated edges hold values from inside the image. A window that reaches as far into
    the image as they come from, as usual, sees these anyway.
    """
    tensor = operation.tensor("self")
    pads = operation.arguments.get("pad", operation.arguments.get("padding"))
    field = inputs.of(tensor)
    if field.dimension is None:
        return [field]
    from_end = tensor.ndim - 1 - field.dimension
    before, after = pads[2 * from_end : 2 * from_end + 2] or (0, 0)
    if before == after == 0:
        return [field]
    if not field.fills(tensor.shape):
        raise UnknownFieldError
    shifted = field.field.through(Window(1, padding_before=before), count=field.count)
    widest = max(before, after, 0)
    if operation.name.startswith("reflection"):
        shifted = replace(shifted, together=2 * widest + 1)
    elif operation.name.startswith("replication"):
        shifted = replace(shifted, together=widest + 1)
    return [replace(field, field=shifted, count=field.count + before + after)]


def concatenate(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Along another dimension than the axis: what any of the branches sees."""
    dim = operation.arguments["dim"] % operation.outputs[0].ndim
    fields = [inputs.of(x) for x in tensors_in(operation.arguments["tensors"]) if inputs.has(x)]
    if all(field.dimension != dim for field in fields):
        return [inputs.merged(fields)]
    if any(field.dimension not in (dim, None) for field in fields):
        raise UnknownFieldError
    # Laid end to end along the axis itself, positions no longer follow one step.
    box = inputs.merged(field.mixed() for field in fields).field
    count = operation.outputs[0].shape[dim]
    return [PlacedField(replace(box, jump=None), dimension=dim, count=count)]
