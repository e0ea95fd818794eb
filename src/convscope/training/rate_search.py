"""The search for a learning rate: a sweep over rates that leaves no trace in the training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convscope.progress import Reporter
from convscope.recipe import DecidedRecipe
from convscope.training.equipment import Equipment
from convscope.training.rate_curve import RateChoice, RateCurve, is_diverging, rates_to_try
from convscope.training.trial import Trial

SWEEP_STEPS = 100
# Around the rate that the optimizer usually gets: it is never wrong by more than this.
LOWEST_SHARE, HIGHEST_SHARE = 1e-4, 1e3


@dataclass(frozen=True, slots=True)
class RateSearch:
    """What a sweep over learning rates found.

    Attributes:
        curve: The loss at each rate.
        choice: The rate for this training, with the reason.
        words: What was trained on what, for the picture.
    """

    curve: RateCurve
    choice: RateChoice
    words: str

    @property
    def rate(self) -> float:
        """The rate for this training: the highest of its schedule."""
        return self.choice.rate

    def save(self, path: str | Path) -> None:
        """Draws the sweep into a picture, `.svg` or `.png`.

        Raises:
            UsageError: The picture has another suffix.
            RunError: It can't be written.
        """
        # Here, as only a picture needs matplotlib, which takes a while to import.
        from convscope.figures.learning_rate import draw_learning_rate
        from convscope.figures.style import save_figure

        figure = draw_learning_rate(
            self.curve.rates,
            self.curve.losses,
            self.curve.smoothed,
            chosen=self.choice.rate,
            steepest=self.choice.steepest,
            lowest=self.choice.lowest,
            title=self.words,
        )
        save_figure(figure, Path(path))

    def to_dict(self) -> dict[str, Any]:
        """The search, ready for JSON."""
        return {
            "rate": self.choice.rate,
            "reason": self.choice.reason,
            "rates": list(self.curve.rates),
            "losses": [loss if math.isfinite(loss) else None for loss in self.curve.losses],
        }


def search_rate(recipe: DecidedRecipe, equipment: Equipment, reporter: Reporter) -> RateSearch:
    """Sweeps the rate from far too low to far too high, a batch each, until the loss explodes.

    Source: Smith 2017, Cyclical learning rates, section 3.3.

    Args:
        recipe: Its `lr` is where the rates to try lie around.
        equipment: The network is afterwards as it was before.
        reporter: Shows progress.

    Raises:
        TrainingError: The loss falls at no rate.
    """
    rates = rates_to_try(recipe.lr * LOWEST_SHARE, recipe.lr * HIGHEST_SHARE, SWEEP_STEPS)
    losses: list[float] = []
    with (
        Trial(recipe, equipment) as trial,
        reporter.task("looking for a learning rate", len(rates)) as task,
    ):
        for number, rate in enumerate(rates):
            losses.append(trial.step(number, factor=rate / recipe.lr))
            task.advance(1)
            if is_diverging(losses):
                break
    curve = RateCurve(tuple(rates[: len(losses)]), tuple(losses))
    words = f"{recipe.model}, {recipe.opt}, batches of {recipe.batch_size}"
    return RateSearch(curve, curve.choose(), words)
