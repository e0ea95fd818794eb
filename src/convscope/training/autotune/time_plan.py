"""The plan of a training with `--time`: as many epochs as there is time for, if there is any."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from convscope.errors import UsageError
from convscope.recipe import Recipe, seconds_of
from convscope.recipe.types import MAX_EPOCHS
from convscope.text import counted, duration_text
from convscope.training.autotune.forecast import Forecast, alternatives
from convscope.training.autotune.time_budget import (
    NEXT_START,
    Deadline,
    Pace,
    measure_pace,
    measuring_seconds,
)
from convscope.training.freezing import freeze
from convscope.training.phases import Phases
from convscope.training.setup import Setup
from convscope.training.training_data import TrainingData

OVERTIME_SHARE = 0.1  # of the time; a training that takes so much more is begun all the same
OFFERS = 3
LONG_SECONDS, ROUNDED_TO, ROUNDED_TO_LONG = 600, 30, 300  # of a time that is offered


class EpochPlan(NamedTuple):
    """A number of epochs for which there is time.

    Attributes:
        epochs: The number of epochs, those of the head alone included.
        pace: What it was found by.
        limit: What is to be said of a number that the time alone doesn't explain, or "".
    """

    epochs: int
    pace: Pace
    limit: str

    @property
    def description(self) -> str:
        """The plan, for people."""
        return f"{counted(self.epochs, 'epoch')} at {self.pace.description}{self.limit}"

    def to_dict(self) -> dict[str, Any]:
        """The plan, ready for JSON."""
        return {
            "epochs": self.epochs,
            "step_seconds": self.pace.step_seconds,
            "epoch_seconds": self.pace.epoch_seconds,
        }


def plan_epochs(
    setup: Setup, foreseen: Forecast, deadline: Deadline, *, most: int | None
) -> EpochPlan:
    """As many epochs as there is time for; features of frozen layers are there by now.

    Args:
        setup: The setup of the training.
        foreseen: The forecast of its training, or of one of all layers.
        deadline: When it has to end.
        most: The largest number of epochs; None for the largest there is.
    """
    pace, limit_seconds = foreseen.pace, measuring_seconds(deadline.seconds_left)
    is_measured = setup.recipe.tune == foreseen.setup.recipe.tune
    if setup.trained_part is not setup.network or not is_measured:
        pace = measure_pace(setup, limit_seconds=limit_seconds)
    head, head_epochs, head_seconds = setup.head_first, setup.recipe.head_epochs or 0, 0.0
    if head is not None:
        freeze(head.network, head.recipe.tune)
        head_pace = measure_pace(head, limit_seconds=limit_seconds)
        freeze(setup.network, setup.recipe.tune)
        head_seconds = head_epochs * head_pace.epoch_seconds
    left = deadline.seconds_left - head_seconds
    epochs = head_epochs + pace.epochs_in(left)
    epochs = min(epochs, MAX_EPOCHS if most is None else most)
    epochs = int(setup.processes.broadcast(str(epochs).encode()))
    return EpochPlan(epochs, pace, pace.limit_text(epochs, left))


def check_time(
    recipe: Recipe,
    given: str,
    foreseen: Forecast,
    data: TrainingData,
    *,
    deadline: Deadline,
    phases: Phases,
) -> None:
    """Refuses a training that takes longer than its time even with a single epoch.

    Args:
        recipe: The recipe, in which it is known which layers are trained.
        given: The time as the user gave it.
        foreseen: The forecast of the training, or of one of all layers.
        data: The images.
        deadline: When the training has to end.
        phases: What time went into so far.

    Raises:
        UsageError: It does; the hint says what fits.
    """
    features_seconds = foreseen.features_seconds
    needed = features_seconds + foreseen.epoch_seconds(recipe.tune)
    left = deadline.seconds_left
    is_short = needed > left + OVERTIME_SHARE * seconds_of(given)
    if not foreseen.setup.processes.broadcast_decision(is_short):
        return
    network = f"`{foreseen.setup.recipe.model}` at {foreseen.setup.recipe.img_size} px"
    what = f"an epoch of {network}"
    if features_seconds > needed / 2:
        what = f"computing the features of {network}"
    raise UsageError(
        f"`time` of {given} is too short: {what} takes about {duration_text(needed)}, and "
        f"{duration_text(max(0.0, left))} are left: {phases.longest}, evaluation and report take "
        f"about {duration_text(deadline.reserve_seconds)}",
        hint=_way_out(recipe, given, foreseen, data, left=left, missing=needed - left),
    )


def _way_out(
    recipe: Recipe,
    given: str,
    foreseen: Forecast,
    data: TrainingData,
    *,
    left: float,
    missing: float,
) -> str:
    """The time that would do, and what fits into the time that there is."""
    enough = seconds_of(given) + missing
    unit = ROUNDED_TO if enough < LONG_SECONDS else ROUNDED_TO_LONG
    enough = math.ceil(enough / unit) * unit
    hint = f"`--time {_time_flag(enough)}` would do"
    if left <= 0:
        return hint + NEXT_START
    fitting = [
        f"{each.text} (about {duration_text(each.seconds)})"
        for each in alternatives(recipe, foreseen, data, seconds=left)
        if each.seconds <= left
    ][:OFFERS]
    return f"{hint}; what fits into {given}: {', or '.join(fitting)}" if fitting else hint


def _time_flag(seconds: float) -> str:
    return f"{seconds / 60:.0f}m" if seconds % 60 == 0 else f"{seconds:.0f}s"
