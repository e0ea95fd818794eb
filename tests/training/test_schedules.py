"""Schedules: each begins, peaks and ends where it should, and is a function of the step alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from convscope.recipe import Sched
from convscope.training.schedules import Schedule

NAMES = get_args(Sched)


def test_one_cycle_begins_peaks_and_ends_where_it_should() -> None:
    one_cycle = Schedule(name="one-cycle", total_steps=100, warmup_steps=25, final_share=1e-4)
    assert one_cycle.factor(0) == pytest.approx(1 / 25)
    assert one_cycle.factor(25) == 1
    assert one_cycle.factor(100) == pytest.approx(1e-4)


def test_cosine_climbs_linearly_and_falls_to_its_end() -> None:
    cosine = Schedule(name="cosine", total_steps=110, warmup_steps=10, final_share=0.2)
    assert cosine.factor(0) == pytest.approx(1 / 11)
    assert cosine.factor(10) == 1
    assert cosine.factor(60) == pytest.approx(0.6)
    assert cosine.factor(110) == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["cosine", "one-cycle"])
def test_the_rate_rises_to_its_peak_and_falls_after_it(name: Sched) -> None:
    schedule = Schedule(name=name, total_steps=100, warmup_steps=25)
    rates = [schedule.factor(step) for step in range(101)]
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)


def test_schedules_by_epochs_agree_with_torchs() -> None:
    parameter = torch.nn.Parameter(torch.zeros(()))
    cases: dict[Sched, Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]] = {
        "step": lambda optimizer: lr_scheduler.StepLR(optimizer, 3, gamma=0.5),
        "multi-step": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [2, 5], gamma=0.5),
        "exponential": lambda optimizer: lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
    }
    for name, make in cases.items():
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        theirs = make(optimizer)
        ours = Schedule(
            name=name,
            total_steps=40,
            steps_per_epoch=4,
            step_epochs=3,
            milestones=(2, 5),
            gamma=0.5,
        )
        for epoch in range(10):
            assert ours.factor(4 * epoch + 3) == pytest.approx(theirs.get_last_lr()[0]), name
            optimizer.step()
            theirs.step()


@pytest.mark.slow
@given(st.lists(st.floats(0.1, 10), max_size=30), st.integers(1, 4))
def test_the_plateau_agrees_with_torchs_on_any_losses(losses: list[float], patience: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=1.0)
    # Torch waits for one epoch more than its patience.
    theirs = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience - 1, eps=0)
    for loss in losses:
        theirs.step(loss)
    ours = Schedule(name="plateau", total_steps=1, gamma=0.5, plateau_epochs=patience)
    assert ours.factor(0, losses) == pytest.approx(optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize("name", NAMES)
def test_a_warm_up_stands_in_front_of_any_schedule(name: Sched) -> None:
    cold = Schedule(name=name, total_steps=100, warmup_steps=0, steps_per_epoch=50)
    warm = Schedule(name=name, total_steps=100, warmup_steps=10, steps_per_epoch=50)
    assert warm.factor(0) < 0.2
    assert warm.factor(0) < warm.factor(5) <= 1
    assert cold.factor(0) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(step=st.integers(0, 200), warmup=st.integers(0, 50))
def test_no_schedule_leaves_zero_to_one(name: Sched, step: int, warmup: int) -> None:
    schedule = Schedule(name=name, total_steps=100, warmup_steps=warmup, steps_per_epoch=10)
    factor = schedule.factor(step, [1.0, 1.0, 1.0])
    assert 0 <= factor <= 1
    assert math.isfinite(factor)
