"""Steps that take much longer than before are noticed once."""

from __future__ import annotations

from itertools import accumulate, chain, repeat

import pytest

from convscope.training.slowdown import SlowdownWatch, slowdown_text

MINUTE = 60


def noticed(*steps: tuple[float, float]) -> list[float]:
    """What a watch notices of steps: how long each takes, and for how many seconds so."""
    watch = SlowdownWatch()
    each = chain.from_iterable(repeat(took, int(total / took)) for took, total in steps)
    return [times for now in accumulate(each) if (times := watch.step(now))]


def test_steps_that_become_five_times_as_slow_are_noticed_once() -> None:
    (times,) = noticed((0.1, MINUTE), (0.5, 5 * MINUTE))
    assert times == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    "steps",
    [
        [(0.1, 10 * MINUTE)],
        [(0.1, MINUTE), (0.35, 5 * MINUTE)],
        [(0.1, MINUTE), (1.0, 4), (0.1, MINUTE)],
        [(1.0, MINUTE), (0.1, MINUTE)],
    ],
    ids=["steady", "a little slower", "slow for seconds", "faster"],
)
def test_nothing_else_is_noticed(steps: list[tuple[float, float]]) -> None:
    assert noticed(*steps) == []


def test_pauses_and_steps_of_other_sizes_are_not_compared() -> None:
    watch = SlowdownWatch()
    for epoch in range(20):
        watch.pause()
        assert not any(watch.step(epoch * 100 + step) for step in range(20))
    growing = SlowdownWatch(is_steady=False)
    assert not any(map(growing.step, accumulate([0.1] * 600 + [1.0] * 600)))


def test_what_is_said_names_the_way_out() -> None:
    assert "5 times as long as before" in slowdown_text(5.2, precision="float32")
    assert "`--precision float32`" not in slowdown_text(5.2, precision="float32")
    assert "`--precision float32`" in slowdown_text(5.2, precision="bfloat16")
