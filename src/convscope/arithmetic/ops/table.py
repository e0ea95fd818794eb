"""The table of torch operations: kind, work, receptive-field rule and meta shape of each.

An operation is added by one entry in `OPERATORS` and its test; whoever asks what kind of operation
something is asks this table. Operations that aren't in it have no known field and aren't counted,
unless torch declares that they work value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
from torch._ops import OpOverload

from convscope.arithmetic.costs import NO_COSTS, Costs
from convscope.arithmetic.formulas import convolution_macs, dense_macs
from convscope.arithmetic.ops import field_rules, meta_shapes
from convscope.arithmetic.ops.field_rules import Factors, FieldRule
from convscope.arithmetic.ops.operation import Operation, tensors_in
from convscope.uncompiled import UncompiledMode

aten = torch.ops.aten

WorkRule = Callable[[Operation], Costs]


class Kind(Enum):
    """What an operation is."""

    CONVOLUTION = "a convolution, transposed or not"
    MATRIX_PRODUCT = "a product of matrices, or of a matrix and a vector"
    ATTENTION = "attention in one operation"
    BATCH_NORM = "batch normalisation"
    NORM = "normalisation by statistics within an image"
    ACTIVATION = "an activation, value by value"
    POOL = "pooling by a sliding window"
    ADAPTIVE_POOL = "pooling to a given size"
    SOFTMAX = "a softmax, or its logarithm"
    REDUCTION = "a sum, mean, maximum or the like over dimensions"
    MOVE = "moving or copying values, or changing their type"
    DETACH = "the same values without gradients"
    FROM_SHAPE = "a new tensor with the shape of another, and none of its values"
    RANDOM = "drawing random numbers"
    POINTWISE = "another function, value by value"
    UNKNOWN = "not in the table"


class MetaShape(NamedTuple):
    """Outputs of one overload of an operation on the meta device.

    Attributes:
        overload: The overload that the rule is for.
        rule: Takes the arguments of a call; gives None where torch has to be asked.
        mixes_types: Whether the tensors may have different types.
    """

    overload: OpOverload[..., Any]
    rule: Callable[..., object | None]
    mixes_types: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """What is known about an operation.

    Attributes:
        kind: What it is.
        work: Gives what running it takes; None where nobody has said how to count.
        field_rule: Moves receptive fields from inputs to outputs; None where they are unknown.
        meta_shape: Outputs on the meta device; None where torch has to be asked.
        factors: Names of the arguments of a matrix product.
    """

    kind: Kind
    work: WorkRule | None = None
    field_rule: FieldRule | None = None
    meta_shape: MetaShape | None = None
    factors: Factors | None = None

    def shaped(
        self, overload: OpOverload[..., Any], rule: Callable[..., object | None]
    ) -> Operator:
        """The operator with a rule for the shape of one of its overloads."""
        return replace(self, meta_shape=MetaShape(overload, rule))


def _nothing(_operation: Operation) -> Costs:
    return NO_COSTS


def _per_value(operation: Operation, *, of: str, count: int = 1) -> Costs:
    """Operations of one kind, `count` for each value of the first output."""
    return Costs(**{f"{of}_operations": count * _num_values(operation)})


def _num_values(operation: Operation) -> int:
    return sum(tensor.numel() for tensor in operation.outputs[:1])


def _convolution_work(operation: Operation) -> Costs:
    """A transposed convolution applies its kernels once per value of its input, not its output."""
    slid_over = operation.outputs[0]
    if operation.arguments["transposed"]:
        slid_over = operation.tensor("input")
    first_channels, channels_per_group, *kernel = operation.tensor("weight").shape
    positions = slid_over.shape[0] * prod(slid_over.shape[2:])
    # The weight holds one side's channels whole and the other's per group, so no division is left.
    macs = convolution_macs(positions, channels_per_group, first_channels, kernel=kernel)
    return Costs(
        macs=macs,
        backward_macs=macs * _num_gradients(operation, "input", "weight"),
        bias_operations=0 if operation.arguments["bias"] is None else _num_values(operation),
    )


def _product_work(operation: Operation, *, factors: Factors) -> Costs:
    """A product sums over the last axis of its left matrix: one chain of MACs per output value."""
    length = operation.tensor(factors.left).shape[-1]
    macs = dense_macs(operation.outputs[0].numel(), length, 1)
    return Costs(
        macs=macs,
        backward_macs=macs * _num_gradients(operation, factors.left, factors.right),
        # What `baddbmm` adds is no bias.
        bias_operations=_num_values(operation) if operation.name.startswith("add") else 0,
    )


def _attention_work(operation: Operation) -> Costs:
    """Products of queries and keys, then of their weights and the values (..., tokens, features).

    The backward pass multiplies queries and keys once more, as their products aren't kept.
    """
    query, key, value = (operation.tensor(name) for name in ("query", "key", "value"))
    pairs = query.shape[:-1].numel() * key.shape[-2]
    macs = dense_macs(pairs, query.shape[-1] + value.shape[-1], 1)
    backward = 2 * macs + dense_macs(pairs, query.shape[-1], 1)
    has_gradient = _num_gradients(operation, "query", "key", "value") > 0
    return Costs(macs=macs, backward_macs=backward if has_gradient else 0)


def _num_gradients(operation: Operation, *factors: str) -> int:
    """The number of factors whose gradient the backward pass needs: a product each.

    The image and frozen weights need none, and what runs without gradients has no backward pass, so
    this has to be asked while the operation runs.
    """
    if not torch.is_grad_enabled():
        return 0
    return sum(operation.tensor(name).requires_grad for name in factors)


def _batch_norm_work(operation: Operation) -> Costs:
    count = 6 if operation.uses_batch_statistics else 2
    return _per_value(operation, of="normalisation", count=count)


def _pool_work(operation: Operation) -> Costs:
    window = operation.numbers("kernel_size", length=operation.num_pooled_axes)
    return _per_value(operation, of="pooling", count=prod(window))


def _adaptive_pool_work(operation: Operation) -> Costs:
    return Costs(pooling_operations=operation.tensor("self").numel())


def _scatter_work(operation: Operation) -> Costs:
    """Nothing, unless values are added to those that are there, or multiplied with them."""
    reduces = operation.arguments.get("reduce") is not None
    return Costs(other_operations=operation.tensor("index").numel() if reduces else 0)


def _reduction_work(operation: Operation) -> Costs:
    return Costs(other_operations=operation.inputs[0].numel())


def _matrix_product(left: str, right: str, added: str | None = None) -> Operator:
    """The entry of a matrix product with these argument names."""
    factors = Factors(left, right, added)
    return Operator(
        Kind.MATRIX_PRODUCT,
        partial(_product_work, factors=factors),
        partial(field_rules.matrix_product, factors=factors),
        factors=factors,
    )


def _move(field_rule: FieldRule | None = None) -> Operator:
    return Operator(Kind.MOVE, _nothing, field_rule)


CONVOLUTION = Operator(Kind.CONVOLUTION, _convolution_work, field_rules.convolution)
ATTENTION = Operator(Kind.ATTENTION, _attention_work)
BATCH_NORM = Operator(Kind.BATCH_NORM, _batch_norm_work, field_rules.batch_norm)
NORM_WORK = partial(_per_value, of="normalisation", count=6)
ACTIVATION_WORK = partial(_per_value, of="activation")
ACTIVATION = Operator(Kind.ACTIVATION, ACTIVATION_WORK, field_rules.pointwise)
POOL = Operator(Kind.POOL, _pool_work, field_rules.pool)
ADAPTIVE_POOL = Operator(Kind.ADAPTIVE_POOL, _adaptive_pool_work, field_rules.adaptive_pool)
SOFTMAX = Operator(Kind.SOFTMAX, partial(_per_value, of="other", count=3), field_rules.softmax)
REDUCTION = Operator(Kind.REDUCTION, _reduction_work, field_rules.reduction)
POINTWISE = Operator(Kind.POINTWISE, partial(_per_value, of="other"), field_rules.pointwise)
UNKNOWN = Operator(Kind.UNKNOWN)

AXES = (1, 2, 3)
OPERATORS: dict[str, Operator] = {
    "convolution": CONVOLUTION.shaped(aten.convolution.default, meta_shapes.convolution),
    "mm": _matrix_product("self", "mat2"),
    "bmm": _matrix_product("self", "mat2"),
    "mv": _matrix_product("self", "vec"),
    "dot": _matrix_product("self", "tensor"),
    "addmm": _matrix_product("mat1", "mat2", "self").shaped(
        aten.addmm.default, meta_shapes.matrix_product
    ),
    "baddbmm": _matrix_product("batch1", "batch2", "self"),
    "addmv": _matrix_product("mat", "vec", "self"),
    **dict.fromkeys((
        "_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention",
    ), ATTENTION),
    # Images in half precision are normalised with parameters in single precision.
    "native_batch_norm": replace(BATCH_NORM, meta_shape=MetaShape(
        aten.native_batch_norm.default, meta_shapes.batch_norm, mixes_types=True
    )),
    **dict.fromkeys((
        "_native_batch_norm_legit", "_native_batch_norm_legit_no_training",
        "_batch_norm_with_update", "_batch_norm_no_update", "cudnn_batch_norm", "miopen_batch_norm",
    ), BATCH_NORM),
    "native_layer_norm": Operator(Kind.NORM, NORM_WORK, field_rules.layer_norm),
    "native_group_norm": Operator(Kind.NORM, NORM_WORK, field_rules.group_norm),
    "relu": ACTIVATION.shaped(aten.relu.default, meta_shapes.of_one),
    "tanh": ACTIVATION.shaped(aten.tanh.default, meta_shapes.of_one),
    **dict.fromkeys((
        "sigmoid", "elu", "leaky_relu", "hardtanh", "silu", "gelu", "hardswish", "hardsigmoid",
        "softplus", "mish", "_prelu_kernel", "threshold", "log_sigmoid_forward", "selu", "celu",
        "relu6",
    ), ACTIVATION),
    **dict.fromkeys((
        f"{kind}_pool{axes}d{suffix}"
        for axes in AXES
        for kind, suffix in (("avg", ""), ("max", ""), ("max", "_with_indices"))
    ), POOL),
    "max_pool2d_with_indices": POOL.shaped(
        aten.max_pool2d_with_indices.default, meta_shapes.max_pool
    ),
    **dict.fromkeys((
        "_adaptive_avg_pool2d", "_adaptive_avg_pool3d",
        "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    ), ADAPTIVE_POOL),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), SOFTMAX),
    **dict.fromkeys((
        "sum", "prod", "amax", "amin", "max", "min", "argmax", "argmin", "var", "std", "var_mean",
        "std_mean", "logsumexp", "linalg_vector_norm", "norm", "any", "all",
    ), REDUCTION),
    "mean": REDUCTION.shaped(aten.mean.dim, meta_shapes.mean),
    "add": POINTWISE.shaped(aten.add.Tensor, meta_shapes.of_two),
    "sub": POINTWISE.shaped(aten.sub.Tensor, meta_shapes.of_two),
    "mul": POINTWISE.shaped(aten.mul.Tensor, meta_shapes.of_two),
    **dict.fromkeys((
        "view", "_unsafe_view", "_reshape_alias", "reshape", "squeeze", "unsqueeze", "flatten",
    ), _move(field_rules.view)),
    **dict.fromkeys(("permute", "transpose", "t"), _move(field_rules.permute)),
    **dict.fromkeys((
        "split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes",
    ), _move(field_rules.split)),
    **dict.fromkeys(("select", "unbind"), _move(field_rules.select)),
    **dict.fromkeys((
        "constant_pad_nd",
        *(f"{kind}_pad{axes}d" for kind in ("reflection", "replication") for axes in AXES),
    ), _move(field_rules.pad)),
    **dict.fromkeys(("_to_copy", "alias", "lift_fresh", "expand"), _move(field_rules.pointwise)),
    "detach": Operator(Kind.DETACH, _nothing, field_rules.pointwise),
    "slice": _move(field_rules.sliced),
    "cat": _move(field_rules.concatenate).shaped(aten.cat.default, meta_shapes.concatenated),
    "copy_": _move(field_rules.overwrite),
    "clone": _move(field_rules.pointwise),
    **dict.fromkeys((
        "stack", "copy", "empty", "zeros", "ones", "full", "arange", "scalar_tensor", "fill",
        "zero", "index", "index_put", "index_select", "gather", "roll", "flip", "unfold", "im2col",
        *(f"{kind}_nearest{exact}{axes}d" for kind, exact in (
            ("upsample", ""), ("_upsample", "_exact"),
        ) for axes in AXES),
        "repeat", "repeat_interleave", "_local_scalar_dense", "as_strided", "rot90", "diagonal",
        "diag_embed", "tril", "triu", "eye", "linspace", "tril_indices", "triu_indices",
        "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle",
        "embedding", "take", "index_fill", "index_copy", "slice_scatter", "select_scatter",
        "diagonal_scatter", "max_unpool2d", "max_unpool3d", "view_as_real", "view_as_complex",
        "empty_strided", "lift", "lift_fresh_copy",
    ), _move()),
    "scatter": Operator(Kind.MOVE, _scatter_work),
    **dict.fromkeys((
        "empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones",
        "new_full", "new_empty_strided",
    ), Operator(Kind.FROM_SHAPE, _nothing)),
    **dict.fromkeys(("rand_like", "randn_like"), Operator(Kind.FROM_SHAPE)),
    "native_dropout": Operator(Kind.RANDOM, field_rule=field_rules.pointwise),
    "rrelu_with_noise": Operator(Kind.RANDOM, ACTIVATION_WORK, field_rules.pointwise),
    "bernoulli": Operator(Kind.RANDOM, _nothing),
}  # fmt: skip


def operator_of(operation: Operation) -> Operator:
    """The entry of an operation, or that of functions value by value.

    A form that writes in place takes what the entry of the other form says. Its field is known only
    where it works value by value: the shape of its input has already changed. Products in place
    aren't counted, as torch's own counter doesn't know them either.
    """
    if operation.name in OPERATORS:
        return OPERATORS[operation.name]
    found = OPERATORS.get(operation.name.removesuffix("_"), UNKNOWN)
    if found.kind is Kind.UNKNOWN or found.factors is not None:
        return POINTWISE if operation.is_tagged_pointwise else UNKNOWN
    is_by_value = operation.is_tagged_pointwise or found.field_rule is field_rules.pointwise
    return replace(found, field_rule=field_rules.pointwise if is_by_value else None)


def works_by_value(operation: Operation) -> bool:
    """Whether each output value depends only on the input values at the same position."""
    return operation.is_tagged_pointwise or operator_of(operation).kind is Kind.ACTIVATION


def factors_of(operation: Operation) -> Factors:
    """Names of the arguments of a matrix product.

    Raises:
        KeyError: It is none.
    """
    factors = OPERATORS[operation.name].factors
    if factors is None:
        raise KeyError(operation.name)
    return factors


def names_of(kind: Kind) -> tuple[str, ...]:
    """Names of all operations of a kind."""
    return tuple(name for name, operator in OPERATORS.items() if operator.kind is kind)


def known_outputs(
    func: OpOverload[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> object | None:
    """The meta tensors that a call would give; None where torch has to be asked."""
    operator = OPERATORS.get(func._schema.name.partition("::")[2], UNKNOWN)
    shape = operator.meta_shape
    tensors = list(tensors_in(args))
    if shape is None or shape.overload is not func or not tensors or not tensors[0].is_meta:
        return None
    # Integers, and types that meet, follow torch's rules of promotion.
    is_mixed = len({tensor.dtype for tensor in tensors}) > 1 and not shape.mixes_types
    if is_mixed or not tensors[0].is_floating_point():
        return None
    return shape.rule(*args, **kwargs)


class KnownShapes(UncompiledMode):  # type: ignore[no-untyped-call]
    """Context manager in which meta tensors come from the table where it knows them.

    torch would load its compiler for most: 2 s of the processor.
    """

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """The outputs of an operation."""
        kwargs = kwargs or {}
        out = known_outputs(func, args, kwargs)
        return func(*args, **kwargs) if out is None else out
