"""What memory and formats are worth in a step: `python benchmarks/step_formats.py [NETWORK ...]`.

Steps of AdamW on random images, each way in a process of its own with one thread: freed memory
given back to the system or kept, images with their channels last or contiguous. Then Muon's
orthogonal matrices in bfloat16 and in float32. Prints milliseconds of the processor, which other
programs change little.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

# Network -> side of its input, channels, images in a step.
NETWORKS = {
    "lenet5_relu": (28, 1, 256),
    "resnet20": (32, 3, 64),
    "resnet18": (224, 3, 8),
    "googlenet": (224, 3, 8),
    "alexnet": (224, 3, 16),
    "vgg16": (224, 3, 2),
}
WAYS = {
    "given back, channels last": ("131072", "channels_last"),
    "kept, channels last": ("", "channels_last"),
    "kept, contiguous": ("", "contiguous"),
}
ROUNDS = 3
MATRICES = ((16, 150), (120, 400), (64, 576))
MEASURED = """
import json, sys, time, torch
from torch.nn import functional as F
import convscope
from convscope.device import choose_device
from convscope.training.setup import MEMORY_FORMATS
name, side, channels, count, order = json.loads(sys.argv[1])
choose_device("cpu")
network = convscope.build(name, in_channels=channels, num_classes=10).train()
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
pixels = torch.randn(count, side, side, channels).permute(0, 3, 1, 2)
inputs = pixels if order == "channels_last" else pixels.clone(memory_format=MEMORY_FORMATS[order])
targets = torch.randint(0, 10, (count,))
def step():
    optimizer.zero_grad()
    outputs = network(inputs)
    outputs = outputs if isinstance(outputs, torch.Tensor) else outputs[0]
    F.cross_entropy(outputs, targets).backward()
    optimizer.step()
step()
steps, began = 0, time.process_time()
while steps < 2 or time.process_time() - began < 3:
    step()
    steps += 1
print((time.process_time() - began) / steps / count * 1e3)
"""
ORTHOGONAL = """
import json, sys, time, torch
from convscope.training import muon
rows, columns, fast = json.loads(sys.argv[1])
muon.has_fast_bfloat16 = lambda device: fast
matrix = torch.randn(1, rows, columns)
muon.orthogonal(matrix)
began = time.process_time()
for _ in range(10):
    muon.orthogonal(matrix)
print((time.process_time() - began) / 10 * 1e3)
"""


def measured(program: str, given: object, threshold: str = "") -> float:
    """What a program prints, run in a process of its own with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": threshold}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(given)],
        env=environment,
        capture_output=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Prints a line for each network, then one for each matrix."""
    names = sys.argv[1:] or list(NETWORKS)
    print("ms of the processor an image:", "; ".join(WAYS))
    for name in names:
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way, (threshold, order) in WAYS.items():
                given = [name, *NETWORKS[name], order]
                taken[way].append(measured(MEASURED, given, threshold))
        print(f"{name:12}", *(f"{statistics.median(each):10.3f}" for each in taken.values()))
    print("ms of the processor for an orthogonal matrix: bfloat16; float32")
    for rows, columns in MATRICES:
        each = [measured(ORTHOGONAL, [rows, columns, fast]) for fast in (True, False)]
        print(f"{rows} x {columns}".ljust(12), *(f"{number:10.3f}" for number in each))


if __name__ == "__main__":
    main()
