"""Operations beside multiply-accumulates that one torch operation takes, by kind.

What counts as one operation is a convention; this one is:

- bias: one addition for each value of the output;
- batch normalisation: a product and a sum for each value, with constants known beforehand; in
  training mode four more, for mean (one) and variance (three). Layer, group and instance
  normalisation take their statistics always: six;
- activation: one for each value, however it is computed;
- pooling: one for each value that a window looks at;
- softmax: three for each value (exponential, sum, quotient);
- any other function value by value: one for each value that comes out; sums and means over a
  dimension: one for each value that goes in.

Moving values (views, slices, padding, concatenation) takes none.
"""

from __future__ import annotations

from math import prod

from convscope.arithmetic.costs import Costs
from convscope.arithmetic.operation import Operation
from convscope.arithmetic.operation_kinds import BATCH_NORMS
from convscope.arithmetic.operation_macs import is_product
from convscope.arithmetic.rules import (
    ADAPTIVE_POOLS,
    PADS,
    POOLS,
    SUMS,
    VIEWS,
    is_normalisation_by_running_statistics,
)

ACTIVATIONS = frozenset((
    "relu", "sigmoid", "tanh", "elu", "leaky_relu", "hardtanh", "silu", "gelu", "hardswish",
    "hardsigmoid", "softplus", "mish", "_prelu_kernel", "threshold", "log_sigmoid_forward", "selu",
    "celu", "relu6", "rrelu_with_noise",
))  # fmt: skip
OTHER_NORMALISATIONS = frozenset(("native_layer_norm", "native_group_norm"))
SOFTMAXES = frozenset(("_softmax", "_log_softmax", "_safe_softmax"))
MOVES = frozenset((
    *VIEWS, *PADS, "permute", "transpose", "t", "select", "unbind", "slice", "split", "clone",
    "split_with_sizes", "cat", "stack", "copy", "_to_copy", "alias", "detach", "lift_fresh",
    "expand", "empty", "zeros", "ones", "full", "arange", "scalar_tensor", "empty_like",
    "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones", "new_full",
    "fill", "zero", "index", "index_put", "index_select", "gather", "roll", "flip", "unfold",
    "im2col", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "repeat",
    "bernoulli", "_local_scalar_dense", "as_strided", "constant_pad_nd",
))  # fmt: skip


def operation_work(operation: Operation) -> Costs | None:
    """The operations beside MACs, for the whole batch; None where nobody has said how to count."""
    name = operation.name.removesuffix("_")
    values = sum(tensor.numel() for tensor in operation.outputs[:1])
    if is_product(operation):
        return Costs(bias_operations=values if _has_bias(operation) else 0)
    if name in BATCH_NORMS:
        each = 2 if is_normalisation_by_running_statistics(operation) else 6
        return Costs(normalisation_operations=each * values)
    if name in OTHER_NORMALISATIONS:
        return Costs(normalisation_operations=6 * values)
    if name in ACTIVATIONS:
        return Costs(activation_operations=values)
    if name in POOLS:
        axes = int(name.partition("pool")[2][0])
        window = prod(operation.numbers("kernel_size", length=axes))
        return Costs(pooling_operations=window * values)
    if name in ADAPTIVE_POOLS:
        return Costs(pooling_operations=operation.tensor("self").numel())
    if name in SOFTMAXES:
        return Costs(other_operations=3 * values)
    if name in SUMS:
        return Costs(other_operations=operation.inputs[0].numel())
    if name in MOVES:
        return Costs()
    return Costs(other_operations=values) if operation.is_pointwise else None


def _has_bias(operation: Operation) -> bool:
    if operation.name == "convolution":
        return operation.arguments["bias"] is not None
    return operation.name.startswith("add")  # the product is added to something: addmm, addmv
