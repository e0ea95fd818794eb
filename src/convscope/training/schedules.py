"""Schedules: the learning rate as a fraction of its highest value, a pure function of the step.

The plateau schedule is a function of the validation losses so far too, which a checkpoint holds; so
no schedule has state of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convscope.recipe import ResolvedRecipe, Sched

ONE_CYCLE_START = 1 / 25
LOWER_BY = 1e-4  # the share by which a loss has to fall to count as lower


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The course of the learning rate over a training.

    Attributes:
        name: One of the recipe's `sched`.
        total_steps: Number of steps of the training.
        warmup_steps: Number of steps in which the rate climbs to its highest value.
        steps_per_epoch: Number of steps of an epoch.
        step_epochs: Epochs between decays.
        milestones: Epochs after which there is a decay.
        gamma: Factor of a decay, which `exponential` has in each epoch.
        plateau_epochs: Epochs without a lower loss after which there is a decay.
        final_share: Final rate, as a fraction of the highest.
    """

    name: Sched
    total_steps: int
    warmup_steps: int = 0
    steps_per_epoch: int = 1
    step_epochs: int = 1
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    plateau_epochs: int = 1
    final_share: float = 0.0

    def factor(self, step: int, losses: Sequence[float] = ()) -> float:
        """The learning rate of a step, as a fraction of the highest.

        Args:
            step: Step, from 0.
            losses: Validation losses of the epochs so far.
        """
        if self.name == "one-cycle":  # its climb belongs to its form
            return self._one_cycle(step)
        climbed = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return climbed * _COURSES[self.name](self, step, losses)

    def _constant(self, step: int, losses: Sequence[float]) -> float:
        return 1.0

    def _step(self, step: int, losses: Sequence[float]) -> float:
        return self.gamma ** (step // self.steps_per_epoch // self.step_epochs)

    def _multi_step(self, step: int, losses: Sequence[float]) -> float:
        epoch = step // self.steps_per_epoch
        return self.gamma ** sum(epoch >= milestone for milestone in self.milestones)

    def _exponential(self, step: int, losses: Sequence[float]) -> float:
        return self.gamma ** (step // self.steps_per_epoch)

    def _plateau(self, step: int, losses: Sequence[float]) -> float:
        best, waited, reductions = math.inf, 0, 0
        for loss in losses:
            waited += 1
            if loss < best * (1 - LOWER_BY):
                best, waited = loss, 0
            if waited == self.plateau_epochs:
                reductions, waited = reductions + 1, 0
        return max(self.final_share, self.gamma**reductions)

    def _cosine(self, step: int, losses: Sequence[float]) -> float:
        """Source: Loshchilov and Hutter 2017, equation 5 without restarts."""
        return _cosine_between(1.0, self.final_share, self._share_after_warmup(step))

    def _one_cycle(self, step: int) -> float:
        """Source: Smith and Topin 2018, in the form with cosine for both halves."""
        if step < self.warmup_steps:
            return _cosine_between(ONE_CYCLE_START, 1.0, step / self.warmup_steps)
        return _cosine_between(1.0, self.final_share, self._share_after_warmup(step))

    def _share_after_warmup(self, step: int) -> float:
        share = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        return min(1.0, max(0.0, share))


_COURSES: dict[str, Callable[[Schedule, int, Sequence[float]], float]] = {
    "constant": Schedule._constant,
    "step": Schedule._step,
    "multi-step": Schedule._multi_step,
    "exponential": Schedule._exponential,
    "plateau": Schedule._plateau,
    "cosine": Schedule._cosine,
}


def schedule_of(recipe: ResolvedRecipe, *, epochs: int, steps_per_epoch: int) -> Schedule:
    """The schedule that a recipe asks for, over some epochs."""
    return Schedule(
        name=recipe.sched,
        total_steps=epochs * steps_per_epoch,
        warmup_steps=round(recipe.warmup_epochs * steps_per_epoch),
        steps_per_epoch=steps_per_epoch,
        step_epochs=recipe.step_epochs or 1,
        milestones=recipe.milestones or (),
        gamma=recipe.gamma or 1.0,
        plateau_epochs=recipe.plateau_epochs or 1,
        final_share=recipe.final_lr or 0.0,
    )


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
