"""A dry run: some steps of a training that leave no trace in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType

import torch
from torch import nn

from convscope.data.batch import Batch, Batches
from convscope.training.freezing import set_train_mode, unfreeze
from convscope.training.setup import Setup


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

    def validation_seconds(self, module: nn.Module, *, limit_seconds: float) -> float:
        """Seconds that a validation image takes in the network or in its trained part."""
        setup = self._setup
        is_whole = module is setup.network
        batches: Batches = setup.validation_image_batches if is_whole else setup.validation_batches
        module.eval()
        images, began = 0, time.perf_counter()
        with torch.inference_mode():
            for batch in batches.epoch(0):
                float(module(batch.inputs).sum())  # waits for the device
                images += len(batch.inputs)
                if time.perf_counter() - began > limit_seconds:
                    break
        seconds = (time.perf_counter() - began) / max(1, images)
        set_train_mode(setup.trained_part)
        return seconds

    def _endless(self) -> Iterator[Batch]:
        epoch = self._epoch
        while True:
            yield from self._setup.train_batches.epoch(epoch)
            epoch += 1
