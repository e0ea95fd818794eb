"""When a checkpoint is written: often enough to lose little, seldom enough to cost nothing.

A training that is broken off begins again at the last checkpoint, to the same bits wherever that
is. The state of a large network is gigabytes, its epochs on a few photos are seconds: so the end of
an epoch is a good moment, but not each.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from convscope.errors import UsageError
from convscope.recipe import seconds_of

USUAL_SECONDS = 300.0
SHARE = 0.015  # of the time that checkpoints at the ends of epochs may take
EXPECTED_BYTES_PER_SECOND = 100e6  # copied, hashed and written beside a training on two cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The longest way between two checkpoints.

    Attributes:
        seconds: By the clock; None for any.
        steps: Of the optimizer; None for any.
    """

    seconds: float | None = None
    steps: int | None = None


USUAL_INTERVAL = Interval(seconds=USUAL_SECONDS)


def interval_of(words: str | int | None) -> Interval:
    """The interval that `--checkpoint-every` says: `500` steps, or a time like `5m`; None: usual.

    Raises:
        UsageError: It is neither.
    """
    if words is None:
        return USUAL_INTERVAL
    text = str(words).strip()
    if re.fullmatch(r"[0-9]+", text):
        if int(text) < 1:
            raise UsageError("`checkpoint_every` is 0", hint="give a number of steps from 1 on")
        return Interval(steps=int(text))
    try:
        return Interval(seconds=seconds_of(text))
    except ValueError as error:
        raise UsageError(
            f"`checkpoint_every` is `{words}`",
            hint="give a number of steps, as 500, or a time, as 5m or 1h30m",
        ) from error


class Cadence:
    """Says when a checkpoint is due.

    Args:
        interval: The longest way between two.
    """

    def __init__(self, interval: Interval = USUAL_INTERVAL) -> None:
        self._interval = interval
        self._steps, self._last = 0, time.perf_counter()
        self.cost_seconds = 0.0  # of the last one, wherever it was spent

    def expect(self, num_bytes: int) -> None:
        """Takes a checkpoint to cost what one of this size does, until the first has shown it.

        Else the first one comes after the first epoch, which a short training never makes up for.
        """
        self.cost_seconds = num_bytes / EXPECTED_BYTES_PER_SECOND

    def is_due_after_step(self) -> bool:
        """Whether the longest way is done; called once a step."""
        self._steps += 1
        return self._is_over()

    def is_due_after_epoch(self) -> bool:
        """Whether enough was learned since the last one to be worth another."""
        return self._is_over() or self._waited() >= self.cost_seconds / SHARE

    def was_saved(self) -> None:
        """Begins the next way."""
        self._steps, self._last = 0, time.perf_counter()

    def _is_over(self) -> bool:
        steps, seconds = self._interval.steps, self._interval.seconds
        if steps is not None and self._steps >= steps:
            return True
        return seconds is not None and self._waited() >= seconds

    def _waited(self) -> float:
        return time.perf_counter() - self._last
