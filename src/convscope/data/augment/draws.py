"""What is drawn for each image: functions of (purpose, seed, epoch, image), never of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.counters import uniform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers of N images, one an image and purpose.

    Attributes:
        seed: The recipe's.
        epoch: Counts from 0.
        indices: (N,) which images of the data set these are.
    """

    seed: int
    epoch: int
    indices: Integers

    def share(self, purpose: str) -> Floats:
        """(N,) numbers in [0, 1)."""
        return uniform(purpose, self.seed, self.epoch, self.indices)

    def shares(self, purpose: str, tries: int) -> Floats:
        """(N, tries) numbers in [0, 1)."""
        numbers = np.arange(tries)
        return uniform(purpose, self.seed, self.epoch, self.indices[:, np.newaxis], numbers)

    def between(self, purpose: str, low: float, high: float) -> Floats:
        """(N,) numbers from `low` to `high`."""
        return low + (high - low) * self.share(purpose)

    def signed(self, purpose: str, largest: float) -> Floats:
        """(N,) numbers from `-largest` to `largest`."""
        return (2 * self.share(purpose) - 1) * largest

    def chosen(self, purpose: str, probability: float) -> Bools:
        """(N,) which images something happens to."""
        return self.share(purpose) < probability

    def alternating(self, purpose: str) -> Bools:
        """(N,) a side drawn once for each image, the other one in every second epoch."""
        return (uniform(purpose, self.seed, self.indices) < 0.5) ^ (self.epoch % 2 == 1)
