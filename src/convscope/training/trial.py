"""A trial: some steps of a training that leave no trace in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType

import torch
from torch import nn

from convscope.data.batches import Batch, Batches
from convscope.recipe import DecidedRecipe
from convscope.training.equipment import Equipment, check_batch_norm
from convscope.training.loop import Gradient, set_rate, take_step
from convscope.training.optimizers import optimizer_of
from convscope.training.tuning import set_learning_mode, unfreeze


class Trial:
    """Steps with an optimizer of their own; at the end weights and buffers are what they were.

    Args:
        recipe: Says how a step is taken.
        equipment: What a step needs.
        epoch: As which epoch's steps they are: early ones may have smaller images or fewer layers.
    """

    def __init__(self, recipe: DecidedRecipe, equipment: Equipment, *, epoch: int = 0) -> None:
        self._recipe, self._equipment, self._epoch = recipe, equipment, epoch
        self._batches = self._endless()

    def __enter__(self) -> Trial:
        """Remembers the network's state."""
        network = self._equipment.network
        self._state = {name: value.clone() for name, value in network.state_dict().items()}
        self._learns = [parameter.requires_grad for parameter in network.parameters()]
        self._optimizer = optimizer_of(self._recipe, self._equipment.groups(self._recipe))
        if self._recipe.unfreeze_epochs is not None:
            unfreeze(network, self._epoch, every=self._recipe.unfreeze_epochs)
        set_learning_mode(self._equipment.learner)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Puts the network's state back."""
        network = self._equipment.network
        network.load_state_dict(self._state)
        for parameter, learns in zip(network.parameters(), self._learns, strict=True):
            parameter.requires_grad_(learns)
            parameter.grad = None

    def step(self, number: int, *, factor: float) -> float:
        """Takes a step at a share of the recipe's rate; returns the loss before it.

        Raises:
            UsageError: The batch is too small for batch normalisation.
        """
        return self.step_with(next(self._batches), number, factor=factor)

    def step_with(self, batch: Batch, number: int, *, factor: float) -> float:
        """A step with a batch of one's own; see `step`."""
        equipment = self._equipment
        set_rate(self._optimizer, factor)
        gradient = Gradient(
            equipment.learner,
            equipment.objective,
            batch,
            device=equipment.device,
            processes=equipment.processes,
            parts=equipment.rules.parts,
        )

        try:
            take_step(
                self._optimizer,
                gradient,
                rules=equipment.rules,
                seed=self._recipe.seed,
                step=number,
            )
        except ValueError as error:
            if (explained := check_batch_norm(error, self._recipe)) is None:
                raise
            raise explained from error
        return float(gradient.taken.loss)

    def validation_seconds(self, module: nn.Module, *, limit_seconds: float) -> float:
        """Seconds that a validation image takes in the network or in the part of it that learns."""
        equipment = self._equipment
        is_whole = module is equipment.network
        batches: Batches = equipment.validation_images if is_whole else equipment.validation_batches
        module.eval()
        images, began = 0, time.perf_counter()
        with torch.inference_mode():
            for batch in batches.epoch(0):
                float(module(batch.inputs).sum())  # waits for the device
                images += len(batch.inputs)
                if time.perf_counter() - began > limit_seconds:
                    break
        seconds = (time.perf_counter() - began) / max(1, images)
        set_learning_mode(equipment.learner)
        return seconds

    def _endless(self) -> Iterator[Batch]:
        epoch = self._epoch
        while True:
            yield from self._equipment.train_batches.epoch(epoch)
            epoch += 1
