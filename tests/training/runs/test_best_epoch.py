"""Which epoch is the best: accuracy as far as it can be told apart, then loss."""

from __future__ import annotations

import pytest

from convscope.training.runs.state import TrainingState


def best_epoch(epochs: list[tuple[float, float]], *, num_images: int) -> int:
    """The epoch that is kept of some with (accuracy, loss)."""
    state = TrainingState(epochs=len(epochs))
    for accuracy, loss in epochs:
        if state.is_better(accuracy, loss, num_images=num_images):
            state.set_best(accuracy, loss)
        state.history.append({"validation_accuracy": accuracy, "validation_loss": loss})
        state.epoch += 1
    return state.best_epoch


@pytest.mark.parametrize(
    ("epochs", "num_images", "best"),
    [
        ([(0.80, 0.9), (0.90, 0.5)], 100, 1),
        ([(0.90, 0.5), (0.80, 0.3)], 100, 0),  # ten points are more than a standard error of 3
        ([(0.88, 0.5), (0.87, 0.3)], 100, 1),  # one point is less
        ([(0.88, 0.5), (0.87, 0.3)], 10_000, 0),  # and here it is more
        ([(0.88, 0.5), (0.88, 0.3)], 10_000, 1),
        ([(1.0, 0.5), (1.0, 0.1)], 44, 1),
        ([(1.0, 0.5), (42 / 44, 0.1)], 44, 0),
        # The one with the lowest loss is left behind when a higher accuracy comes.
        ([(0.70, 0.2), (0.90, 0.6), (0.88, 0.5)], 100, 2),
    ],
)
def test_the_best_epoch(epochs: list[tuple[float, float]], num_images: int, best: int) -> None:
    assert best_epoch(epochs, num_images=num_images) == best
