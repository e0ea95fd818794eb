"""When checkpoints are written: by steps or by the clock, and seldom where they cost much."""

from __future__ import annotations

import time

import pytest

from convscope.errors import UsageError
from convscope.training.runs.log import (
    CheckpointInterval,
    CheckpointSchedule,
    checkpoint_interval,
)


@pytest.mark.parametrize(
    ("words", "interval"),
    [
        ("500", CheckpointInterval(steps=500)),
        (7, CheckpointInterval(steps=7)),
        ("5m", CheckpointInterval(seconds=300)),
        ("1h30m", CheckpointInterval(seconds=5400)),
    ],
)
def test_an_interval_is_steps_or_a_time(words: str | int, interval: CheckpointInterval) -> None:
    assert checkpoint_interval(words) == interval


@pytest.mark.parametrize("words", ["0", "5 minutes", "", "-3", "1.5"])
def test_an_interval_that_is_neither_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="`checkpoint_every` is"):
        checkpoint_interval(words)


def test_a_number_of_steps_is_counted_from_the_last_checkpoint() -> None:
    cadence = CheckpointSchedule(CheckpointInterval(steps=3))
    assert [cadence.is_due_after_step() for _ in range(4)] == [False, False, True, True]
    cadence.was_saved()
    assert not cadence.is_due_after_step()


def test_a_time_is_counted_from_the_last_checkpoint() -> None:
    cadence = CheckpointSchedule(CheckpointInterval(seconds=0.2))
    assert not cadence.is_due_after_step()
    time.sleep(0.25)
    assert cadence.is_due_after_step()
    cadence.was_saved()
    assert not cadence.is_due_after_step()


def test_epochs_that_end_soon_after_an_expensive_checkpoint_get_none() -> None:
    cadence = CheckpointSchedule()
    assert cadence.is_due_after_epoch()
    cadence.cost_seconds = 0.1  # worth it after 100 / 1.5 times as long
    cadence.was_saved()
    assert not cadence.is_due_after_epoch()
    cadence.cost_seconds = 0.0
    assert cadence.is_due_after_epoch()


def test_the_first_one_waits_until_it_is_worth_what_its_size_will_cost() -> None:
    large, small = CheckpointSchedule(), CheckpointSchedule()
    large.expect(10**9)
    small.expect(1000)
    time.sleep(0.01)
    assert not large.is_due_after_epoch()
    assert small.is_due_after_epoch()
