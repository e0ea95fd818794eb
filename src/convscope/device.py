"""Where tensors live and which number format computes: chosen once, with the reason.

This is the only file that names CUDA or MPS; everything else takes a `Device`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch

from convscope.errors import DeviceError

Precision = Literal["auto", "float32", "bfloat16"]

# Inside `Device` the name `torch` is its field.
DType = torch.dtype

BFLOAT16_FROM_CAPABILITY = (8, 0)


@dataclass(frozen=True, slots=True)
class Device:
    """A device and a number format.

    Attributes:
        torch: Where tensors live.
        compute_dtype: What convolutions and matrix products compute in; weights stay float32.
        reason: Why this device and this format, in words.
    """

    torch: torch.device
    compute_dtype: DType
    reason: str

    def autocast(self) -> AbstractContextManager[object]:
        """A context in which the network computes in `compute_dtype`; nothing for float32."""
        if self.compute_dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.torch.type, dtype=self.compute_dtype)

    @contextmanager
    def keep_random_state(self) -> Iterator[None]:
        """Gives the caller's random state back at the end of a block that reseeds."""
        is_cuda = self.torch.type == "cuda"
        with torch.random.fork_rng(devices=[self.torch] if is_cuda else []):
            yield

    @property
    def precision(self) -> Precision:
        """The number format's name in a recipe."""
        return "bfloat16" if self.compute_dtype == torch.bfloat16 else "float32"


def choose_device(name: str = "auto", precision: str = "auto") -> Device:
    """The device asked for, or the fastest one that this machine has.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `auto`, `float32` or `bfloat16`.

    Raises:
        DeviceError: The machine has no such device, or it lacks the number format.
    """
    device, why = _find(name)
    dtype, why_dtype = _format(device, precision)
    return Device(device, dtype, f"{why}, {why_dtype}")


def _find(name: str) -> tuple[torch.device, str]:
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        if has_cuda:
            return _find("cuda")
        return _find("mps") if has_mps else (torch.device("cpu"), "cpu (no GPU found)")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(
            f"no device is called `{name}`", hint="choose `auto`, `cpu`, `cuda` or `mps`"
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if has_cuda else 0
        if (device.index or 0) >= count:
            raise DeviceError(
                f"`{name}` was asked for, but this machine offers {count} CUDA devices",
                hint="`--device auto` takes the best that there is",
            )
        return device, f"{name} {torch.cuda.get_device_name(device)}"
    if device.type == "mps" and not has_mps:
        raise DeviceError(
            "`mps` was asked for, but this machine has no Apple GPU that torch can use",
            hint="`--device auto` takes the best that there is",
        )
    if device.type not in ("cpu", "mps"):
        raise DeviceError(
            f"`{name}` is no device that convscope runs on",
            hint="choose `auto`, `cpu`, `cuda` or `mps`",
        )
    return device, f"{name} as asked"


def _format(device: torch.device, precision: str) -> tuple[torch.dtype, str]:
    if precision not in ("auto", "float32", "bfloat16"):
        raise DeviceError(
            f"no number format is called `{precision}`",
            hint="choose `auto`, `float32` or `bfloat16`",
        )
    if device.type == "cuda":
        capable = torch.cuda.get_device_capability(device) >= BFLOAT16_FROM_CAPABILITY
        if precision == "bfloat16" and not capable:
            raise DeviceError(
                f"`{device}` can't compute in bfloat16", hint="leave out `--precision bfloat16`"
            )
        if precision == "auto" and capable:
            return torch.bfloat16, "bfloat16 (its tensor cores have it)"
    if precision == "bfloat16":
        return torch.bfloat16, "bfloat16 as asked"
    return torch.float32, "float32"
