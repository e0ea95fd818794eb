"""The machine that is measured: processor, instruction sets that matter, GPU, versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

INSTRUCTION_SETS = (
    "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16",
)  # fmt: skip
PACKAGES = ("convscope", "torch", "numpy", "pillow")


def describe_machine() -> dict[str, Any]:
    """Facts that a time can't be read without."""
    flags = processor_facts()
    has = set((flags.get("flags") or flags.get("features") or "").split())
    return {
        "cpu": flags.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instruction_sets": [name for name in INSTRUCTION_SETS if name in has],
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def processor_facts() -> dict[str, str]:
    """The first processor's lines of `/proc/cpuinfo`, by lower-case name; none on other systems."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    lines = path.read_text().split("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
