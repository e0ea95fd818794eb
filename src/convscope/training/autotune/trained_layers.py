"""The choice whether all layers are trained after the head, from the measured time of a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from convscope.recipe import Recipe
from convscope.text import duration_text
from convscope.training.autotune.dry_run import DryRun
from convscope.training.autotune.time_budget import MEASURING_FACTOR, SAFETY, Deadline
from convscope.training.estimate import VALIDATION_SHARE
from convscope.training.presets import head_epochs_before
from convscope.training.setup import Setup

MOST_SECONDS = 60.0  # that all layers may take where nobody said how long
FEWEST_EPOCHS = 2  # of all layers: in a single one the learning rate can't rise and fall


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedLayers:
    """Which layers a training trains.

    Attributes:
        tune: `head`, or `all` after the head.
        head_epochs: Number of epochs of the head before all layers; None where they aren't trained.
        epochs: Number of epochs in all.
        seconds: Seconds that all layers take, or would take.
    """

    tune: str
    head_epochs: int | None
    epochs: int
    seconds: float

    @property
    def sentence(self) -> str:
        """The choice, for people."""
        if self.head_epochs is None:
            return (
                "trains the last layer alone, on features that are computed once; all layers would "
                f"take about {duration_text(self.seconds)} more (`--tune all`)"
            )
        return (
            f"trains the last layer for {self.head_epochs} epochs, on features that are computed "
            f"once, then all layers for {self.epochs - self.head_epochs}, about "
            f"{duration_text(self.seconds)}; the better of the two is kept"
        )

    @property
    def of_recipe(self) -> dict[str, object]:
        """The fields of the recipe that are decided."""
        return {"tune": self.tune, "head_epochs": self.head_epochs, "epochs": self.epochs}

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


def choose_trained_layers(
    recipe: Recipe, build: Callable[[Recipe], Setup], deadline: Deadline | None
) -> TrainedLayers:
    """Chooses by the time that all layers take: a minute at most, or as long as there is.

    On a GPU it is all layers, unless there is too little time.

    Args:
        recipe: The recipe with `tune=auto`.
        build: Builds the setup of a recipe.
        deadline: When the training has to end; None where no time was given.
    """
    head_epochs = head_epochs_before(recipe.epochs)
    if head_epochs is None:  # of a single epoch
        return TrainedLayers(tune="head", head_epochs=None, epochs=recipe.epochs or 1, seconds=0.0)
    setup = build(recipe.model_copy(update={"tune": "all", "head_epochs": head_epochs}))
    tune_epochs = setup.recipe.epochs - head_epochs
    epoch_seconds = _epoch_seconds(setup)
    fits = setup.device.torch.type != "cpu" or tune_epochs * epoch_seconds <= MOST_SECONDS
    if deadline is not None:
        tune_epochs = int(deadline.seconds_left * SAFETY / epoch_seconds)
        fits = tune_epochs >= FEWEST_EPOCHS
    fits = setup.processes.broadcast_decision(fits)
    tune_epochs = int(setup.processes.broadcast(str(tune_epochs).encode()))
    if not fits:
        seconds = max(FEWEST_EPOCHS, tune_epochs) * epoch_seconds
        epochs = recipe.epochs or head_epochs
        return TrainedLayers(tune="head", head_epochs=None, epochs=epochs, seconds=seconds)
    return TrainedLayers(
        tune="all",
        head_epochs=head_epochs,
        epochs=head_epochs + tune_epochs,
        seconds=tune_epochs * epoch_seconds,
    )


def _epoch_seconds(setup: Setup) -> float:
    """Seconds of an epoch of all layers, from a single step after one that allocates."""
    with DryRun(setup) as dry_run:
        dry_run.step(0, factor=MEASURING_FACTOR)
        began = time.perf_counter()
        dry_run.step(1, factor=MEASURING_FACTOR)
        step_seconds = time.perf_counter() - began
    validation = setup.validation_image_batches.num_images / setup.image_batches.num_images
    return step_seconds * len(setup.train_batches) * (1 + VALIDATION_SHARE * validation)
