"""When checkpoints are written: by steps or by the clock, and seldom where they cost much."""

from __future__ import annotations

import time

import pytest

from convscope.errors import UsageError
from convscope.training.cadence import Cadence, Interval, interval_of


@pytest.mark.parametrize(
    ("words", "interval"),
    [
        ("500", Interval(steps=500)),
        (7, Interval(steps=7)),
        ("5m", Interval(seconds=300)),
        ("1h30m", Interval(seconds=5400)),
    ],
)
def test_an_interval_is_steps_or_a_time(words: str | int, interval: Interval) -> None:
    assert interval_of(words) == interval


@pytest.mark.parametrize("words", ["0", "5 minutes", "", "-3", "1.5"])
def test_an_interval_that_is_neither_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="`checkpoint_every` is"):
        interval_of(words)


def test_a_number_of_steps_is_counted_from_the_last_checkpoint() -> None:
    cadence = Cadence(Interval(steps=3))
    assert [cadence.is_due_after_step() for _ in range(4)] == [False, False, True, True]
    cadence.was_saved()
    assert not cadence.is_due_after_step()


def test_a_time_is_counted_from_the_last_checkpoint() -> None:
    cadence = Cadence(Interval(seconds=0.2))
    assert not cadence.is_due_after_step()
    time.sleep(0.25)
    assert cadence.is_due_after_step()
    cadence.was_saved()
    assert not cadence.is_due_after_step()


def test_epochs_that_end_soon_after_an_expensive_checkpoint_get_none() -> None:
    cadence = Cadence()
    assert cadence.is_due_after_epoch()
    cadence.cost_seconds = 0.1  # worth it after 100 / 1.5 times as long
    cadence.was_saved()
    assert not cadence.is_due_after_epoch()
    cadence.cost_seconds = 0.0
    assert cadence.is_due_after_epoch()


def test_the_first_one_waits_until_it_is_worth_what_its_size_will_cost() -> None:
    large, small = Cadence(), Cadence()
    large.expect(10**9)
    small.expect(1000)
    time.sleep(0.01)
    assert not large.is_due_after_epoch()
    assert small.is_due_after_epoch()
