"""The device and the number format of a computation, chosen once, with the reason.

This is the only file that names CUDA or MPS; everything else takes a `Device`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from convscope.errors import DeviceError

# Names of number formats in a recipe; `auto` takes the faster one.
NUMBER_FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}

Moment = Any  # seconds by the clock, or an event in the work of a GPU
DType = torch.dtype  # inside `Device` the name `torch` is its field

BFLOAT16_CAPABILITY = (8, 0)  # of the first GPUs that compute in bfloat16

# Parameters of glibc's `mallopt`, and the sizes below which freed memory is kept: the largest that
# its versions take, the newest first.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = (1 << 30, 32 << 20)
# By these a user chooses another allocator, or another behaviour of this one.
ALLOCATOR_VARIABLES = {"LD_PRELOAD", "GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_"}

# The memory limit of a container and its use, in both versions of Linux' control groups.
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
        torch: Torch's device, on which tensors live.
        compute_dtype: Number format of convolutions and matrix products; weights stay float32.
        reason: Why this device and this format were chosen.
    """

    torch: torch.device
    compute_dtype: DType
    reason: str

    def computing_in(self, precision: str) -> Device:
        """This device with another number format; the same one for `auto`."""
        if precision in ("auto", self.precision):
            return self
        reason = self.reason.removesuffix(self.precision) + precision
        return replace(self, compute_dtype=NUMBER_FORMATS[precision], reason=reason)

    @property
    def measurable_precisions(self) -> tuple[str, ...]:
        """The number formats of which a measurement tells the faster, the usual one first.

        Of a GPU the capability tells; processors without instructions for bfloat16 imitate it.
        """
        if self.torch.type == "cpu" and has_fast_bfloat16(self.torch):
            return ("float32", "bfloat16")
        return (self.precision,)

    def autocast(self) -> AbstractContextManager[object]:
        """Context manager in which the network computes in `compute_dtype`; a no-op for float32."""
        if self.compute_dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.torch.type, dtype=self.compute_dtype)

    @contextmanager
    def fork_rng(self) -> Iterator[None]:
        """Context manager that restores the caller's random state after a block that reseeds."""
        is_mps = self.torch.type == "mps"  # which torch's own context manager doesn't know
        before = torch.mps.get_rng_state() if is_mps else None
        with torch.random.fork_rng(devices=[self.torch] if self.torch.type == "cuda" else []):
            try:
                yield
            finally:
                if before is not None:
                    torch.mps.set_rng_state(before)

    def seed(self, number: int) -> None:
        """Seeds torch's generators for the CPU and for this device, and no others."""
        torch.default_generator.manual_seed(number)
        if self.torch.type == "cuda":
            with torch.cuda.device(self.torch):
                torch.cuda.manual_seed(number)
        elif self.torch.type == "mps":
            torch.mps.manual_seed(number)

    @property
    def is_deterministic(self) -> bool:
        """Whether torch's default algorithms give the same bits each time on this device."""
        return self.torch.type == "cpu"

    @contextmanager
    def deterministic_algorithms(self, enabled: bool) -> Iterator[None]:
        """Context manager in which torch uses only deterministic algorithms, if enabled.

        On CPUs the default ones are; on GPUs they cost speed, and an operation that has none is an
        error.
        """
        if not enabled:
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
        """Free memory for the tensors of one process; None where it isn't known.

        Args:
            num_processes: Number of processes on this machine, which share its memory; each has a
                GPU of its own.
        """
        if self.torch.type == "cuda":
            return int(torch.cuda.mem_get_info(self.torch)[0])
        free = free_memory_bytes()
        return None if free is None else free // num_processes

    def empty_cache(self) -> None:
        """Gives memory back to the device that torch keeps for later tensors."""
        if self.torch.type == "cuda":
            torch.cuda.empty_cache()

    def moment(self) -> Moment:
        """Now, in the work of this device: on a GPU when what it was given so far will be done."""
        if self.torch.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(self.torch))
            return event
        if self.torch.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter()

    def seconds_between(self, begin: Moment, end: Moment) -> float:
        """Seconds between two moments."""
        if self.torch.type != "cuda":
            return float(end - begin)
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1000

    @property
    def profiler_activities(self) -> list[ProfilerActivity]:
        """What torch's profiler records of a computation on this device."""
        gpu = [ProfilerActivity.CUDA] if self.torch.type == "cuda" else []
        return [ProfilerActivity.CPU, *gpu]

    @property
    def processor(self) -> str:
        """The name of the processor, as precisely as torch knows it."""
        if self.torch.type == "cuda":
            return torch.cuda.get_device_name(self.torch)
        return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"

    @property
    def distributed_backend(self) -> str:
        """Torch's backend for collective operations on CPU tensors and on those of the device."""
        return "cpu:gloo,cuda:nccl" if self.torch.type == "cuda" else "gloo"

    @property
    def precision(self) -> str:
        """The name of the number format in a recipe."""
        return next(name for name, kind in NUMBER_FORMATS.items() if kind == self.compute_dtype)


