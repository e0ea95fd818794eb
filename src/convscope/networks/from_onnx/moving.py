"""Operators that only move values or change their type, as functions of tensors.

Source: the ONNX operator specification, with what earlier versions of an operator said differently.
"""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.networks.from_onnx.node import Node
from convscope.networks.from_onnx.stored import Array
from convscope.networks.from_onnx.values import Compute, Maker, Value, integers, operands

# ONNX's words for padding -> torch's.
PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
FLOATS = {1: torch.float32, 10: torch.float16, 11: torch.float64}


def _cast(node: Node) -> Compute:
    to = node.integer("to")
    node.integer("saturate")  # of 8-bit floats
    node.require(to in FLOATS, f"what comes from the image is cast to type `{to}`, no float")

    def compute(x: Tensor) -> Tensor:
        return x.to(FLOATS[to])

    return compute


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
    def compute(x: Tensor, shape: Array) -> Tensor:
        target = np.broadcast_shapes(tuple(x.shape), integers(shape))
        return x.expand(target)

    return compute


def _transpose(node: Node) -> Compute:
    order = node.integers("perm")

    def compute(x: Tensor) -> Tensor:
        return x.permute(order or tuple(reversed(range(x.dim()))))

    return compute


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
        chosen = integers(axes) if axes is not None else attribute
        return x.squeeze() if chosen is None else x.squeeze(chosen)

    return compute


def _unsqueeze(node: Node) -> Compute:
    attribute = node.integers("axes") or ()

    def compute(x: Tensor, axes: Array | None = None) -> Tensor:
        chosen = integers(axes) if axes is not None else attribute
        rank = x.dim() + len(chosen)
        for axis in sorted(axis % rank for axis in chosen):
            x = x.unsqueeze(axis)
        return x

    return compute


def _slice(node: Node) -> Compute:
    """Up to version 10 bounds are attributes; since then inputs."""
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
        chosen = integers(sizes) if sizes is not None else attribute
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
    """Up to version 11 lengths and value are attributes; since then inputs."""
    attribute, number = node.integers("pads"), node.number("value", 0.0)
    mode = node.text("mode", "constant")
    node.require(mode in PAD_MODES, f"its `mode` is `{mode}`")

    def compute(
        x: Tensor, pads: Array | None = None, value: Array | None = None, axes: Array | None = None
    ) -> Tensor:
        lengths = integers(pads) if pads is not None else attribute or ()
        count = len(lengths) // 2
        chosen = integers(axes) if axes is not None else tuple(range(count))
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
        filler = number if value is None else float(value.item())
        return F.pad(x, last_first, value=filler)

    return compute


def _scatter(node: Node) -> Compute:
    reduction = node.text("reduction", "none")
    node.require(reduction == "none", f"its `reduction` is `{reduction}`")

    def compute(x: Value, indices: Array, updates: Value) -> Tensor:
        target, new = operands((x, updates))
        places = torch.as_tensor(indices.copy(), device=target.device).unbind(dim=-1)
        return torch.index_put(target, places, new)

    return compute


MOVES: dict[str, Maker] = {
    "Cast": _cast,
    "Concat": _concat,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Pad": _pad,
    "Reshape": _reshape,
    "ScatterND": _scatter,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
