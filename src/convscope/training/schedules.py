"""Schedules: the learning rate as a share of its highest value, a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1e-4
ONE_CYCLE_WARMUP_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Schedule:
    """The course of the learning rate over a training.

    Attributes:
        name: `constant`, `cosine` or `one-cycle`.
        total_steps: Of the training.
        warmup_steps: In which the rate climbs to its highest value.
    """

    name: str
    total_steps: int
    warmup_steps: int

    def factor(self, step: int) -> float:
        """The share of the highest rate that step `step`, which counts from 0, takes."""
        return _SCHEDULES[self.name](self, step)

    def _constant(self, step: int) -> float:
        return 1.0

    def _cosine(self, step: int) -> float:
        """Source: Loshchilov and Hutter 2017, equation 5 without restarts; linear warm-up."""
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        return _cosine_between(1.0, 0.0, self._share_after_warmup(step))

    def _one_cycle(self, step: int) -> float:
        """Source: Smith and Topin 2018, in the form with cosine for both halves."""
        if step < self.warmup_steps:
            return _cosine_between(ONE_CYCLE_START, 1.0, step / self.warmup_steps)
        return _cosine_between(1.0, ONE_CYCLE_END, self._share_after_warmup(step))

    def _share_after_warmup(self, step: int) -> float:
        return (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)


_SCHEDULES: dict[str, Callable[[Schedule, int], float]] = {
    "constant": Schedule._constant,
    "cosine": Schedule._cosine,
    "one-cycle": Schedule._one_cycle,
}


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
