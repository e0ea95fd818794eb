"""A training that ends on time: epochs planned from measured steps, and held to while it runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convscope.errors import UsageError
from convscope.recipe.types import MAX_EPOCHS
from convscope.training.autotune.dry_run import DryRun
from convscope.training.runs.log import SHARE
from convscope.training.setup import Setup

SAFETY = 0.92  # share of the time that is planned with: no machine is equally fast all the time
FEWEST_STEPS = 3
FEWEST_CYCLES = 3  # epochs from which on the plan may change: the first ones say little
MEASURING_FACTOR = 1e-3  # share of the learning rate; at 0 a line search finds nothing
MEASURED_SHARE = 0.03  # share of the time that may be spent on measuring
MOST_SECONDS_MEASURED = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a training is on this machine.

    Attributes:
        step_seconds: Seconds of one optimizer step.
        validation_seconds: Seconds for all validation images.
        image_seconds: Seconds in which the whole network evaluates an image.
        steps_per_epoch: Number of optimizer steps in an epoch.
    """

    step_seconds: float
    validation_seconds: float
    image_seconds: float
    steps_per_epoch: int

    @property
    def epoch_seconds(self) -> float:
        """Seconds of an epoch with its validation and its share of the checkpoints."""
        steps_seconds = self.steps_per_epoch * self.step_seconds
        return (steps_seconds + self.validation_seconds) * (1 + SHARE)

    def epochs_in(self, seconds: float) -> int:
        """Number of epochs for which there is time; at least 1, at most what a recipe takes."""
        return min(MAX_EPOCHS, max(1, int(seconds * SAFETY / self.epoch_seconds)))

    def limit_text(self, epochs: int, seconds: float) -> str:
        """What is to be said of a number of epochs that the time alone doesn't explain, or ""."""
        if self.epoch_seconds > seconds * SAFETY:
            return "; a single one takes longer than there is time"
        return "; a training has no more" if epochs == MAX_EPOCHS else ""

    @property
    def description(self) -> str:
        """The measurement, for people."""
        return f"{self.step_seconds * 1000:,.0f} ms a step, {self.epoch_seconds:,.1f} s an epoch"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a training has to end.

    Attributes:
        at: The moment, by `time.monotonic()`.
        reserve_seconds: Seconds kept for the evaluation after the last epoch.
    """

    at: float
    reserve_seconds: float = 0.0

    @property
    def seconds_left(self) -> float:
        """Seconds until the last epoch has to end."""
        return self.at - time.monotonic() - self.reserve_seconds

    def sooner(self, seconds: float) -> Deadline:
        """The deadline of a training that has run for some seconds before."""
        return replace(self, at=self.at - seconds)

    def epochs_that_fit(self, cycles: Sequence[float], *, done: int, planned: int) -> int:
        """Number of epochs that there can be in all.

        Args:
            cycles: Seconds of whole epochs, validation and checkpoint included.
            done: Number of epochs so far.
            planned: The largest number of epochs.
        """
        if len(cycles) < FEWEST_CYCLES:
            return planned
        more = max(0, int(self.seconds_left / max(statistics.median(cycles), 1e-9)))
        return min(planned, done + more)


def measure_pace(setup: Setup, *, seconds: float) -> Pace:
    """Measures some steps and some validation in dry runs.

    Args:
        setup: What a step needs; its network is the same afterwards.
        seconds: The whole budget; a small share of it is spent here.

    Raises:
        UsageError: The budget is used up.
    """
    if seconds <= 0:
        raise UsageError(
            "`time` was over before the first step: reading the images took all of it",
            hint="give more time; the next start finds the images prepared",
        )
    limit = min(MOST_SECONDS_MEASURED, seconds * MEASURED_SHARE)
    recipe, epochs = setup.recipe, [0]
    if recipe.train_sizes is not None or recipe.unfreeze_epochs is not None:
        epochs = [0, recipe.epochs // 2, recipe.epochs - 1]  # they get slower
    measured = [_step_seconds(setup, epoch, limit / len(epochs)) for epoch in epochs]
    with DryRun(setup) as dry_run:
        dry_run.step(0, factor=MEASURING_FACTOR)  # fills the optimizer's state
        trained_seconds = dry_run.validation_seconds(setup.trained_part, limit_seconds=limit)
        network_seconds = dry_run.validation_seconds(setup.network, limit_seconds=limit)
    return Pace(
        step_seconds=sum(measured) / len(measured),
        validation_seconds=trained_seconds * setup.validation_batches.num_images,
        image_seconds=network_seconds,
        steps_per_epoch=len(setup.train_batches),
    )


def _step_seconds(setup: Setup, epoch: int, limit_seconds: float) -> float:
    with DryRun(setup, epoch=epoch) as dry_run:
        dry_run.step(0, factor=MEASURING_FACTOR)  # the first one allocates
        began, steps = time.perf_counter(), 0
        while setup.processes.broadcast_decision(
            steps < FEWEST_STEPS or time.perf_counter() - began < limit_seconds
        ):
            dry_run.step(steps + 1, factor=MEASURING_FACTOR)
            steps += 1
        return (time.perf_counter() - began) / steps
