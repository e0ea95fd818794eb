"""EMA: a moving average of the weights, smoother than the last step and often better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightEMA:
    """The exponential moving average of a network's buffers and trained weights.

    The decay grows from 0.1 with the steps, (1 + t) / (10 + t), up to `decay`, so that the first,
    random weights are forgotten soon.

    Source: Polyak and Juditsky 1992 for averaging; the growing decay is TensorFlow's.

    Args:
        network: The network whose state is averaged.
        decay: Share of the average that is kept in each step.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network, self._decay = network, decay
        frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
        self.state = {n: v.clone() for n, v in network.state_dict().items() if n not in frozen}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Updates the average with the weights after a step, counted from 0."""
        kept = min(self._decay, (1 + step) / (10 + step))
        now = self._network.state_dict()
        for name, average in self.state.items():
            value = now[name]
            if average.is_floating_point():
                average.lerp_(value, 1 - kept)
            else:
                average.copy_(value)  # counts of batches

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Loads an average that was saved."""
        for name, average in self.state.items():
            average.copy_(state[name])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Context manager in which the network has the averaged weights."""
        now = self._network.state_dict()
        own = {name: now[name].clone() for name in self.state}
        self._network.load_state_dict(self.state, strict=False)
        try:
            yield
        finally:
            self._network.load_state_dict(own, strict=False)
