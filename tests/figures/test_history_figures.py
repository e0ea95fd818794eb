"""Histories: values stand at their epochs, gaps are gaps, the best epoch is marked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from convscope.figures.style import as_svg
from convscope.figures.training import (
    draw_accuracy_history,
    draw_loss_history,
    draw_rate_history,
)

TRAIN, VALIDATION = [2.0, 1.0, 0.6, 0.4], [2.1, 1.2, 1.1, 1.3]


def curves(axes: Axes) -> list[list[tuple[float, float]]]:
    """Points of the curves and marks, without the lines across the axes."""
    return [
        [(float(x), float(y)) for x, y in zip(*map(np.asarray, line.get_data()), strict=True)]
        for line in axes.lines
        if line.get_transform() == axes.transData
    ]


def marks(line: Line2D) -> list[int]:
    return list(line.get_markevery())  # type: ignore[arg-type]


def test_losses_stand_at_their_epochs_and_the_best_is_marked() -> None:
    axes = draw_loss_history(TRAIN, VALIDATION, best_epoch=3).axes[0]
    train, validation, best = curves(axes)
    assert train == list(enumerate(TRAIN, start=1))
    assert validation == list(enumerate(VALIDATION, start=1))
    assert best == [(3, 1.1)]
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > 2.1


@pytest.mark.slow
def test_the_best_epoch_is_said_with_its_number() -> None:
    assert ">best epoch: 3</text>" in as_svg(draw_loss_history(TRAIN, VALIDATION, best_epoch=3))
    assert "best epoch" not in as_svg(draw_loss_history(TRAIN, VALIDATION))


def test_a_single_epoch_is_a_point_with_one_tick() -> None:
    axes = draw_loss_history([2.3], [2.1], best_epoch=1).axes[0]
    assert axes.get_xticks().tolist() == [1]
    assert [marks(line) for line in axes.lines[:2]] == [[0], [0]]


@pytest.mark.parametrize("gap", [math.nan, math.inf, -math.inf])
def test_a_non_finite_value_leaves_a_gap(gap: float) -> None:
    axes = draw_loss_history(TRAIN, [2.1, gap, 1.1, 1.3], best_epoch=2).axes[0]
    _, validation, best = curves(axes)
    assert math.isnan(validation[1][1])
    assert math.isnan(best[0][1])
    assert all(math.isfinite(edge) for edge in axes.get_ylim())


def test_a_point_between_gaps_can_be_seen() -> None:
    values = [math.nan if epoch % 5 else 1.0 for epoch in range(100)]
    axes = draw_loss_history([1.0] * 100, values).axes[0]
    assert marks(axes.lines[0]) == []
    assert marks(axes.lines[1]) == list(range(0, 100, 5))


@pytest.mark.slow
def test_losses_of_nothing_but_gaps_are_an_empty_picture() -> None:
    assert as_svg(draw_loss_history([math.nan] * 3, [math.nan] * 3, best_epoch=1))


def test_without_validation_the_best_is_marked_on_train() -> None:
    train, best = curves(draw_loss_history(TRAIN, [], best_epoch=4).axes[0])
    assert best == [train[3]]


@pytest.mark.slow
def test_losses_that_fall_by_two_orders_have_a_logarithmic_axis() -> None:
    assert draw_loss_history(TRAIN, VALIDATION).axes[0].get_yscale() == "linear"
    figure = draw_loss_history([3.0, 0.1, 0.003], [3.0, 0.2, 0.1])
    assert figure.axes[0].get_yscale() == "log"
    assert ">0.01</text>" in as_svg(figure)


@pytest.mark.parametrize("losses", [[3.0, 0.0], [3.0, -1.0], [0.0, 0.0]])
def test_losses_that_have_no_logarithm_have_a_linear_axis(losses: list[float]) -> None:
    axes = draw_loss_history(losses, []).axes[0]
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] <= min(losses)


@pytest.mark.slow
def test_a_thousand_epochs_are_a_small_picture() -> None:
    losses = np.random.default_rng(0).random(1000)
    figure = draw_loss_history(losses.tolist(), (losses + 1).tolist(), best_epoch=500)
    assert len(as_svg(figure)) < 60_000


def test_accuracies_stand_at_their_epochs() -> None:
    axes = draw_accuracy_history([0.1, 0.7, 0.9], [0.2, 0.6, 0.5], best_epoch=2).axes[0]
    train, validation, best = curves(axes)
    assert train == [(1, 0.1), (2, 0.7), (3, 0.9)]
    assert validation == [(1, 0.2), (2, 0.6), (3, 0.5)]
    assert best == [(2, 0.6)]


@pytest.mark.slow
def test_no_accuracy_above_100_percent_is_on_the_axis() -> None:
    figure = draw_accuracy_history([0.9] * 3, [1.0] * 3, best_epoch=1)
    svg = as_svg(figure)
    assert ">100%</text>" in svg
    assert ">101%</text>" not in svg
    assert figure.axes[0].get_ylim()[1] > 1  # the line is drawn whole


def test_learning_rates_stand_at_their_epochs() -> None:
    axes = draw_rate_history([0.01, 0.02, 0.005]).axes[0]
    assert curves(axes) == [[(1, 0.01), (2, 0.02), (3, 0.005)]]
    assert (axes.get_yscale(), axes.get_ylim()[0]) == ("linear", 0)


def test_learning_rates_that_fall_by_two_orders_have_a_logarithmic_axis() -> None:
    assert draw_rate_history([0.1, 0.01, 0.001]).axes[0].get_yscale() == "log"
    assert draw_rate_history([0.1, 0.01, 0.0]).axes[0].get_yscale() == "linear"
