"""What all programs of the suite share: settings in, one line of JSON out."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MARK = "RESULT "


def report(*packages: str, **found: Any) -> None:
    """Prints what was measured, with the versions of packages."""
    versions = {name: importlib.metadata.version(name) for name in packages}
    print(MARK + json.dumps({**found, "versions": versions}), flush=True)


def main(works: Mapping[str, Callable[[dict[str, Any]], None]]) -> None:
    """Does the work that the settings name; says which package is missing, if one is."""
    settings = json.loads(sys.argv[1])
    try:
        works[settings["work"]](settings)
    except ModuleNotFoundError as error:
        print(MARK + json.dumps({"missing": (error.name or "").split(".")[0]}))


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16."""
    path = Path("/proc/cpuinfo")
    words = path.read_text().split() if path.exists() else []
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(words)
