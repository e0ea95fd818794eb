"""What sleeping threads are worth: `python benchmarks/waiting_threads.py`.

Measures training steps of `lenet5_relu` with OpenMP threads that sleep while they wait, that spin
for a while before, or that always spin, alone and beside busy processes. Prints images per second.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping

MEASURED = """
import time, torch, convscope
from torch.nn import functional as F
network = convscope.build("lenet5_relu")
inputs, targets = torch.randn(128, 1, 28, 28), torch.randint(0, 10, (128,))
def step():
    network.zero_grad()
    F.cross_entropy(network(inputs), targets).backward()
for _ in range(5):
    step()
started = time.perf_counter()
steps = 0
while time.perf_counter() - started < 4:
    step()
    steps += 1
print(steps * 128 / (time.perf_counter() - started))
"""
BUSY = "while True: pass"
ROUNDS = 3
# Sleeping at once, after so many turns, or never.
WAYS = {
    "sleeping": {"OMP_WAIT_POLICY": "PASSIVE"},
    **{
        f"after {count:,}": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": str(count)}
        for count in (2_000, 20_000, 100_000)
    },
    "spinning": {"OMP_WAIT_POLICY": "ACTIVE"},
}


def rate(variables: Mapping[str, str]) -> float:
    """Images per second in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED],
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Prints a line alone, one beside a busy process and one beside two."""
    for companions in range(3):
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(companions)]
        try:
            rates: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way, variables in WAYS.items():
                    rates[way].append(rate(variables))
        finally:
            for other in others:
                other.kill()
                other.wait()
        medians = {way: statistics.median(values) for way, values in rates.items()}
        shown = ", ".join(f"{way} {number:,.0f}" for way, number in medians.items())
        print(f"beside {companions} busy processes, images/s: {shown}")


if __name__ == "__main__":
    main()
