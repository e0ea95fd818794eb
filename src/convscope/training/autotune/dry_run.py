"""A dry run: some steps of a training that leave no trace in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial
from types import TracebackType

import torch
from torch import nn

from convscope.data.batch import Batch, Batches
from convscope.training.freezing import set_train_mode, unfreeze
from convscope.training.setup import Setup

MEASURING_FACTOR = 1e-3  # share of the learning rate; at 0 a line search finds nothing
FEWEST_STEPS = 3  # that are measured, where whole ones don't take too long
FEWEST_IMAGES = 2  # in a step of which time is all that counts


class DryRun:
    """Steps with an optimizer of their own; at the end weights and buffers are what they were.

    Whether layers are in training or evaluation mode is not restored: the trainer sets it anew.

    Args:
        setup: What a step needs.
        epoch: The epoch whose steps are taken: early ones may have smaller images or fewer layers.
    """

    def __init__(self, setup: Setup, *, epoch: int = 0) -> None:
        self._setup, self._epoch = setup, epoch
        self._batches = self._endless()

    def __enter__(self) -> DryRun:
        """Keeps a copy of the network's state."""
        setup, every = self._setup, self._setup.recipe.unfreeze_epochs
        network = setup.network
        self._state = {name: value.clone() for name, value in network.state_dict().items()}
        self._is_trained = [parameter.requires_grad for parameter in network.parameters()]
        self._train_step = setup.train_step(setup.make_optimizer())
        if every is not None:
            unfreeze(network, self._epoch, every=every)
        set_train_mode(setup.trained_part)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restores the network's state."""
        self._batches.close()  # it refers to this object, which it would outlive
        network = self._setup.network
        network.load_state_dict(self._state)
        for parameter, is_trained in zip(network.parameters(), self._is_trained, strict=True):
            parameter.requires_grad_(is_trained)
            parameter.grad = None

    def step(self, number: int, *, factor: float, batch: Batch | None = None) -> float:
        """Takes a step at a share of the recipe's learning rate; returns the loss before it.

        Args:
            number: Number of the step, from 0.
            factor: Share of the learning rate.
            batch: The batch of the step; None for the next one of the training.

        Raises:
            UsageError: The batch is too small for batch normalisation.
        """
        self._train_step.set_learning_rate(factor)
        try:
            metrics = self._train_step.take(batch or next(self._batches), number)
        except ValueError as error:
            if (explained := self._setup.explain_small_batches(error)) is None:
                raise
            raise explained from error
        return float(metrics.loss)

    def step_seconds(self, *, limit_seconds: float) -> float:
        """Seconds of a step, by whole ones, or by a part of one where these take too long.

        Args:
            limit_seconds: Seconds that measuring takes, about.
        """

        def take(part: Batch) -> None:
            self.step(0, factor=MEASURING_FACTOR, batch=part)

        batch, least = next(self._batches), FEWEST_IMAGES * self._setup.recipe.accumulate
        took = partial(self._seconds, take)
        image_seconds = took(_part(batch, 2 * least)) / (2 * least)
        size, fit = len(batch.inputs), self._decided(limit_seconds / image_seconds)
        if fit < FEWEST_STEPS * size:
            part = _part(batch, max(2 * least, fit // 2))
            return took(part) / len(part.inputs) * size
        began, steps = time.perf_counter(), 0
        while self._setup.processes.broadcast_decision(
            steps < FEWEST_STEPS or time.perf_counter() - began < limit_seconds
        ):
            self.step(steps, factor=MEASURING_FACTOR)
            steps += 1
        return (time.perf_counter() - began) / steps

    def image_seconds(self, images: int) -> float:
        """Seconds that an image takes in a step of so many, or of a whole batch."""
        part = _part(next(self._batches), images)
        act = partial(self.step, 0, factor=MEASURING_FACTOR)
        return self._seconds(lambda each: act(batch=each), part) / len(part.inputs)

    def validation_seconds(self, module: nn.Module, *, limit_seconds: float) -> float:
        """Seconds that a validation image takes in the network or in its trained part."""
        setup = self._setup
        is_whole = module is setup.network
        batches: Batches = setup.validation_image_batches if is_whole else setup.validation_batches
        module.eval()

        def evaluate(batch: Batch) -> None:
            float(module(batch.inputs).sum())  # waits for the device

        with torch.inference_mode():
            first = next(iter(batches.epoch(0)))
            few = _part(first, FEWEST_IMAGES)
            fit = int(limit_seconds / self._seconds(evaluate, few) * len(few.inputs))
            part = _part(first, max(FEWEST_IMAGES, fit // 2))
            seconds = self._seconds(evaluate, part) / len(part.inputs)
            images, began = 0, time.perf_counter()
            for batch in batches.epoch(0) if fit > 2 * len(first.inputs) else ():
                evaluate(batch)
                images += len(batch.inputs)
                seconds = (time.perf_counter() - began) / images
                if seconds * images > limit_seconds:
                    break
        set_train_mode(setup.trained_part)
        return seconds

    def _seconds(self, act: Callable[[Batch], object], batch: Batch) -> float:
        """Seconds of the second run: in the first of a size, memory and kernels are chosen."""
        act(batch)
        began = time.perf_counter()
        act(batch)
        return max(1e-6, time.perf_counter() - began)

    def _decided(self, number: float) -> int:
        """A whole number that the main process's clock decides for all."""
        return int(self._setup.processes.broadcast(str(int(number)).encode()))

    def _endless(self) -> Generator[Batch, None, None]:
        epoch = self._epoch
        while True:
            yield from self._setup.train_batches.epoch(epoch)
            epoch += 1


def _part(batch: Batch, size: int) -> Batch:
    """The first images of a batch."""
    inputs = batch.inputs[:size]
    return Batch(inputs, batch.targets[:size], min(batch.num_images, len(inputs)))
