"""Randomness as a function of counters: nothing random has state that would have to be saved.

The same counters give the same numbers on every machine, in any order and in any process.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = 0x9E3779B97F4A7C15


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
    """Numbers in [0, 1), a function of a purpose and counters."""
    return (hash64(purpose, *counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def seed32(purpose: str, *counters: int) -> int:
    """A seed for torch's generators, of which the CPU's keep only the low 32 bits."""
    return int(hash64(purpose, *counters) >> np.uint64(32))


def permutation(purpose: str, count: int, *counters: int) -> NDArray[np.int64]:
    """The numbers below `count` in an order that is a function of a purpose and counters."""
    keys = hash64(purpose, *counters, np.arange(count, dtype=np.uint64))
    return np.argsort(keys, kind="stable")


def _mix(state: np.uint64 | NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        mixed = np.asarray(state)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))
