"""The learning-rate finder: a sweep over learning rates that leaves no trace in the training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

from convscope.errors import TrainingError, UsageError
from convscope.progress import Reporter
from convscope.recipe import ResolvedRecipe
from convscope.short_repr import Shown, short_repr
from convscope.training.autotune.dry_run import DryRun
from convscope.training.setup import Setup

SWEEP_STEPS = 100
# Around the default learning rate of the optimizer: it is never wrong by more than this.
LOWEST_SHARE, HIGHEST_SHARE = 1e-4, 1e3

# An average over about (1 + 0.85) / (1 - 0.85) = 12 steps: a single batch's noise becomes less than
# a third, and the average trails the losses by 6 steps, well under half a decade of a sweep with 14
# steps a decade. With 0.98, as is common, it would trail by more than the width of a whole valley.
KEPT = 0.85
SETTLED_STEPS = 10  # from here on the average is over about as many steps as it is to be over

FALLEN = 0.9  # share of the fall in loss after which it is nearly as low as it gets
SHARE = 0.5  # of the learning rate at that place is chosen
BEGINNING = 4  # the first of so many equal parts of the way to the lowest loss is the beginning
LEAST_SHARE = 0.01  # of the loss that a fall has to be, however smooth the curve
DIVERGED = 4.0  # times the lowest loss: far more than any noise


@dataclass(frozen=True, slots=True)
class LearningRateSearch(Shown):
    """What a sweep over learning rates found.

    Attributes:
        curve: The loss at each learning rate.
        choice: The learning rate for this training, with the reason.
        title: Title of the picture: network, optimizer, batch size.
    """

    curve: LearningRateCurve
    choice: LearningRateChoice
    title: str

    __repr__ = short_repr

    @property
    def rate(self) -> float:
        """The learning rate for this training: the highest of its schedule."""
        return self.choice.rate

    def draw(self) -> Any:
        """The sweep as a figure of matplotlib."""
        # Here, as only a picture needs matplotlib, which takes a while to import.
        from convscope.figures.training import draw_learning_rate

        return draw_learning_rate(
            self.curve.rates,
            self.curve.losses,
            self.curve.smoothed,
            chosen=self.choice.rate,
            steepest=self.choice.steepest,
            lowest=self.choice.lowest,
            title=self.title,
        )

    def save(self, path: str | Path) -> None:
        """Draws the sweep into a picture, `.svg` or `.png`.

        Raises:
            UsageError: The picture has another suffix.
            RunError: It can't be written.
        """
        from convscope.figures.style import save_figure

        save_figure(self.draw(), Path(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], *, title: str) -> LearningRateSearch:
        """The search that `to_dict` described."""
        losses = [math.nan if loss is None else float(loss) for loss in content["losses"]]
        curve = LearningRateCurve(tuple(content["rates"]), tuple(losses))
        return cls(curve, curve.choose(), title)

    def to_dict(self) -> dict[str, Any]:
        """The search, ready for JSON."""
        return {
            "rate": self.choice.rate,
            "reason": self.choice.reason,
            "rates": list(self.curve.rates),
            "losses": [loss if math.isfinite(loss) else None for loss in self.curve.losses],
        }


def search_learning_rate(setup: Setup, reporter: Reporter) -> LearningRateSearch:
    """Sweeps the learning rate from far too low to far too high, until the loss explodes.

    Source: Smith 2017, Cyclical learning rates, section 3.3.

    Args:
        setup: The learning rates to try lie around its recipe's `lr`; its network is the same
            afterwards.
        reporter: Shows progress.

    Raises:
        TrainingError: The loss falls at no learning rate.
    """
    recipe = setup.recipe
    rates = learning_rates_to_try(recipe.lr * LOWEST_SHARE, recipe.lr * HIGHEST_SHARE, SWEEP_STEPS)
    losses: list[float] = []
    with (
        DryRun(setup) as dry_run,
        reporter.task("looking for a learning rate", len(rates)) as task,
    ):
        for number, rate in enumerate(rates):
            losses.append(dry_run.step(number, factor=rate / recipe.lr))
            task.advance(1)
            if is_diverging(losses):
                break
    curve = LearningRateCurve(tuple(rates[: len(losses)]), tuple(losses))
    return LearningRateSearch(curve, curve.choose(), sweep_title(recipe))


def sweep_title(recipe: ResolvedRecipe) -> str:
    """The title of the picture of a sweep: network, optimizer, batch size."""
    return f"{recipe.model}, {recipe.opt}, batches of {recipe.batch_size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateChoice:
    """The learning rate to train with.

    Attributes:
        rate: The highest learning rate of a schedule that climbs to it and falls from it.
        reason: Why this one was chosen, in words.
        steepest: The learning rate at which the smoothed loss falls fastest.
        lowest: The learning rate at which the smoothed loss is lowest.
        diverges: The learning rate from which on the smoothed loss is higher than at the
            beginning, or non-finite; None where the sweep didn't come so far.
    """

    rate: float
    reason: str
    steepest: float
    lowest: float
    diverges: float | None

    __repr__ = short_repr


@dataclass(frozen=True, slots=True)
class LearningRateCurve:
    """The losses that a sweep measured.

    Attributes:
        rates: Learning rates of the steps, each higher than the last by the same factor.
        losses: Losses of the steps' batches.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    __repr__ = short_repr

    @property
    def smoothed(self) -> tuple[float, ...]:
        """The losses' exponential moving average; non-finite from the first non-finite loss on.

        It averages losses, not their logarithms: with those, single lucky batches count too much.
        """
        return _smoothed(self.losses)

    def choose(self) -> LearningRateChoice:
        """Half of the learning rate at which nine tenths of the fall in loss are done.

        This is for the peak of a schedule, not for a constant rate: it may be high, but training
        stays near it for many steps, where the sweep only passed by. A rate that is twice too low
        costs little, one that is twice too high may cost everything: behind the lowest loss there
        often is a cliff. So the choice keeps some distance from it, and the half undoes most of
        the moving average's trail.

        Departs: fastai's `lr_find` takes the middle of the longest valley, which begins where the
        loss hardly falls yet: often several times too low. The steepest place and the lowest are
        at the mercy of single batches, the lowest on a flat ground above all. Nine tenths of the
        fall are a level, and where the curve comes down to a level moves little.

        Raises:
            TrainingError: The loss falls at no learning rate.
        """
        smoothed = self._finite()
        low = smoothed.index(min(smoothed))
        began = fmean(self.losses[: _beginning(low)])
        fall = began - smoothed[low]
        self._check_fall(began, fall, low)
        fallen = self._rate_at(began - FALLEN * fall, until=low)
        drops = [smoothed[max(0, i - 2)] - smoothed[min(low, i + 2)] for i in range(low + 1)]
        steepest = self.rates[drops.index(max(drops))]
        diverges = self._first_above(began, after=low)
        rate = float(f"{SHARE * fallen:.3g}")
        which = "half of" if rate >= self.rates[0] else "the lowest that was tried, below"
        back = "" if diverges is None else f", and is back where it began at {diverges:.2g}"
        if low == len(self.rates) - 1:
            back = ", the highest that was tried: a higher one may be better still"
        return LearningRateChoice(
            rate=max(self.rates[0], rate),
            reason=f"{which} {fallen:.2g}, where nine tenths of the fall in loss from {began:.3g} "
            f"to {smoothed[low]:.3g} are done; the loss falls fastest at {steepest:.2g}, is "
            f"lowest at {self.rates[low]:.2g}{back}",
            steepest=steepest,
            lowest=self.rates[low],
            diverges=diverges,
        )

    def _finite(self) -> tuple[float, ...]:
        """The smoothed losses before the first non-finite one.

        Raises:
            TrainingError: There is none.
        """
        smoothed = self.smoothed
        count = next((i for i, loss in enumerate(smoothed) if not math.isfinite(loss)), None)
        if count == 0:
            raise TrainingError(
                f"the loss is {self.losses[0]} before the first step, so no learning rate helps",
                hint="look for damaged images with `convscope check`, and at the network's weights",
            )
        return smoothed[:count]

    def _check_fall(self, began: float, fall: float, low: int) -> None:
        """Refuses a fall that may be noise.

        Raises:
            TrainingError: It is not more than two standard errors of the mean at the beginning,
                and one batch's spread for the lowest of so many averages that noise alone gives.
        """
        losses = self.losses[: max(low + 1, SETTLED_STEPS)]
        pairs = pairwise(loss for loss in losses if math.isfinite(loss))
        jumps = [abs(after - before) for before, after in pairs]
        noise = median(jumps) if jumps else 0.0  # close to the standard deviation of a batch's loss
        least = noise * (1 + 2 / math.sqrt(_beginning(low)))
        if fall > max(least, LEAST_SHARE * abs(began)):
            return
        raise TrainingError(
            "the loss did not fall at any learning rate from "
            f"{self.rates[0]:.2g} to {self.rates[-1]:.2g}: it began at "
            f"{began:.3g} and was at best {began - fall:.3g}, where batches differ by {noise:.2g}",
            hint="give one with `--lr`, or a larger `--batch-size` so that batches differ less; "
            "if that doesn't train either, look at the images with `convscope check`",
        )

    def _first_above(self, level: float, *, after: int) -> float | None:
        later = zip(self.rates[after:], self.smoothed[after:], strict=True)
        # `not <=` also finds NaN
        return next((rate for rate, loss in later if not loss <= level), None)

    def _rate_at(self, level: float, *, until: int) -> float:
        """Where the smoothed loss, up to a step, comes down to a level.

        Noise may take it there several times. Of the sorted losses exactly one neighbour is above
        the level and the next is not; between them the loss is a straight line over the logarithm
        of the rate.
        """
        falling = sorted(self.smoothed[: until + 1], reverse=True)
        step = next(i for i, loss in enumerate(falling) if loss <= level)
        if step == 0:
            return self.rates[0]
        share = (falling[step - 1] - level) / (falling[step - 1] - falling[step])
        before, after = self.rates[step - 1], self.rates[step]
        return before * math.exp(share * math.log(after / before))


