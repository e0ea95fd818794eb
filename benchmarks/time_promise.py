"""Whether `--time` keeps its promise: `python benchmarks/time_promise.py DATA...`.

From the shell to the end of the command, with an empty cache each time, on an idle machine. Prints
a line for each data set, time and way of training; a training that is refused says what would fit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

from convscope.recipe import seconds_of

TIMES = ("30s", "1m", "2m")
WAYS = {"no flags": [], "resnet18": ["--model", "resnet18"]}
MOST_OVER = 0.2  # of the time that was asked for


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=["digits"])
    given = parser.parse_args()
    print(f"{'data':24} {'way':10} {'asked':>6} {'taken':>8}  outcome")
    for data in given.data:
        for way, flags in WAYS.items():
            for asked in TIMES:
                seconds, outcome = taken(data, [*flags, "--time", asked], seconds_of(asked))
                print(
                    f"{data[-24:]:24} {way:10} {asked:>6} {seconds:6.1f} s  {outcome}", flush=True
                )


def taken(data: str, flags: list[str], asked_seconds: float) -> tuple[float, str]:
    """Seconds of a training with an empty cache, and how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "convscope", "train", data, "--project", folder, *flags]
        environment = {**os.environ, "CONVSCOPE_CACHE": f"{folder}/cache"}
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        seconds = time.perf_counter() - began
    lines = done.stderr.splitlines()
    if done.returncode:
        return seconds, "; ".join(line for line in lines if line.startswith(("error:", "hint:")))
    phases = next((line for line in reversed(lines) if line.startswith("took ")), "")
    is_kept = seconds <= (1 + MOST_OVER) * asked_seconds
    return seconds, f"{'kept' if is_kept else 'BROKEN'}; {phases}"


if __name__ == "__main__":
    main()
