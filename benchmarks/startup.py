"""How long help takes: `python benchmarks/startup.py`.

Prints the median of several starts of each command, and the ratio to a bare Python.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "convscope --help": [sys.executable, "-m", "convscope", "--help"],
    "convscope train --help": [sys.executable, "-m", "convscope", "train", "--help"],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}
REPETITIONS = 15


def main() -> None:
    """Prints one line a command."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(REPETITIONS):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    bare = statistics.median(seconds["python -c pass"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(
            f"{name:26} median {median:.3f} s, fastest {min(values):.3f} s, "
            f"{median / bare:.1f} times a bare Python"
        )


if __name__ == "__main__":
    main()
