"""How long a training will take, said once: as soon as its first steps have shown it."""

from __future__ import annotations

import time

from convscope.progress import Reporter
from convscope.text import counted, duration_text
from convscope.training.frozen_features import DEFAULT_VIEWS
from convscope.training.runs.state import TrainingState
from convscope.training.setup import Setup

WORTH_SAYING_SECONDS = 30.0  # a shorter training is over before the sentence is read
SURE_AFTER_SECONDS = 4.0  # of steps, or after `SURE_AFTER_STEPS`
SURE_AFTER_STEPS = 10
VALIDATION_SHARE = 1 / 3  # of the time of a train image: without its way back


class DurationEstimate:
    """Measures the first steps of a phase, and says what all of its epochs will take.

    The very first step doesn't count: it allocates memory.

    Args:
        setup: The setup of the phase.
        reporter: Says it.
    """

    def __init__(self, setup: Setup, reporter: Reporter) -> None:
        self._setup, self._reporter = setup, reporter
        self._began: float | None = None
        self._steps = 0
        self._is_said = False

    def after_step(self, state: TrainingState) -> None:
        """Counts a step; says the estimate once it is sure enough."""
        if self._is_said:
            return
        if self._began is None:
            self._began = time.perf_counter()
            return
        self._steps += 1
        seconds = time.perf_counter() - self._began
        # A GPU is given many steps before it has done the first.
        are_enough = self._steps >= SURE_AFTER_STEPS and self._is_on_cpu
        if seconds < SURE_AFTER_SECONDS and not are_enough:
            return
        self._is_said = True
        num_train = self._setup.train_batches.num_images
        num_validation = self._setup.validation_batches.num_images
        image_seconds = seconds / self._steps * len(self._setup.train_batches) / num_train
        epoch_seconds = image_seconds * (num_train + VALIDATION_SHARE * num_validation)
        epochs = state.epochs - state.epoch
        if epochs * epoch_seconds >= WORTH_SAYING_SECONDS:
            self._reporter.say(
                f"about {duration_text(epochs * epoch_seconds)}: {counted(epochs, 'epoch')} of "
                f"{duration_text(epoch_seconds)}" + self._quicker(image_seconds * VALIDATION_SHARE)
            )

    @property
    def _is_on_cpu(self) -> bool:
        return self._setup.device.torch.type == "cpu"

    def _quicker(self, evaluation_seconds: float) -> str:
        """What would be quicker, where something would.

        Args:
            evaluation_seconds: Seconds in which the network evaluates an image.
        """
        if self._setup.recipe.tune != "all" or not self._is_on_cpu:
            return ""
        if self._setup.recipe.is_from_scratch:
            return "; a pretrained network is trained sooner: leave out `--model` and `--weights`"
        num_images = DEFAULT_VIEWS * self._setup.train_batches.num_images
        num_images += self._setup.validation_batches.num_images
        seconds = duration_text(num_images * evaluation_seconds)
        return f"; `--tune head` trains the last layer alone, in about {seconds}"
