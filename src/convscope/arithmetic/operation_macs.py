"""Multiply-accumulates of one torch operation: convolutions and matrix products only."""

from __future__ import annotations

from math import prod

import torch

from convscope.arithmetic.formulas import convolution_macs, dense_macs
from convscope.arithmetic.operation import Operation
from convscope.arithmetic.operation_kinds import PRODUCTS


def operation_macs(operation: Operation) -> int:
    """MACs that this one call took, for the whole batch; 0 for whatever is no product."""
    if operation.name == "convolution":
        return _convolution(operation)
    if operation.name in PRODUCTS:
        # A product sums over the last axis of its left matrix: one chain of MACs per output value.
        left = operation.tensor(PRODUCTS[operation.name].left)
        return dense_macs(operation.outputs[0].numel(), left.shape[-1], 1)
    if is_product(operation):
        return _attention(operation)
    return 0


def backward_macs(operation: Operation) -> int:
    """MACs that going back through this call takes.

    The gradient of each factor is a product of the same size as the forward one; a factor that
    needs no gradient, such as the image or a frozen weight, has none. Fused attention multiplies
    queries and keys once more, as it doesn't keep their products. What runs without gradients isn't
    gone back through, so this has to be asked while the operation runs.
    """
    if not torch.is_grad_enabled():
        return 0
    macs = operation_macs(operation)
    if operation.name == "convolution":
        return macs * _num_learning(operation, "input", "weight")
    if operation.name in PRODUCTS:
        left, right, _ = PRODUCTS[operation.name]
        return macs * _num_learning(operation, left, right)
    if is_product(operation) and _num_learning(operation, "query", "key", "value"):
        query, key = operation.tensor("query"), operation.tensor("key")
        return 2 * macs + dense_macs(query.shape[:-1].numel() * key.shape[-2], query.shape[-1], 1)
    return 0


def is_product(operation: Operation) -> bool:
    """Whether it is a convolution, a matrix product, or attention in one operation."""
    return (
        operation.name == "convolution"
        or operation.name in PRODUCTS
        or (
            operation.name.startswith("_scaled_dot_product")
            and operation.name.endswith(("attention", "attention_for_cpu"))
        )
    )


def _num_learning(operation: Operation, *names: str) -> int:
    return sum(operation.tensor(name).requires_grad for name in names)


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
