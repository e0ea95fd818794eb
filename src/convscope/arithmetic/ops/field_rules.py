"""How operations move the receptive field of one image axis from their inputs to their outputs.

A rule takes the operation and the fields of its inputs, and returns one `PlacedField` per output.
It raises `UnknownFieldError` wherever the answer would not hold for every value of the output. An
operation without a rule has no known field. Rules see only operations with an input along which
positions differ: where every value sees the same box, nothing can change that.

Two conventions. Statistics of a batch in training mode don't count as seeing: a network has the
same fields in both modes. Statistics within an image (group and instance normalisation) do count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

from torch import Tensor

from convscope.arithmetic.formulas import Window
from convscope.arithmetic.ops.operation import Operation, tensors_in
from convscope.arithmetic.receptive_field import PlacedField, UnknownFieldError, merged


@dataclass(frozen=True, slots=True)
class InputFields:
    """Fields of an operation's inputs along one image axis.

    Attributes:
        fields: Field of each input by the tensor's identity; tensors that don't depend on the image
            have none.
        length: The network's input along the axis.
        ignores_batch_statistics: Whether statistics that batch normalisation takes are of the
            batch, and so don't count as seeing.
    """

    fields: dict[int, PlacedField]
    length: int
    ignores_batch_statistics: bool

    def of(self, tensor: Tensor) -> PlacedField:
        """The field of this input; an UnknownFieldError if it doesn't depend on the image."""
        if id(tensor) not in self.fields:
            raise UnknownFieldError
        return self.fields[id(tensor)]

    def of_only(self, operation: Operation, tensor: Tensor) -> PlacedField:
        """The field of this input; an UnknownFieldError if it isn't the only one that has one."""
        if any(self.has(other) for other in operation.inputs if other is not tensor):
            raise UnknownFieldError
        return self.of(tensor)

    def has(self, tensor: object) -> bool:
        """Whether this input depends on the image."""
        return id(tensor) in self.fields

    def merged(self, fields: Iterable[PlacedField]) -> PlacedField:
        """The field of what depends on all of these."""
        return reduce(lambda a, b: merged(a, b, length=self.length), fields)


FieldRule = Callable[[Operation, InputFields], list[PlacedField]]


class Factors(NamedTuple):
    """Names of a matrix product's arguments.

    Attributes:
        left: The factor that is summed over its last axis.
        right: The other factor.
        added: What is added to the product, if anything.
    """

    left: str
    right: str
    added: str | None = None


