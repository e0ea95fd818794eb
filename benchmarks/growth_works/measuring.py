"""Runs one work in this process: `python measuring.py WORK SETTINGS`; `growth.py` reads a line.

The work's module sets it up, then seconds, seconds of the processor and the largest memory are
taken around the work itself.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from material import Given  # as this file is the program, its folder is on the path

MARK = "RESULT "
KILOBYTE = 1 if sys.platform == "darwin" else 1024  # of `ru_maxrss`


def largest_memory() -> int:
    """Bytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE


def forget_largest_memory() -> None:
    """Begins to look for the largest memory anew, on Linux: what the set-up took doesn't count."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Sets up the work, measures it, and prints what was found."""
    module, function = sys.argv[1].split(":")
    work = getattr(import_module(module), function)(Given.read(sys.argv[2]))
    forget_largest_memory()
    before = largest_memory()
    began, processor_began = time.perf_counter(), time.process_time()
    found = work() or {}
    seconds, processor = time.perf_counter() - began, time.process_time() - processor_began
    # A work of many equal steps says itself what one of them takes.
    found = {"seconds": seconds, "processor": processor, "note": "", **found}
    found |= {"peak_bytes": largest_memory(), "start_bytes": before}
    print(MARK + json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
