"""Operators that run without weights of their own, as functions of tensors.

Each maker reads a node's attributes and gives the function. First those that compute, then those
that only move values or change their type.
Source: the ONNX operator specification, with what earlier versions of an operator said differently.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.onnx_import.node import Array, Compute, Maker, Node, Value, integers, operands
from convscope.onnx_import.windows import free_convolution

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
# ONNX's names for padding -> torch's.
PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
FLOATS = {1: torch.float32, 10: torch.float16, 11: torch.float64}


def _pointwise(node: Node) -> Compute:
    return POINTWISE[node.operator]


def _between(node: Node) -> Compute:
    # Single numbers stay numbers where torch takes them: they take on the tensor's precision.
    takes_numbers = node.operator not in ("Max", "Min")

    def compute(*values: Value) -> Any:
        return reduce(BETWEEN[node.operator], operands(values, has_numbers=takes_numbers))

    return compute


def _matmul(_node: Node) -> Compute:
    return lambda left, right: torch.matmul(*operands((left, right)))


def _reduction(node: Node) -> Compute:
    attribute = node.integers("axes")
    keeps, is_idle = bool(node.integer("keepdims", 1)), bool(node.integer("noop_with_empty_axes"))
    function = REDUCTIONS[node.operator]

    def compute(x: Tensor, axes: Array | None = None) -> Tensor:
        dims = _given(axes, attribute)
        if not dims and is_idle:
            return x
        return function(x, dim=dims or tuple(range(x.dim())), keepdim=keeps)

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
    return lambda x, scale, bias: F.instance_norm(x, weight=scale, bias=bias, eps=eps)


def _prelu(node: Node) -> Compute:
    node.weight(1)  # a single slope is a parameter too

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
    return lambda x: torch.clamp(alpha * x + beta, 0, 1)


def _given(values: Array | None, attribute: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """What earlier versions of an operator say as an attribute, and later ones take as input."""
    return attribute if values is None else integers(values)


def _cast(node: Node) -> Compute:
    to = node.integer("to")
    node.integer("saturate")  # of 8-bit floats
    node.require(to in FLOATS, f"what comes from the image is cast to type `{to}`, no float")
    return lambda x: x.to(FLOATS[to])


def _flatten(node: Node) -> Compute:
    axis = node.integer("axis", 1)

    def compute(x: Tensor) -> Tensor:
        rows = prod(x.shape[: axis if axis >= 0 else x.dim() + axis])
        return x.reshape(rows, -1)

    return compute


def _reshape(node: Node) -> Compute:
    takes_zeros = bool(node.integer("allowzero"))

    def compute(x: Tensor, shape: Array) -> Tensor:
        target = integers(shape)
        if not takes_zeros:
            target = tuple(x.shape[at] if size == 0 else size for at, size in enumerate(target))
        return x.reshape(target)

    return compute


def _expand(_node: Node) -> Compute:
    return lambda x, shape: x.expand(np.broadcast_shapes(tuple(x.shape), integers(shape)))


def _transpose(node: Node) -> Compute:
    order = node.integers("perm")
    return lambda x: x.permute(order or tuple(reversed(range(x.dim()))))


def _concat(node: Node) -> Compute:
    axis = node.integer("axis")

    def compute(*values: Value) -> Tensor:
        tensors = operands(values)
        if axis % tensors[0].dim():
            # What a file made for one image holds once, a class token, goes beside each image.
            batch = max(len(tensor) for tensor in tensors)
            tensors = [x.expand(batch, *x.shape[1:]) if len(x) == 1 else x for x in tensors]
        return torch.cat(tensors, dim=axis)

    return compute


def _squeeze(node: Node) -> Compute:
    attribute = node.integers("axes")

    def compute(x: Tensor, axes: Array | None = None) -> Tensor:
        dims = _given(axes, attribute)
        return x.squeeze() if dims is None else x.squeeze(dims)

    return compute


def _unsqueeze(node: Node) -> Compute:
    attribute = node.integers("axes")

    def compute(x: Tensor, axes: Array | None = None) -> Tensor:
        dims = _given(axes, attribute) or ()
        rank = x.dim() + len(dims)
        for axis in sorted(axis % rank for axis in dims):
            x = x.unsqueeze(axis)
        return x

    return compute


def _slice(node: Node) -> Compute:
    """The bounds are attributes up to version 10, and inputs since then."""
    attributes = [node.integers(name) for name in ("starts", "ends", "axes")]

    def compute(x: Tensor, *bounds: Array | None) -> Tensor:
        given = [None if bound is None else integers(bound) for bound in bounds]
        starts, ends, axes, steps = [*(given or attributes), None, None][:4]
        count = len(starts or ())
        axes, steps = axes or tuple(range(count)), steps or (1,) * count
        taken: list[slice] = [slice(None)] * x.dim()
        for start, end, axis, step in zip(starts or (), ends or (), axes, steps, strict=True):
            if step < 1:
                raise node.refuse(f"its step is `{step}`")
            taken[axis] = slice(start, end, step)
        return x[tuple(taken)]

    return compute


def _split(node: Node) -> Compute:
    axis, attribute = node.integer("axis"), node.integers("split")
    parts = node.integer("num_outputs", len(node.outputs))
    node.require(parts == len(node.outputs), f"`num_outputs` is `{parts}`")

    def compute(x: Tensor, sizes: Array | None = None) -> tuple[Tensor, ...]:
        chosen = _given(sizes, attribute)
        if chosen is None:
            each = -(-x.shape[axis] // parts)
            chosen = (*(each,) * (parts - 1), x.shape[axis] - each * (parts - 1))
        return torch.split(x, list(chosen), dim=axis)

    return compute


def _gather(node: Node) -> Compute:
    axis = node.integer("axis")

    def compute(x: Tensor, indices: Array) -> Tensor:
        if indices.ndim == 0:
            return x.select(axis, int(indices.item()))
        dim = axis % x.dim()
        positive = torch.as_tensor(indices % x.shape[dim], device=x.device)
        taken = x.index_select(dim, positive.flatten())
        return taken.reshape(*x.shape[:dim], *indices.shape, *x.shape[dim + 1 :])

    return compute


def _pad(node: Node) -> Compute:
    """The lengths and the value are attributes up to version 11, and inputs since then."""
    attribute, number = node.integers("pads"), node.number("value", 0.0)
    mode = node.text("mode", "constant")
    node.require(mode in PAD_MODES, f"its `mode` is `{mode}`")

    def compute(
        x: Tensor, pads: Array | None = None, value: Array | None = None, axes: Array | None = None
    ) -> Tensor:
        lengths = _given(pads, attribute) or ()
        count = len(lengths) // 2
        chosen = _given(axes, tuple(range(count))) or ()
        sides = [(0, 0)] * x.dim()
        for axis, before, after in zip(chosen, lengths[:count], lengths[count:], strict=True):
            sides[axis] = before, after
        if PAD_MODES[mode] != "constant":
            if any(side != (0, 0) for side in sides[:2]):
                raise node.refuse(f"its `mode` is `{mode}` along images or channels")
            sides = sides[2:]
        last_first = [length for side in reversed(sides) for length in side]
        if PAD_MODES[mode] != "constant":
            return F.pad(x, last_first, mode=PAD_MODES[mode])
        return F.pad(x, last_first, value=number if value is None else float(value.item()))

    return compute


def _scatter(node: Node) -> Compute:
    reduction = node.text("reduction", "none")
    node.require(reduction == "none", f"its `reduction` is `{reduction}`")

    def compute(x: Value, indices: Array, updates: Value) -> Tensor:
        target, new = operands((x, updates))
        places = torch.as_tensor(indices.copy(), device=target.device).unbind(dim=-1)
        return torch.index_put(target, places, new)

    return compute


FUNCTIONS: dict[str, Maker] = {
    **dict.fromkeys(POINTWISE, _pointwise),
    **dict.fromkeys(BETWEEN, _between),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _global_pool),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": free_convolution,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "HardSigmoid": _hard_sigmoid,
    "InstanceNormalization": _instance_norm,
    "MatMul": _matmul,
    "PRelu": _prelu,
    "Pad": _pad,
    "Reshape": _reshape,
    "ScatterND": _scatter,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
# All inputs but the first of these have to be known without looking at the image.
SHAPED = frozenset((
    *REDUCTIONS, "Clip", "Expand", "Gather", "Pad", "Reshape", "ScatterND", "Slice", "Split",
    "Squeeze", "Unsqueeze",
))  # fmt: skip
