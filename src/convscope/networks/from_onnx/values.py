"""What flows between the nodes of an ONNX graph while it runs.

Tensors come from the image or are stored weights; arrays of numpy are what is known without looking
at the image, such as shapes, axes and single numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convscope.networks.from_onnx.node import Node
from convscope.networks.from_onnx.stored import Array

Value = Tensor | Array | None
Result = Tensor | tuple[Tensor, ...]
Compute = Callable[..., Result]
Maker = Callable[[Node], Compute]


def operands(values: Sequence[Value], *, has_numbers: bool = False) -> list[Any]:
    """All values as tensors beside the first tensor among them."""
    like = next(value for value in values if isinstance(value, Tensor))
    tensors: list[Any] = []
    for value in values:
        if isinstance(value, np.ndarray):
            is_number = has_numbers and value.ndim == 0
            tensors.append(value.item() if is_number else _beside(like, value))
        else:
            tensors.append(value)
    return tensors


def integers(array: Array) -> tuple[int, ...]:
    """Whole numbers of Python, in one row."""
    return tuple(int(value) for value in array.reshape(-1))


def _beside(like: Tensor, array: Array) -> Tensor:
    dtype = like.dtype if array.dtype.kind == "f" else None
    return torch.as_tensor(array.copy(), dtype=dtype, device=like.device)
