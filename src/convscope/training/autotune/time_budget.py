"""A training that ends on time: epochs planned from measured steps, and held to while it runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convscope.errors import UsageError
from convscope.recipe import seconds_of
from convscope.recipe.types import MAX_EPOCHS
from convscope.training.autotune.dry_run import DryRun
from convscope.training.phases import STARTING, Phases
from convscope.training.runs.log import SHARE
from convscope.training.setup import Setup

SAFETY = 0.92  # share of the time that is planned with: no machine is equally fast all the time
FEWEST_CYCLES = 3  # epochs from which on the plan may change: the first ones say little
MEASURED_SHARE = 0.03  # share of the time that may be spent on measuring
MOST_SECONDS_MEASURED = 20.0
SECONDS_MEASURED = 1.0  # where no time was given
NEXT_START = "; the next start finds the images prepared"
REPORT_SECONDS = 5.0  # of evaluation and report, whatever the network


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

    def with_reserve(self, seconds: float) -> Deadline:
        """The deadline with more time kept for what comes after the last epoch."""
        return replace(self, reserve_seconds=self.reserve_seconds + seconds)

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


def begin_deadline(given: str, phases: Phases) -> Deadline:
    """The deadline of a training, with time for evaluation and report.

    These import and draw about as much as the start of the program did: where that took long, the
    machine is slow or busy.

    Args:
        given: The time as the recipe has it.
        phases: What time went into since the program was started.

    Raises:
        UsageError: The time is over.
    """
    reserve = max(REPORT_SECONDS, phases.seconds(STARTING))
    deadline = Deadline(phases.began + seconds_of(given), reserve)
    if deadline.seconds_left + reserve <= 0:
        raise UsageError(
            f"`time` was over before the first step: {phases.longest} of {given}",
            hint="give more time" + NEXT_START,
        )
    return deadline


def measuring_seconds(seconds: float | None) -> float:
    """Seconds that may be spent on measuring.

    Args:
        seconds: Seconds that there are; None for no such limit.
    """
    if seconds is None:
        return SECONDS_MEASURED
    return min(MOST_SECONDS_MEASURED, max(0.0, seconds) * MEASURED_SHARE)


def measure_pace(setup: Setup, *, limit_seconds: float) -> Pace:
    """Measures some steps and some validation in dry runs.

    Args:
        setup: What a step needs; its network is the same afterwards.
        limit_seconds: Seconds that steps, and validation, are measured for.
    """
    recipe, epochs = setup.recipe, [0]
    if recipe.train_sizes is not None or recipe.unfreeze_epochs is not None:
        epochs = [0, recipe.epochs // 2, recipe.epochs - 1]  # they get slower
    measured = [_step_seconds(setup, epoch, limit_seconds / len(epochs)) for epoch in epochs]
    with DryRun(setup) as dry_run:
        image_seconds = dry_run.validation_seconds(setup.network, limit_seconds=limit_seconds)
        trained_seconds = image_seconds
        if setup.trained_part is not setup.network:
            trained_seconds = dry_run.validation_seconds(
                setup.trained_part, limit_seconds=limit_seconds
            )
    return Pace(
        step_seconds=sum(measured) / len(measured),
        validation_seconds=trained_seconds * setup.validation_batches.num_images,
        image_seconds=image_seconds,
        steps_per_epoch=len(setup.train_batches),
    )


def _step_seconds(setup: Setup, epoch: int, limit_seconds: float) -> float:
    with DryRun(setup, epoch=epoch) as dry_run:
        return dry_run.step_seconds(limit_seconds=limit_seconds)
