"""When a checkpoint is written: at the end of an epoch, unless that would cost too much time.

The state of a large network is gigabytes, its epochs on a few photos are seconds. A training that
is broken off begins again at the last checkpoint, to the same bits wherever that is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

CHEAP_SECONDS = 0.5  # a checkpoint that takes no longer is written after every epoch
SHARE = 0.05  # of the time that those which take longer may have


class Cadence:
    """Keeps the time that checkpoints take below a share of the training's."""

    def __init__(self) -> None:
        self._cost_seconds = 0.0
        self._last = time.perf_counter()

    def is_due(self) -> bool:
        """Whether enough was learned since the last checkpoint to be worth another."""
        waited = time.perf_counter() - self._last
        return self._cost_seconds <= CHEAP_SECONDS or waited >= self._cost_seconds / SHARE

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measures what a checkpoint costs."""
        began = time.perf_counter()
        yield
        self._last = time.perf_counter()
        self._cost_seconds = self._last - began


def after_saving(epoch_seconds: float, saving_seconds: float) -> float:
    """Seconds of an epoch with its share of the checkpoints."""
    if saving_seconds <= CHEAP_SECONDS:
        return epoch_seconds + saving_seconds
    return epoch_seconds + min(saving_seconds, SHARE * epoch_seconds)