def is_diverging(losses: Sequence[float]) -> bool:
    """Whether a sweep can stop: all higher rates are too high.

    That is so when a loss is non-finite, or the smoothed loss is above where it began and above 4
    times its lowest. Single losses and the first ten steps decide nothing: the losses of a network
    that is trained already differ that much from batch to batch.

    Args:
        losses: Losses of the steps so far.
    """
    if losses and not math.isfinite(losses[-1]):
        return True
    settled = _smoothed(losses)[SETTLED_STEPS - 1 :]
    return len(settled) > 1 and settled[-1] > max(settled[0], DIVERGED * min(settled))


def learning_rates_to_try(lowest: float, highest: float, steps: int) -> tuple[float, ...]:
    """The rates of a sweep, each higher than the one before by the same factor.

    Args:
        lowest: The first learning rate.
        highest: The last learning rate.
        steps: Number of learning rates.

    Raises:
        UsageError: The rates don't increase, or there are fewer than two.
    """
    if not 0 < lowest < highest < math.inf or steps < 2:
        raise UsageError(
            f"no sweep has {steps} learning rates from {lowest:g} to {highest:g}",
            hint="it needs 2 or more, from one above 0 to a higher one",
        )
    factor = highest / lowest
    return (*(lowest * factor ** (i / (steps - 1)) for i in range(steps - 1)), highest)


def _beginning(low: int) -> int:
    """How many steps count as the beginning, where the loss is lowest at step `low`."""
    return max(1, low // BEGINNING)


def _smoothed(losses: Sequence[float]) -> tuple[float, ...]:
    """The exponential moving average, divided by the sum of its weights so far.

    Source: Kingma and Ba 2015, Adam, section 3, for the division.
    """
    average, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = KEPT * average + (1 - KEPT) * loss
        smoothed.append(average / (1 - KEPT**step))
    return tuple(smoothed)
