"""What bfloat16 is worth on this processor: `python benchmarks/number_formats.py`.

Measures training steps of two networks in float32 and in bfloat16, alone and beside another busy
process. Prints milliseconds a step and how many times as fast bfloat16 is.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

MEASURED = """
import sys, time, convscope, torch
from convscope.device import choose_device
from torch.nn import functional as F
name, side, precision = sys.argv[1], int(sys.argv[2]), sys.argv[3]
device = choose_device("cpu", precision)
network = convscope.build(name, num_classes=10)
inputs = torch.randn(32, 3, side, side).contiguous(memory_format=torch.channels_last)
targets = torch.randint(0, 10, (32,))
times = []
for _ in range(6):
    began = time.perf_counter()
    with device.autocast():
        outputs = network(inputs)
    network.zero_grad()
    F.cross_entropy(outputs.float(), targets).backward()
    times.append(time.perf_counter() - began)
print(sorted(times[1:])[2])
"""
BUSY = "while True: pass"
CASES = (("resnet20", 32), ("resnet18", 64))
ROUNDS = 3


def seconds(name: str, side: int, precision: str) -> float:
    """Of a step, in a process of its own."""
    command = [sys.executable, "-c", MEASURED, name, str(side), precision]
    done = subprocess.run(command, capture_output=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Prints a line a network, alone and beside a busy process."""
    for words, companions in (("alone", 0), ("beside a busy process", 1)):
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(companions)]
        try:
            for name, side in CASES:
                plain, short = (
                    statistics.median(seconds(name, side, precision) for _ in range(ROUNDS))
                    for precision in ("float32", "bfloat16")
                )
                print(
                    f"{words:22} {name} at {side} px: float32 {1000 * plain:,.0f} ms, "
                    f"bfloat16 {1000 * short:,.0f} ms: {plain / short:.2f} times as fast",
                    flush=True,
                )
        finally:
            for other in others:
                other.kill()
                other.wait()


if __name__ == "__main__":
    main()
