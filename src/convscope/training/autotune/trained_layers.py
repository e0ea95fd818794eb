"""The choice whether all layers are trained after the head, from the measured time of a step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from convscope.recipe import Recipe
from convscope.text import duration_text
from convscope.training.autotune.forecast import Forecast
from convscope.training.autotune.time_budget import SAFETY, Deadline
from convscope.training.presets import default_tune_epochs, head_epochs_before

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
        features_seconds: Seconds that the features of the last layer take.
    """

    tune: str
    head_epochs: int | None
    epochs: int
    seconds: float
    features_seconds: float

    @property
    def sentence(self) -> str:
        """The choice, for people."""
        features = duration_text(self.features_seconds)
        if self.head_epochs is None:
            took = f"; all layers would take about {duration_text(self.seconds)} more"
            more = f"{took} (`--tune all`)" if self.seconds else ""
            return (
                "trains the last layer alone, on features that are computed once, in about "
                f"{features}{more}"
            )
        return (
            f"trains the last layer for {self.head_epochs} epochs, on features that are computed "
            f"once, in about {features}, then all layers for {self.epochs - self.head_epochs}, "
            f"about {duration_text(self.seconds)}; the better of the two is kept"
        )

    @property
    def of_recipe(self) -> dict[str, object]:
        """The fields of the recipe that are decided."""
        return {"tune": self.tune, "head_epochs": self.head_epochs, "epochs": self.epochs}

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


def choose_trained_layers(
    recipe: Recipe, foreseen: Forecast, deadline: Deadline | None
) -> TrainedLayers:
    """Chooses by the time that all layers take: a minute at most, or as long as there is.

    On a GPU it is all layers, unless there is too little time.

    Args:
        recipe: The recipe with `tune=auto`.
        foreseen: The forecast of its training.
        deadline: When the training has to end; None where no time was given.
    """
    head_epochs = head_epochs_before(recipe.epochs)
    features_seconds, epoch_seconds = foreseen.features_seconds, foreseen.pace.epoch_seconds
    if head_epochs is None:  # of a single epoch
        return TrainedLayers(
            tune="head",
            head_epochs=None,
            epochs=recipe.epochs or 1,
            seconds=0.0,
            features_seconds=features_seconds,
        )
    setup = foreseen.setup
    tune_epochs = default_tune_epochs(setup.image_batches.num_images)
    if recipe.epochs is not None:
        tune_epochs = recipe.epochs - head_epochs
    fits = setup.device.torch.type != "cpu" or tune_epochs * epoch_seconds <= MOST_SECONDS
    if deadline is not None:
        left = deadline.seconds_left - features_seconds
        tune_epochs = int(left * SAFETY / epoch_seconds)
        fits = tune_epochs >= FEWEST_EPOCHS
    fits = setup.processes.broadcast_decision(fits)
    tune_epochs = int(setup.processes.broadcast(str(tune_epochs).encode()))
    if not fits:
        return TrainedLayers(
            tune="head",
            head_epochs=None,
            epochs=recipe.epochs or head_epochs,
            seconds=max(FEWEST_EPOCHS, tune_epochs) * epoch_seconds,
            features_seconds=features_seconds,
        )
    return TrainedLayers(
        tune="all",
        head_epochs=head_epochs,
        epochs=head_epochs + tune_epochs,
        seconds=tune_epochs * epoch_seconds,
        features_seconds=features_seconds,
    )
