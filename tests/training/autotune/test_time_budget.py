"""A deadline: plans stand at first, shrink when epochs take longer, and never grow."""

from __future__ import annotations

import time

import pytest

from convscope.recipe import Recipe
from convscope.training.autotune.time_budget import Deadline, Pace

PACE = Pace(
    step_seconds=0.1,
    validation_seconds=2.85221,
    image_seconds=0.01,
    steps_per_epoch=70,
)


def test_an_epoch_is_learning_validation_and_a_share_of_checkpoints() -> None:
    assert PACE.epoch_seconds == pytest.approx(10, rel=1e-4)
    assert PACE.epochs_in(200) == 18  # with some safety
    assert PACE.epochs_in(1) == 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "; a single one takes longer than there is time"),
        (200, ""),
        (10_000_000, "; a training has no more"),
    ],
)
def test_a_plan_at_an_end_of_what_can_be_says_so(seconds: int, said: str) -> None:
    epochs = PACE.epochs_in(seconds)
    assert PACE.limit_text(epochs, seconds) == said
    assert Recipe.parse({"data": "digits", "epochs": epochs}).epochs == epochs


def deadline(seconds: float, reserve: float = 0.0) -> Deadline:
    return Deadline(time.monotonic() + seconds, reserve)


def test_the_first_epochs_change_no_plan() -> None:
    assert deadline(10).epochs_that_fit([9.0, 9.0], done=2, planned=50) == 50


def test_a_plan_shrinks_to_what_fits_and_never_grows() -> None:
    assert deadline(10.5).epochs_that_fit([1.0] * 5, done=5, planned=50) == 15
    assert deadline(1000).epochs_that_fit([1.0] * 5, done=5, planned=50) == 50
    assert deadline(-3).epochs_that_fit([1.0] * 5, done=5, planned=50) == 5


def test_what_comes_after_the_last_epoch_has_its_time() -> None:
    assert deadline(10.5, reserve=4).epochs_that_fit([1.0] * 5, done=5, planned=50) == 11


def test_what_was_used_before_a_resume_is_not_there_again() -> None:
    assert deadline(10.5).sooner(6).epochs_that_fit([1.0] * 5, done=5, planned=50) == 9
