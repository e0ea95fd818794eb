"""A training that ends on time: epochs planned from measured steps, and held to while it runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convscope.errors import UsageError
from convscope.recipe import DecidedRecipe
from convscope.training.equipment import Equipment
from convscope.training.trial import Trial

SAFETY = 0.92  # share of the time that is planned with: no machine is equally fast all the time
FEWEST_STEPS = 3
MEASURED_SHARE = 0.03  # of the time that may be spent on measuring
MOST_SECONDS_MEASURED = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a training is on this machine.

    Attributes:
        step_seconds: One step of learning.
        validation_seconds: All validation images once.
        steps_per_epoch: Of learning.
        num_validation: Images.
    """

    step_seconds: float
    validation_seconds: float
    steps_per_epoch: int
    num_validation: int

    @property
    def epoch_seconds(self) -> float:
        """An epoch with its validation."""
        return self.steps_per_epoch * self.step_seconds + self.validation_seconds

    def testing_seconds(self, num_test: int) -> float:
        """Evaluating the test images."""
        return self.validation_seconds * num_test / max(1, self.num_validation)

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
        seconds: The whole time.
        reserve_seconds: For what comes after the last epoch.
    """

    at: float
    seconds: float
    reserve_seconds: float = 0.0

    @property
    def seconds_left(self) -> float:
        """Until the last epoch has to end."""
        return self.at - time.monotonic() - self.reserve_seconds

    def epochs_that_fit(self, history: Sequence[Mapping[str, float]], *, planned: int) -> int:
        """How many epochs there can be in all, those of the history included.

        In the first half of the time the plan stands: a few slow epochs say little.

        Args:
            history: One row an epoch so far, at least one.
            planned: Not more than these.
        """
        if self.seconds_left > self.seconds / 2:
            return planned
        seconds = statistics.median(row["epoch_seconds"] for row in history)
        more = max(0, int(self.seconds_left / max(seconds, 1e-9)))
        return min(planned, len(history) + more)


def measure_pace(recipe: DecidedRecipe, equipment: Equipment, *, seconds: float) -> Pace:
    """Measures some steps and some validation; the network is afterwards as it was before.

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
    step_seconds = [
        _step_seconds(recipe, equipment, epoch, limit / len(epochs)) for epoch in epochs
    ]
    num_validation = equipment.validation_batches.num_images
    with Trial(recipe, equipment) as trial:
        began = time.perf_counter()
        images = trial.validate(seconds=limit)
        validation_seconds = time.perf_counter() - began
    return Pace(
        step_seconds=sum(step_seconds) / len(step_seconds),
        validation_seconds=validation_seconds * num_validation / max(1, images),
        steps_per_epoch=len(equipment.train_batches),
        num_validation=num_validation,
    )


def _step_seconds(
    recipe: DecidedRecipe, equipment: Equipment, epoch: int, limit_seconds: float
) -> float:
    with Trial(recipe, equipment, epoch=epoch) as trial:
        trial.step(0, factor=0.0)  # the first one allocates
        began, steps = time.perf_counter(), 0
        while steps < FEWEST_STEPS or time.perf_counter() - began < limit_seconds:
            trial.step(steps + 1, factor=0.0)
            steps += 1
        return (time.perf_counter() - began) / steps
