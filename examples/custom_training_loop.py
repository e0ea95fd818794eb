"""A training loop in Python: a network, a loss and batches of one's own, without images on disk.

The loop is the one that `convscope train` uses. It takes any `torch.nn.Module`, any loss of
(network, inputs, targets) and any batches. Here an image shows two handwritten digits side by side,
and only their sum is known: from sums alone the network learns to read digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import convscope
from convscope.data.batch import Batch
from convscope.device import choose_device
from convscope.training.loop import StepRules, TrainStep, train_epoch
from convscope.training.losses import LossResult

EPOCHS = 8
BATCH_SIZE = 64
NUM_PAIRS = 4_096  # in an epoch
SUMS = torch.arange(10)[:, None] + torch.arange(10)  # (10, 10) of the left and the right digit


class SumNetwork(nn.Module):
    """(N, 1, 8, 16) images of two digits to (N, 19) logarithms of the probabilities of their sums.

    The same small network reads both digits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),  # (N, 16, 8, 8)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 16, 4, 4)
            nn.Flatten(),
            nn.Linear(16 * 4 * 4, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
            nn.Softmax(dim=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities (N, 19) of the sums in images (N, 1, 8, 16)."""
        left, right = (self.read(half) for half in images.chunk(2, dim=3))
        pairs = (left[:, :, None] * right[:, None, :]).flatten(1)  # (N, 100)
        sums = pairs.new_zeros(len(images), 19).index_add(1, SUMS.flatten(), pairs)
        log_probabilities: Tensor = (sums + 1e-9).log()
        return log_probabilities


def negative_log_likelihood(network: nn.Module, inputs: Tensor, targets: Tensor) -> LossResult:
    """The loss of the loop: inputs and targets to a scalar, and the outputs for the accuracy."""
    outputs = network(inputs)
    return LossResult(F.nll_loss(outputs, targets), outputs)


class PairBatches:
    """Random pairs of digits with their sums; a batch is a function of epoch and step alone."""

    def __init__(self, images: Tensor, digits: Tensor) -> None:
        self._images, self._digits = images, digits

    def __len__(self) -> int:
        return NUM_PAIRS // BATCH_SIZE

    @property
    def num_images(self) -> int:
        """Number of pairs in an epoch."""
        return NUM_PAIRS

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, from step `start` on."""
        for step in range(start, len(self)):
            random = np.random.default_rng([epoch, step])
            left, right = torch.from_numpy(random.integers(len(self._digits), size=(2, BATCH_SIZE)))
            pairs = torch.cat([self._images[left], self._images[right]], dim=3)
            yield Batch(pairs, self._digits[left] + self._digits[right], BATCH_SIZE)


def main() -> float:
    """Trains, prints a line for each epoch, and returns the accuracy on unseen digits."""
    data = load_digits()
    images, digits = torch.from_numpy(data.images / 16).float()[:, None], torch.tensor(data.target)
    train, test = slice(0, 1_400), slice(1_400, None)  # written by other people
    torch.manual_seed(0)
    network = SumNetwork()
    table = convscope.summarize(network, input_shape=(1, 8, 16))
    print(f"{table.parameters:,} parameters, {table.rows[0].total.macs:,} MACs a pair")

    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    step = TrainStep(
        network,
        negative_log_likelihood,
        optimizer,
        device=choose_device("cpu"),
        rules=StepRules(clip_norm=1.0),
    )
    batches = PairBatches(images[train], digits[train])
    num_steps = EPOCHS * len(batches)
    for epoch in range(EPOCHS):
        sums = train_epoch(
            step,
            batches,
            epoch=epoch,
            factor=lambda number: 1 - number / num_steps,  # the learning rate falls to 0
        )
        print(f"epoch {epoch + 1}/{EPOCHS}  loss {sums.loss:.3f}  accuracy {sums.accuracy:.1%}")

    network.eval()
    with torch.inference_mode():
        read = network.read(images[test]).argmax(dim=1)
    accuracy = float((read == digits[test]).float().mean())
    print(f"accuracy of reading unseen digits, though no digit was ever given: {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
