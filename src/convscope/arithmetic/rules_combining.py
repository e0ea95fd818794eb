"""Fields through operations that compute: pointwise, windows, products, sums, normalisation."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from convscope.arithmetic.formulas import Window
from convscope.arithmetic.operation import Operation
from convscope.arithmetic.operation_inputs import Inputs
from convscope.arithmetic.operation_kinds import PRODUCTS
from convscope.arithmetic.placement import PlacedField, UnknownFieldError


def pointwise(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Each value from the values at its own position, broadcast as torch does."""
    shape = operation.outputs[0].shape
    tracked = [tensor for tensor in operation.inputs if inputs.has(tensor)]
    field = inputs.merged(inputs.of(tensor).broadcast(tensor.shape, shape) for tensor in tracked)
    return [field] * len(operation.outputs)


def reduction(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Sum, mean, maximum and their kind, over some dimensions or over all."""
    tensor = operation.tensor("self")
    dims = operation.arguments.get("dim")
    if dims is None or dims == []:
        return [inputs.of(tensor).mixed()] * len(operation.outputs)
    gone = {dim % tensor.ndim for dim in operation.numbers("dim", length=1)}
    field = inputs.of(tensor).summed_over(gone)
    kept = field if operation.arguments.get("keepdim") else field.without(gone)
    return [kept] * len(operation.outputs)


def softmax(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Each value depends on all values along one dimension, which stays."""
    tensor = operation.tensor("self")
    return [inputs.of(tensor).normalised_over({operation.arguments["dim"] % tensor.ndim})]


def layer_norm(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Statistics over the last dimensions: the channels alone, or the whole image."""
    tensor = operation.tensor("input")
    first = tensor.ndim - len(operation.arguments["normalized_shape"])
    field = inputs.of_only(operation, tensor)
    return [field.normalised_over(range(first, tensor.ndim))]


def group_norm(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Statistics over whole feature maps."""
    tensor = operation.tensor("input")
    return [inputs.of_only(operation, tensor).normalised_over(range(1, tensor.ndim))]


def batch_norm(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Statistics of whole maps, unless they are of those that count in no mode."""
    tensor = operation.tensor("input")
    field = inputs.of_only(operation, tensor)
    uses_input = operation.arguments.get("training", operation.name == "_batch_norm_with_update")
    if not uses_input or inputs.setting.ignores_statistics:
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


def pool(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Average and maximum pooling over the last one, two or three dimensions."""
    tensor = operation.tensor("self")
    num_axes = int(operation.name.partition("pool")[2][0])
    kernel = operation.numbers("kernel_size", length=num_axes)
    field = _windows(operation, tensor, inputs.of(tensor), kernel=kernel)
    return [field] * len(operation.outputs)


def adaptive_pool(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Windows of equal size only where the output's length divides the input's."""
    tensor = operation.tensor("self")
    field = inputs.of(tensor)
    num_axes = int(operation.name.partition("pool")[2][0])
    if field.dimension is None or field.dimension < tensor.ndim - num_axes:
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


def convolution(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Slides over the last dimensions and sums over the channels; transposed: unknown."""
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


def matrix_product(operation: Operation, inputs: Inputs) -> list[PlacedField]:
    """Sums over the last dimension of the left matrix and the last but one of the right."""
    names = PRODUCTS[operation.name]
    left, right = operation.tensor(names.left), operation.tensor(names.right)
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
    if names.added is not None and inputs.has(operation.tensor(names.added)):
        added = operation.tensor(names.added)
        fields.append(inputs.of(added).broadcast(added.shape, shape))
    return [inputs.merged(fields)]
