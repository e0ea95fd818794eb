"""Operators that compute, without weights of their own, as functions of tensors.

Each maker reads a node's attributes and gives the function.
Source: the ONNX operator specification, with what earlier versions of an operator said differently.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.networks.from_onnx.moving import MOVES
from convscope.networks.from_onnx.node import Node
from convscope.networks.from_onnx.sliding import free_convolution
from convscope.networks.from_onnx.stored import Array
from convscope.networks.from_onnx.values import Compute, Maker, Value, integers, operands

POINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Log": torch.log,
    "Neg": torch.neg,
    "Reciprocal": torch.reciprocal,
    "Round": torch.round,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Softsign": F.softsign,
    "Sqrt": torch.sqrt,
}
BETWEEN: dict[str, Callable[[Any, Any], Tensor]] = {
    "Add": operator.add,
    "Div": operator.truediv,
    "Mul": operator.mul,
    "Pow": operator.pow,
    "Sub": operator.sub,
    "Sum": operator.add,
}
EXTREMES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Max": torch.maximum,
    "Min": torch.minimum,
}
REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "ReduceL2": torch.linalg.vector_norm,
    "ReduceMax": torch.amax,
    "ReduceMean": torch.mean,
    "ReduceMin": torch.amin,
    "ReduceSum": torch.sum,
}


def _pointwise(node: Node) -> Compute:
    return POINTWISE[node.operator]


def _between(node: Node) -> Compute:
    def compute(*values: Value) -> Any:
        # Single numbers stay numbers, so that they take on the tensor's precision.
        return reduce(BETWEEN[node.operator], operands(values, has_numbers=True))

    return compute


def _extreme(node: Node) -> Compute:
    def compute(*values: Value) -> Any:
        return reduce(EXTREMES[node.operator], operands(values))

    return compute


def _matmul(_node: Node) -> Compute:
    def compute(left: Tensor, right: Tensor) -> Tensor:
        return torch.matmul(*operands((left, right)))

    return compute


def _reduction(node: Node) -> Compute:
    attribute = node.integers("axes")
    keeps, is_idle = bool(node.integer("keepdims", 1)), bool(node.integer("noop_with_empty_axes"))
    function = REDUCTIONS[node.operator]

    def compute(x: Tensor, axes: Array | None = None) -> Tensor:
        chosen = integers(axes) if axes is not None else attribute
        if not chosen and is_idle:
            return x
        dims = chosen or tuple(range(x.dim()))
        return function(x, dim=dims, keepdim=keeps)

    return compute


def _softmax(node: Node) -> Compute:
    function = torch.softmax if node.operator == "Softmax" else torch.log_softmax
    axis = node.integer("axis", -1 if node.opset >= 13 else 1)

    def compute(x: Tensor) -> Tensor:
        if node.opset >= 13 or axis in (-1, x.dim() - 1):
            return function(x, dim=axis)
        # Until version 13 all axes from this one on were one.
        return function(x.flatten(axis), dim=-1).reshape(x.shape)

    return compute


def _global_pool(node: Node) -> Compute:
    is_mean = node.operator == "GlobalAveragePool"

    def compute(x: Tensor) -> Tensor:
        if x.dim() == 4:
            pool = F.adaptive_avg_pool2d if is_mean else F.adaptive_max_pool2d
            return pool(x, 1)
        function = torch.mean if is_mean else torch.amax
        return function(x, dim=tuple(range(2, x.dim())), keepdim=True)

    return compute


def _instance_norm(node: Node) -> Compute:
    eps = node.number("epsilon", 1e-5)

    def compute(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        return F.instance_norm(x, weight=scale, bias=bias, eps=eps)

    return compute


def _prelu(node: Node) -> Compute:
    node.weight(1)  # a single slope is learned too

    def compute(x: Tensor, slope: Tensor) -> Tensor:
        lengths = [length for length in slope.shape if length != 1]
        is_by_channel = len(lengths) == 1 and slope.dim() == x.dim() - 1
        if lengths and not (is_by_channel and slope.shape[0] == x.shape[1]):
            raise node.refuse(f"its slopes of shape `{tuple(slope.shape)}` aren't one a channel")
        return F.prelu(x, slope.flatten())

    return compute


def _clip(node: Node) -> Compute:
    by_attribute = node.opset < 11
    lowest = node.number("min", -np.inf) if by_attribute else None
    highest = node.number("max", np.inf) if by_attribute else None

    def compute(x: Tensor, low: Array | None = None, high: Array | None = None) -> Tensor:
        first = lowest if low is None else float(low.item())
        last = highest if high is None else float(high.item())
        return x if first is last is None else torch.clamp(x, first, last)

    return compute


def _hard_sigmoid(node: Node) -> Compute:
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    if abs(6 * alpha - 1) < 1e-6 and beta == 0.5:
        return F.hardsigmoid

    def compute(x: Tensor) -> Tensor:
        return torch.clamp(alpha * x + beta, 0, 1)

    return compute


FUNCTIONS: dict[str, Maker] = {
    **MOVES,
    "Conv": free_convolution,
    **dict.fromkeys(POINTWISE, _pointwise),
    **dict.fromkeys(BETWEEN, _between),
    **dict.fromkeys(EXTREMES, _extreme),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _global_pool),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "InstanceNormalization": _instance_norm,
    "MatMul": _matmul,
    "PRelu": _prelu,
}
# Whatever else than their first input these take has to be known without looking at the image.
SHAPED = frozenset((
    *REDUCTIONS, "Clip", "Expand", "Gather", "Pad", "Reshape", "ScatterND", "Slice", "Split",
    "Squeeze", "Unsqueeze",
))  # fmt: skip