def choose_device(
    name: str = "auto", precision: str = "auto", *, local_rank: int | None = None
) -> Device:
    """The requested device, or the fastest one of this machine.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `auto`, `float32` or `bfloat16`.
        local_rank: Rank of this process among those on this machine, each of which gets a GPU of
            its own; None in a single process.

    Raises:
        DeviceError: The machine has no such device, or it lacks the number format.
    """
    device, reason = _find(name)
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda" and local_rank is not None:
        if local_rank >= torch.cuda.device_count():
            raise DeviceError(
                f"there are more processes on this machine than GPUs ({torch.cuda.device_count()})",
                hint="give torchrun a smaller `--nproc-per-node`",
            )
        device, reason = _find(f"cuda:{local_rank}")
        torch.cuda.set_device(device)
    dtype, dtype_reason = _number_format(device, precision)
    return Device(device, dtype, f"{reason}, {dtype_reason}")


def _find(name: str) -> tuple[torch.device, str]:
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        if has_cuda:
            return _find("cuda")
        return _find("mps") if has_mps else (torch.device("cpu"), "cpu (no GPU found)")
    try:
        device = torch.device(str(name))
    except RuntimeError as error:
        raise DeviceError(f"no device is called `{name}`", hint=_likely_device(name)) from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if has_cuda else 0
        if (device.index or 0) >= count:
            raise DeviceError(
                f"`{name}` was requested, but this machine offers {count} CUDA devices",
                hint="`--device auto` takes the best that there is",
            )
        return device, f"{name} {torch.cuda.get_device_name(device)}"
    if device.type == "mps" and not has_mps:
        raise DeviceError(
            "`mps` was requested, but this machine has no Apple GPU that torch can use",
            hint="`--device auto` takes the best that there is",
        )
    if device.type not in ("cpu", "mps"):
        raise DeviceError(
            f"`{name}` is no device that convscope runs on",
            hint="choose `auto`, `cpu`, `cuda` or `mps`",
        )
    return device, f"{name} as requested"


def _likely_device(name: object) -> str:
    """A hint for a name that no device has."""
    given = str(name).strip().lower()
    numbers = re.fullmatch(r"(?:cuda|gpu)?[:\s]*(\d+)((?:,\d+)*)", given)
    if numbers is not None and numbers[2]:
        count = numbers[2].count(",") + 1
        torchrun = f"torchrun --nproc-per-node {count} -m convscope"
        return f"several GPUs take a process each: `{torchrun} ...`"
    if numbers is not None:
        return f"did you mean `cuda:{int(numbers[1])}`?"
    near = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps", "-1": "cpu", "none": "cpu"}.get(given)
    if near is None and given in ("auto", "cpu", "cuda", "mps"):
        near = given
    return f"did you mean `{near}`?" if near else "choose `auto`, `cpu`, `cuda` or `mps`"


def _number_format(device: torch.device, precision: str) -> tuple[torch.dtype, str]:
    if precision not in ("auto", *NUMBER_FORMATS):
        raise DeviceError(
            f"no number format is called `{precision}`",
            hint="choose `auto`, `float32` or `bfloat16`",
        )
    if device.type == "cuda":
        capable = has_fast_bfloat16(device)
        if precision == "bfloat16" and not capable:
            raise DeviceError(
                f"`{device}` can't compute in bfloat16", hint="leave out `--precision bfloat16`"
            )
        if precision == "auto" and capable:
            return torch.bfloat16, "bfloat16 (its tensor cores have it)"
    if precision == "bfloat16":
        return torch.bfloat16, "bfloat16 as requested"
    return torch.float32, "float32"


def describe(device: Device) -> dict[str, str]:
    """What decides how fast a device is, in words, by what it is."""
    facts = {"device": device.reason, "processor": device.processor}
    if device.torch.type == "cpu":
        facts["processor"] = f"{_cpu_name()}, {torch.backends.cpu.get_cpu_capability()}"
        facts["threads"] = f"{torch.get_num_threads()} of {os.cpu_count()} processors"
        is_kept = keep_freed_memory()
        facts["freed memory"] = "kept for the next tensors" if is_kept else "given back"
    free = device.free_bytes()
    facts["free memory"] = "unknown" if free is None else f"{free / 1e9:,.1f} GB"
    if not has_fast_bfloat16(device.torch):
        facts["bfloat16"] = "imitated, and slow: the processor has no instructions for it"
    return facts


def _cpu_name() -> str:
    """The name of the processor as Linux has it, or as the platform module does."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n"):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16; others imitate it, many times slower."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= BFLOAT16_CAPABILITY
    cpu = torch.cpu
    return device.type == "cpu" and (
        cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
    )


@cache
def keep_freed_memory() -> bool:
    """Makes glibc keep the memory of freed tensors for the next ones; returns whether it does.

    By default it gives that of large tensors back to the system after each layer, which then clears
    it again page by page: up to a quarter of the time of a training (docs/performance.md). Other
    allocators are left as they are, and a user's variables win.
    """
    if platform.libc_ver()[0] != "glibc" or any(map(os.environ.get, ALLOCATOR_VARIABLES)):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    is_set = any(mallopt(M_MMAP_THRESHOLD, size) for size in KEPT_BYTES)
    return is_set and bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES[0]))


def free_memory_bytes() -> int | None:
    """Free memory of the machine, or of its container; None where the system doesn't tell it."""
    try:
        fields = Path("/proc/meminfo").read_text(encoding="ascii").split()
        free = int(fields[fields.index("MemAvailable:") + 1]) * 1024
    except (OSError, ValueError):
        return None
    for limit, used in CGROUP_FILES:
        try:
            free = min(free, int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue  # no such limit, or the word "max"
    return max(0, free)
