"""Maps whose channels are neighbours in memory, which torch's meta device doesn't follow."""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverload
from torch._prims_common import suggest_memory_format


def as_on_devices(func: OpOverload[..., Any], args: tuple[Any, ...], out: Any) -> Any:
    """The output of an operation, laid out in memory as processors and GPUs do it.

    A convolution gives channels last where its input or its weight has them; on the meta device
    never. It matters where maps are flattened: then their values are copied, and the copy is kept.
    """
    if func is not torch.ops.aten.convolution.default or not out.is_meta or out.dim() != 4:
        return out
    if any(suggest_memory_format(tensor) is torch.channels_last for tensor in args[:2]):
        return torch.empty_like(out, memory_format=torch.channels_last)
    return out
