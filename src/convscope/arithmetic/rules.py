"""How each torch operation moves the field of one image axis from its inputs to its outputs.

A rule takes the operation and the fields of its inputs, and returns one `PlacedField` per output.
It raises `UnknownFieldError` wherever the answer would not hold for every value of the output. An
operation without a rule has no known field. Rules see only operations with an input along which
positions differ: where every value sees the same box, nothing can change that.

Two conventions. Statistics of a batch in training mode don't count as seeing: a network has the
same fields in both modes. Statistics within an image (group and instance normalisation) do count.
"""

from __future__ import annotations

from convscope.arithmetic import rules_combining, rules_moving
from convscope.arithmetic.operation import Operation
from convscope.arithmetic.operation_inputs import Rule
from convscope.arithmetic.operation_kinds import BATCH_NORMS, PRODUCTS

SAME_POSITION = (
    "_to_copy", "alias", "detach", "lift_fresh", "expand", "native_dropout", "rrelu_with_noise",
)  # fmt: skip
VIEWS = ("view", "_unsafe_view", "_reshape_alias", "reshape", "squeeze", "unsqueeze", "flatten")
SUMS = (
    "mean", "sum", "prod", "amax", "amin", "max", "min", "argmax", "argmin", "var", "std",
    "var_mean", "std_mean", "logsumexp", "linalg_vector_norm", "norm", "any", "all",
)  # fmt: skip
POOLS = tuple(
    f"{kind}_pool{axes}d{suffix}"
    for axes in (1, 2, 3)
    for kind, suffix in (("avg", ""), ("max", ""), ("max", "_with_indices"))
)
ADAPTIVE_POOLS = tuple(
    f"{kind}_pool{axes}d" for axes in (1, 2, 3) for kind in ("_adaptive_avg", "adaptive_max")
)
PADS = (
    "constant_pad_nd",
    *(f"{kind}_pad{axes}d" for kind in ("reflection", "replication") for axes in (1, 2, 3)),
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(SAME_POSITION, rules_combining.pointwise),
    **dict.fromkeys(VIEWS, rules_moving.view),
    **dict.fromkeys(("permute", "transpose", "t"), rules_moving.permute),
    **dict.fromkeys(SUMS, rules_combining.reduction),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), rules_combining.softmax),
    **dict.fromkeys(BATCH_NORMS, rules_combining.batch_norm),
    **dict.fromkeys(POOLS, rules_combining.pool),
    **dict.fromkeys(ADAPTIVE_POOLS, rules_combining.adaptive_pool),
    **dict.fromkeys(PADS, rules_moving.pad),
    **dict.fromkeys(("split", "split_with_sizes"), rules_moving.split),
    **dict.fromkeys(("select", "unbind"), rules_moving.select),
    **dict.fromkeys(PRODUCTS, rules_combining.matrix_product),
    "copy_": rules_moving.overwrite,
    "slice": rules_moving.sliced,
    "cat": rules_moving.concatenate,
    "convolution": rules_combining.convolution,
    "native_layer_norm": rules_combining.layer_norm,
    "native_group_norm": rules_combining.group_norm,
}


def rule_for(operation: Operation) -> Rule | None:
    """The rule for this operation, or None if nothing is known about it."""
    if operation.name in RULES:
        return RULES[operation.name]
    return rules_combining.pointwise if operation.is_pointwise else None


def is_normalisation_by_running_statistics(operation: Operation) -> bool:
    """Whether it is batch normalisation that doesn't look at the batch."""
    looks = operation.arguments.get("training", operation.name == "_batch_norm_with_update")
    return operation.name in BATCH_NORMS and not looks
