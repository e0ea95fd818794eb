"""What sleeping threads are worth: `python benchmarks/waiting_threads.py`.

Measures training steps of `lenet5_relu` with OpenMP threads that spin while they wait and with
threads that sleep, alone and beside another busy process. Prints images per second and the ratio.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

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


def rate(policy: str) -> float:
    """Images per second in a process of its own."""
    environment = {**os.environ, "OMP_WAIT_POLICY": policy}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], env=environment, capture_output=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Prints a line alone and a line beside a busy process."""
    for words, companions in (("alone", 0), ("beside a busy process", 1)):
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(companions)]
        try:
            rates: dict[str, list[float]] = {"ACTIVE": [], "PASSIVE": []}
            for _ in range(ROUNDS):
                for policy, values in rates.items():
                    values.append(rate(policy))
        finally:
            for other in others:
                other.kill()
                other.wait()
        spinning, sleeping = (statistics.median(values) for values in rates.values())
        print(
            f"{words:22} spinning {spinning:6,.0f} images/s, sleeping {sleeping:6,.0f} images/s: "
            f"{sleeping / spinning:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
