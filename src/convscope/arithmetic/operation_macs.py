"""Multiply-accumulates of one torch operation: convolutions and matrix products only."""

from __future__ import annotations

from math import prod

from convscope.arithmetic.formulas import convolution_macs, dense_macs
from convscope.arithmetic.operation import Operation

# A product sums over the last axis of its left matrix, and so does one MAC chain per output value.
LEFT_MATRIX = {
    "mm": "self",
    "bmm": "self",
    "mv": "self",
    "dot": "self",
    "addmm": "mat1",
    "baddbmm": "batch1",
    "addmv": "mat",
}


def operation_macs(operation: Operation) -> int:
    """MACs that this one call took, for the whole batch; 0 for whatever is no product."""
    if operation.name == "convolution":
        return _convolution(operation)
    if operation.name in LEFT_MATRIX:
        left = operation.tensor(LEFT_MATRIX[operation.name])
        return dense_macs(operation.outputs[0].numel(), left.shape[-1], 1)
    if operation.name.startswith("_scaled_dot_product") and operation.name.endswith(
        ("attention", "attention_for_cpu")
    ):
        return _attention(operation)
    return 0


def _convolution(operation: Operation) -> int:
    """A transposed convolution applies its kernels once per value of the input, not the output."""
    transposed = operation.arguments["transposed"]
    slid_over = operation.tensor("input") if transposed else operation.outputs[0]
    first_channels, channels_per_group, *kernel = operation.tensor("weight").shape
    positions = slid_over.shape[0] * prod(slid_over.shape[2:])
    # The weight holds one side's channels whole and the other's per group, so no division is left.
    return convolution_macs(positions, channels_per_group, first_channels, kernel=kernel)


def _attention(operation: Operation) -> int:
    """Queries times keys, then their weights times the values (..., tokens, features)."""
    query, key, value = (operation.tensor(name) for name in ("query", "key", "value"))
    pairs = query.shape[:-1].numel() * key.shape[-2]
    return dense_macs(pairs, query.shape[-1] + value.shape[-1], 1)
