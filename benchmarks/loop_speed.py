"""The speed of the training loop on MNIST: `python benchmarks/loop_speed.py DATA`.

Trains `lenet5_relu` for a few hundred steps in four ways, in turns, and prints images per second
and ratios within the run (other processes on the machine slow all of them down):

- `loader`: the loop of PyTorch's tutorials, a Dataset that prepares image by image, a DataLoader;
- `tensors`: the same loop over slices of one float tensor, the fastest plain loop there is;
- `convscope`: what `convscope train` runs;
- `network alone`: forward and backward of one and the same batch, which no loop can beat.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import convscope
from convscope.data.batch import Batch, Sampler
from convscope.data.batches import ImageBatches, TrainAugmentation
from convscope.data.pixels.prepared import ArrayPixels
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.device import choose_device
from convscope.training.freezing import parameter_groups
from convscope.training.loop import TrainStep, train_epoch
from convscope.training.losses import ClassificationLoss
from convscope.training.optimizers import make_optimizer

BATCH = 128
IMAGES = 128 * 100
ROUNDS = 5
PREPROCESSING = Preprocessing(height=28, width=28, channels=1, mean=(0.1307,), std=(0.3081,))


class Prepared(Dataset[tuple[torch.Tensor, int]]):
    """Prepares image by image, as tutorials do."""

    def __init__(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.pixels, self.labels = pixels, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self.pixels[index, :, :, 0])
        floats = torch.from_numpy(np.asarray(image).astype(np.float32) / 255)[None]
        return (floats - 0.1307) / 0.3081, int(self.labels[index])


def plain_loop(batches: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """The usual five lines."""
    network = convscope.build("lenet5_relu")
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for inputs, targets in batches:
        optimizer.zero_grad()
        F.cross_entropy(network(inputs), targets).backward()
        optimizer.step()


def slices(inputs: torch.Tensor, targets: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Shuffled batches of tensors in memory."""
    for rows in torch.randperm(len(targets)).split(BATCH):
        yield inputs[rows], targets[rows]


def our_loop(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """What `convscope train` runs."""
    device = choose_device("cpu")
    batches = ImageBatches(
        ArrayPixels(pixels),
        labels,
        Sampler(np.arange(len(labels)), batch_size=BATCH, seed=0),
        preprocessing=PREPROCESSING,
        device=device.torch,
        augmentation=TrainAugmentation(0),
    )
    network = convscope.build("lenet5_relu")
    train_epoch(
        TrainStep(
            network,
            ClassificationLoss(),
            make_optimizer("adamw", parameter_groups(network, lr=1e-3, weight_decay=0.01), lr=1e-3),
            device=device,
        ),
        batches,
        epoch=0,
    )


def network_alone(batch: Batch) -> None:
    """As many forward and backward passes as an epoch has."""
    network = convscope.build("lenet5_relu")
    for _ in range(IMAGES // BATCH):
        network.zero_grad()
        F.cross_entropy(network(batch.inputs), batch.targets).backward()


def main() -> None:
    """Prints one line a way."""
    dataset = convscope.open_dataset(sys.argv[1])
    pixels = np.stack([dataset[index][0] for index in range(IMAGES)])
    labels = dataset.labels[:IMAGES]
    floats = (torch.from_numpy(pixels).float() / 255 - 0.1307) / 0.3081
    inputs, targets = floats.permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)
    loader = DataLoader(Prepared(pixels, labels), batch_size=BATCH, shuffle=True)
    ways: dict[str, Callable[[], None]] = {
        "loader": lambda: plain_loop(iter(loader)),
        "tensors": lambda: plain_loop(slices(inputs, targets)),  # type: ignore[arg-type]
        "convscope": lambda: our_loop(pixels, labels),
        "network alone": lambda: network_alone(Batch(inputs[:BATCH], targets[:BATCH], BATCH)),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            rates[name].append(IMAGES / (time.perf_counter() - started))
    ours = statistics.median(rates["convscope"])
    for name, values in rates.items():
        median = statistics.median(values)
        print(
            f"{name:14} median {median:7,.0f} images/s, best {max(values):7,.0f}; "
            f"convscope is {ours / median:.2f} times as fast"
        )
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
