"""Two convolutions without anything between them are one: its kernel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from convscope.errors import UsageError


def composed_kernel(first: Tensor, second: Tensor, *, stride: int = 1) -> Tensor:
    """The kernel of the one convolution that equals two in a row, without padding and biases.

    Args:
        first: (C1, C0, k1, k1) kernels that are applied first.
        second: (C2, C1, k2, k2) kernels that are applied to their maps.
        stride: Of the first convolution; the composed one has it times the second's.

    Returns:
        (C2, C0, k, k) with k = k1 + (k2 - 1) * stride.

    Raises:
        UsageError: The second takes another number of channels than the first gives.

    Source: y = w2 * (w1 * x) = (w2 * w1) * x; where the first has a stride, the second's values
        lie that many pixels apart.
    """
    if first.shape[0] != second.shape[1]:
        raise UsageError(
            f"kernels for {second.shape[1]} channels can't follow kernels that give "
            f"{first.shape[0]}"
        )
    # A transposed convolution puts a copy of the first kernels at each place of the second.
    whole = F.conv_transpose2d(second, first, stride=stride)
    return torch.as_tensor(whole)
