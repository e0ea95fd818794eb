"""A training that ends on time: epochs planned from measured steps, and held to while it runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convscope.errors import UsageError
from convscope.recipe import DecidedRecipe
from convscope.training.cadence import SHARE
from convscope.training.equipment import Equipment
from convscope.training.trial import Trial

SAFETY = 0.92  # share of the time that is planned with: no machine is equally fast all the time
FEWEST_STEPS = 3
FEWEST_CYCLES = 3  # epochs from which on the plan may change: the first ones say little
MEASURING_FACTOR = 1e-3  # of the rate; at 0 an optimizer that searches along a line finds nothing
MEASURED_SHARE = 0.03  # of the time that may be spent on measuring
MOST_SECONDS_MEASURED = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a training is on this machine.

    Attributes:
        step_seconds: One step of learning.
        validation_seconds: All validation images once.
        image_seconds: Evaluating an image with the whole network.
        steps_per_epoch: Of learning.
    """

    step_seconds: float
    validation_seconds: float
    image_seconds: float
    steps_per_epoch: int

    @property
    def epoch_seconds(self) -> float:
        """An epoch with its validation and its share of the checkpoints."""
        learning = self.steps_per_epoch * self.step_seconds
        return (learning + self.validation_seconds) * (1 + SHARE)

    def epochs_in(self, seconds: float) -> int:
        """Epochs for which there is time; at least 1."""
        return max(1, int(seconds * SAFETY / self.epoch_seconds))

    @property
    def words(self) -> str:
        """The measurement, for people."""
        return f"{self.step_seconds * 1000:,.0f} ms a step, {self.epoch_seconds:,.1f} s an epoch"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a training has to end.

    Attributes:
        at: By `time.monotonic()`.
        reserve_seconds: For what comes after the last epoch.
    """

    at: float
    reserve_seconds: float = 0.0

    @property
    def seconds_left(self) -> float:
        """Until the last epoch has to end."""
        return self.at - time.monotonic() - self.reserve_seconds

    def sooner(self, seconds: float) -> Deadline:
        """The deadline of a training that has taken so many seconds before."""
        return replace(self, at=self.at - seconds)

    def epochs_that_fit(self, cycles: Sequence[float], *, done: int, planned: int) -> int:
        """How many epochs there can be in all.

        Args:
            cycles: Seconds of whole epochs, validation and checkpoint included.
            done: Epochs so far.
            planned: Not more than these.
        """
        if len(cycles) < FEWEST_CYCLES:
            return planned
        more = max(0, int(self.seconds_left / max(statistics.median(cycles), 1e-9)))
        return min(planned, done + more)


def measure_pace(recipe: DecidedRecipe, equipment: Equipment, *, seconds: float) -> Pace:
    """Measures some steps and some validation; nothing is left of them.

    Args:
        recipe: Says how a step is taken.
        equipment: What a step needs.
        seconds: The whole budget; a small share of it is spent here.

    Raises:
        UsageError: The budget is used up.
    """
    if seconds <= 0:
        raise UsageError(
            "`time` was over before the first step: looking at the images took all of it",
            hint="give more time; the next start finds the images prepared",
        )
    limit = min(MOST_SECONDS_MEASURED, seconds * MEASURED_SHARE)
    epochs = [0]
    if recipe.train_sizes is not None or recipe.unfreeze_epochs is not None:
        epochs = [0, recipe.epochs // 2, recipe.epochs - 1]  # they get slower
    measured = [_step_seconds(recipe, equipment, epoch, limit / len(epochs)) for epoch in epochs]
    with Trial(recipe, equipment) as trial:
        trial.step(0, factor=MEASURING_FACTOR)  # fills the optimizer's state
        learner_seconds = trial.validation_seconds(equipment.learner, limit_seconds=limit)
        network_seconds = trial.validation_seconds(equipment.network, limit_seconds=limit)
    return Pace(
        step_seconds=sum(measured) / len(measured),
        validation_seconds=learner_seconds * equipment.validation_batches.num_images,
        image_seconds=network_seconds,
        steps_per_epoch=len(equipment.train_batches),
    )


def _step_seconds(
    recipe: DecidedRecipe, equipment: Equipment, epoch: int, limit_seconds: float
) -> float:
    with Trial(recipe, equipment, epoch=epoch) as trial:
        trial.step(0, factor=MEASURING_FACTOR)  # the first one allocates
        began, steps = time.perf_counter(), 0
        while equipment.processes.first_says(
            steps < FEWEST_STEPS or time.perf_counter() - began < limit_seconds
        ):
            trial.step(steps + 1, factor=MEASURING_FACTOR)
            steps += 1
        return (time.perf_counter() - began) / steps
