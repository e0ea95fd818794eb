"""Random numbers as a function of counters, so that no random state has to be saved.

The same counters give the same numbers on every machine, in any order and in any process.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = 0x9E3779B97F4A7C15

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]


def hash64(purpose: str, *counters: ArrayLike) -> NDArray[np.uint64]:
    """A 64-bit hash of a purpose and counters, which broadcast like arrays.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), applied once a counter.
    """
    state = _mix(np.uint64(zlib.crc32(purpose.encode())))
    with np.errstate(over="ignore"):
        for counter in counters:
            state = _mix(state + np.uint64(GOLDEN) + np.asarray(counter, dtype=np.uint64))
    return np.asarray(state)


def uniform(purpose: str, *counters: ArrayLike) -> NDArray[np.float64]:
    """Random numbers in [0, 1), as a function of a purpose and counters."""
    return (hash64(purpose, *counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def seed32(purpose: str, *counters: int) -> int:
    """A 32-bit seed for torch's generators; those of the CPU ignore higher bits."""
    return int(hash64(purpose, *counters) >> np.uint64(32))


def permutation(purpose: str, count: int, *counters: int) -> NDArray[np.int64]:
    """A permutation of the numbers below `count`, as a function of a purpose and counters."""
    keys = hash64(purpose, *counters, np.arange(count, dtype=np.uint64))
    return np.argsort(keys, kind="stable")


def _mix(state: np.uint64 | NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        mixed = np.asarray(state)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers for N images.

    Attributes:
        seed: Seed of the recipe.
        epoch: Epoch, from 0.
        indices: (N,) indices of the images in the data set.
    """

    seed: int
    epoch: int
    indices: Integers

    def uniform(self, purpose: str) -> Floats:
        """(N,) numbers in [0, 1)."""
        return uniform(purpose, self.seed, self.epoch, self.indices)

    def uniforms(self, purpose: str, count: int) -> Floats:
        """(N, count) numbers in [0, 1)."""
        numbers = np.arange(count)
        return uniform(purpose, self.seed, self.epoch, self.indices[:, np.newaxis], numbers)

    def between(self, purpose: str, low: float, high: float) -> Floats:
        """(N,) numbers from `low` to `high`."""
        return low + (high - low) * self.uniform(purpose)

    def symmetric(self, purpose: str, largest: float) -> Floats:
        """(N,) numbers from `-largest` to `largest`."""
        return (2 * self.uniform(purpose) - 1) * largest

    def bernoulli(self, purpose: str, probability: float) -> Bools:
        """(N,) whether something happens to each image, with this probability."""
        return self.uniform(purpose) < probability

    def alternating(self, purpose: str) -> Bools:
        """(N,) a random value for each image that changes from epoch to epoch."""
        return (uniform(purpose, self.seed, self.indices) < 0.5) ^ (self.epoch % 2 == 1)