def pointwise(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Each value depends on the values at its own position, broadcast as torch does."""
    shape = operation.outputs[0].shape
    tracked = [tensor for tensor in operation.inputs if inputs.has(tensor)]
    field = inputs.merged(inputs.of(tensor).broadcast(tensor.shape, shape) for tensor in tracked)
    return [field] * len(operation.outputs)


def reduction(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Sum, mean, maximum and the like, over some dimensions or over all."""
    tensor = operation.tensor("self")
    dims = operation.arguments.get("dim")
    if dims is None or dims == []:
        return [inputs.of(tensor).mixed()] * len(operation.outputs)
    gone = {dim % tensor.ndim for dim in operation.numbers("dim", length=1)}
    field = inputs.of(tensor).summed_over(gone)
    result = field if operation.arguments.get("keepdim") else field.without(gone)
    return [result] * len(operation.outputs)


def softmax(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Each value depends on all values along one dimension, which stays."""
    tensor = operation.tensor("self")
    return [inputs.of(tensor).normalised_over({operation.arguments["dim"] % tensor.ndim})]


def layer_norm(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Statistics over the last dimensions: the channels alone, or the whole image."""
    tensor = operation.tensor("input")
    first = tensor.ndim - len(operation.arguments["normalized_shape"])
    field = inputs.of_only(operation, tensor)
    return [field.normalised_over(range(first, tensor.ndim))]


def group_norm(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Statistics over whole feature maps."""
    tensor = operation.tensor("input")
    return [inputs.of_only(operation, tensor).normalised_over(range(1, tensor.ndim))]


def batch_norm(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Statistics over whole maps, where they are taken and count as seeing."""
    tensor = operation.tensor("input")
    field = inputs.of_only(operation, tensor)
    if not operation.uses_batch_statistics or inputs.ignores_batch_statistics:
        return [field]
    return [field.normalised_over({0, *range(2, tensor.ndim)})]


def _windows(
    operation: Operation, tensor: Tensor, field: PlacedField, *, kernel: list[int]
) -> PlacedField:
    """A window that slides over the last `len(kernel)` dimensions."""
    first = tensor.ndim - len(kernel)
    if field.dimension is None or field.dimension < first:
        return field
    if not field.is_alone(tensor.shape):
        raise UnknownFieldError
    axis = field.dimension - first
    length = len(kernel)
    # Average pooling has no dilation.
    has_dilation = "dilation" in operation.arguments
    dilations = operation.numbers("dilation", length=length) if has_dilation else [1] * length
    window = Window(
        kernel[axis],
        # An empty list is torch's "the same as the kernel".
        stride=(operation.numbers("stride", length=length) or kernel)[axis],
        padding_before=operation.numbers("padding", length=length)[axis],
        dilation=dilations[axis],
    )
    count = operation.outputs[0].shape[field.dimension]
    if window.extent - window.padding_before < field.field.together:
        field = field.blurred()
    if field.field.jump is not None:
        return replace(field, field=field.field.through(window, count=field.count), count=count)
    # What all positions see together stays true as long as none of them is left out.
    if not window.positions(count).issuperset(range(field.count)):
        raise UnknownFieldError
    return replace(field, count=count)


def pool(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Average and maximum pooling over the last one, two or three dimensions."""
    tensor = operation.tensor("self")
    kernel = operation.numbers("kernel_size", length=operation.num_pooled_axes)
    field = _windows(operation, tensor, inputs.of(tensor), kernel=kernel)
    return [field] * len(operation.outputs)


def adaptive_pool(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Adaptive pooling: windows are equal only where the output's length divides the input's."""
    tensor = operation.tensor("self")
    field = inputs.of(tensor)
    if field.dimension is None or field.dimension < tensor.ndim - operation.num_pooled_axes:
        return [field] * len(operation.outputs)
    count = operation.outputs[0].shape[field.dimension]
    if 1 in (count, field.count):
        field = field.mixed()
    elif field.count % count or not field.fills(tensor.shape):
        field = replace(field.blurred(), stride=1, count=count)
    else:
        step = field.count // count
        pooled = field.field.through(Window(step, stride=step), count=field.count)
        field = replace(field, field=pooled, count=count)
    return [field] * len(operation.outputs)


def convolution(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Windows over the last dimensions, summed over channels; unknown where transposed."""
    tensor, weight = operation.tensor("input"), operation.tensor("weight")
    field = inputs.of_only(operation, tensor)
    if operation.arguments["transposed"]:
        raise UnknownFieldError
    channels = tensor.ndim - (weight.ndim - 2) - 1
    if field.dimension == channels:
        if operation.arguments["groups"] != 1:
            raise UnknownFieldError
        return [field.mixed()]
    return [_windows(operation, tensor, field, kernel=list(weight.shape[2:]))]


def matrix_product(
    operation: Operation, inputs: InputFields, *, factors: Factors
) -> list[PlacedField]:
    """Sums over the last dimension of the left matrix and the last but one of the right."""
    left, right = operation.tensor(factors.left), operation.tensor(factors.right)
    shape = operation.outputs[0].shape
    fields = []
    if inputs.has(left):
        fields.append(inputs.of(left).summed_over({left.ndim - 1}))
    if inputs.has(right):
        summed = max(right.ndim - 2, 0)
        field = inputs.of(right).summed_over({summed})
        if field.dimension == right.ndim - 1:
            field = replace(field, dimension=len(shape) - 1)
        fields.append(field)
    if factors.added is not None and inputs.has(operation.tensor(factors.added)):
        added = operation.tensor(factors.added)
        fields.append(inputs.of(added).broadcast(added.shape, shape))
    return [inputs.merged(fields)]


def overwrite(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """`x.copy_(src)`: nothing is left of the old values."""
    source = operation.tensor("src")
    return [inputs.of(source).broadcast(source.shape, operation.outputs[0].shape)]


def view(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Another shape for the same values in the same order."""
    tensor, seen = operation.tensor("self"), operation.outputs[0]
    if tensor.numel() != seen.numel():
        # The same bytes read as another type.
        raise UnknownFieldError
    return [inputs.of(tensor).viewed(tensor.shape, seen.shape)]


def permute(operation: Operation, inputs: InputFields) -> list[PlacedField]:
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


def sliced(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """`x[:, :, start:end:step]`: starts later, and jumps further by the step."""
    tensor = operation.tensor("self")
    dim = operation.arguments["dim"] % tensor.ndim
    bounds = slice(*(operation.arguments[name] for name in ("start", "end", "step")))
    taken = range(*bounds.indices(tensor.shape[dim]))
    return [inputs.of(tensor).sliced(tensor.shape, dim, taken)]


def split(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Consecutive slices of one dimension."""
    tensor = operation.tensor("self")
    dim = operation.arguments["dim"] % tensor.ndim
    fields = []
    begin = 0
    for part in operation.outputs:
        taken = range(begin, begin + part.shape[dim])
        fields.append(inputs.of(tensor).sliced(tensor.shape, dim, taken))
        begin = taken.stop
    return fields


def select(operation: Operation, inputs: InputFields) -> list[PlacedField]:
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


def pad(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Padding, which moves position 0 outwards.

    Mirrored and repeated edges hold values from inside the image. A window that reaches as far into
    the image as they come from, as windows mostly do, sees these anyway.
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


def concatenate(operation: Operation, inputs: InputFields) -> list[PlacedField]:
    """Concatenation: along another dimension than the axis, what any of the branches sees."""
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
