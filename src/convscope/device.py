"""Where tensors live and which number format computes: chosen once, with the reason.

This is the only file that names CUDA or MPS; everything else takes a `Device`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from convscope.errors import DeviceError

Precision = Literal["auto", "float32", "bfloat16"]

# Inside `Device` the name `torch` is its field.
DType = torch.dtype

BFLOAT16_FROM_CAPABILITY = (8, 0)

# What a container may use and what it uses, in both versions of Linux' control groups.
CGROUP_FILES = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


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
    def repeats(self) -> bool:
        """Whether torch's usual algorithms give the same bits each time here."""
        return self.torch.type == "cpu"

    @contextmanager
    def repeatable(self, is_asked: bool) -> Iterator[None]:
        """Within it torch uses only algorithms that give the same bits each time, if asked.

        On CPUs its usual ones do; on GPUs it costs speed, and an operation that has no such
        algorithm is an error.
        """
        if not is_asked:
            yield
            return
        # Read when the first matrix is multiplied on a GPU.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0])
            torch.backends.cudnn.benchmark = before[1]

    def free_bytes(self, *, num_processes: int = 1) -> int | None:
        """Memory that is free for the tensors of one process; None where it isn't known.

        Args:
            num_processes: On this machine. Each has a GPU of its own, but they share memory.
        """
        if self.torch.type == "cuda":
            return int(torch.cuda.mem_get_info(self.torch)[0])
        free = free_memory()
        return None if free is None else free // num_processes

    def forget_cached(self) -> None:
        """Gives memory back that torch keeps for the next tensor."""
        if self.torch.type == "cuda":
            torch.cuda.empty_cache()

    @property
    def processor(self) -> str:
        """What computes, as precisely as torch knows it."""
        if self.torch.type == "cuda":
            return torch.cuda.get_device_name(self.torch)
        return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"

    @property
    def collectives(self) -> str:
        """The library by which several processes add up tensors, by where these are."""
        return "cpu:gloo,cuda:nccl" if self.torch.type == "cuda" else "gloo"

    @property
    def precision(self) -> Precision:
        """The number format's name in a recipe."""
        return "bfloat16" if self.compute_dtype == torch.bfloat16 else "float32"


def choose_device(
    name: str = "auto", precision: str = "auto", *, local_rank: int | None = None
) -> Device:
    """The device asked for, or the fastest one that this machine has.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `auto`, `float32` or `bfloat16`.
        local_rank: Which of several processes on this machine asks: each gets a GPU of its own;
            None for one process alone.

    Raises:
        DeviceError: The machine has no such device, or it lacks the number format.
    """
    device, why = _find(name)
    if device.type == "cuda" and local_rank is not None:
        if local_rank >= torch.cuda.device_count():
            raise DeviceError(
                f"there are more processes on this machine than GPUs ({torch.cuda.device_count()})",
                hint="give torchrun a smaller `--nproc-per-node`",
            )
        device, why = _find(f"cuda:{local_rank}")
        torch.cuda.set_device(device)
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


def free_memory() -> int | None:
    """Bytes of the machine's memory, or of what its container may use, that are free.

    None where the system doesn't say; Linux does.
    """
    try:
        words = Path("/proc/meminfo").read_text(encoding="ascii").split()
        free = int(words[words.index("MemAvailable:") + 1]) * 1024
    except (OSError, ValueError):
        return None
    for limit, used in CGROUP_FILES:
        try:
            free = min(free, int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue  # no such limit, or the word "max"
    return max(0, free)
