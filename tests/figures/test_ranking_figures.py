"""Ranking: curves as they were measured, means as they are defined, names of any length."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from sklearn.metrics import average_precision_score, precision_recall_curve

from convscope.figures.ranking import (
    NAMED_AT_MOST,
    ClassCurve,
    draw_precision_recall,
    draw_roc,
)
from convscope.figures.style import as_svg


def curve(name: str, area: float = 0.9) -> ClassCurve:
    return ClassCurve(name, np.array([0.0, 0.5, 1.0]), np.array([0.0, area, 1.0]), area)


def many(count: int) -> list[ClassCurve]:
    return [curve(f"class {index}", 0.5 + index / (2 * count)) for index in range(count)]


@pytest.mark.slow
def test_up_to_six_curves_are_drawn_named_and_told_apart_without_colour() -> None:
    figure = draw_roc(many(NAMED_AT_MOST))
    *lines, chance = figure.axes[0].lines
    assert [line.get_ydata()[1] for line in lines] == [one.area for one in many(6)]  # type: ignore[index]
    assert len({str(line._dash_pattern) for line in lines}) == 6  # type: ignore[attr-defined]
    assert chance.get_xydata().tolist() == [[0, 0], [1, 1]]  # type: ignore[union-attr]
    assert ">class 5: 0.917</text>" in as_svg(figure)


@pytest.mark.slow
def test_of_more_the_worst_three_and_the_mean_are_named() -> None:
    figure = draw_roc(many(20)[::-1])
    svg = as_svg(figure)
    for name in ("class 0: 0.500", "class 1: 0.525", "class 2: 0.550", "other classes"):
        assert f">{name}</text>" in svg
    assert "class 3" not in svg
    assert ">mean of all classes: 0.738</text>" in svg
    assert len(figure.axes[0].collections[0].get_paths()) == 17
    mean = figure.axes[0].lines[0]
    middle = np.mean([one.area for one in many(20)])
    x, y = map(np.asarray, mean.get_data())
    assert np.interp(0.5, x, y) == pytest.approx(middle)


def test_precision_is_drawn_in_steps_whose_area_is_the_average_precision() -> None:
    random = np.random.default_rng(0)
    is_member = random.random(200) < 0.3
    scores = random.random(200) + 0.4 * is_member
    precision, recall, _ = precision_recall_curve(is_member, scores)
    area = float(average_precision_score(is_member, scores))
    given = ClassCurve("cat", recall[::-1], precision[::-1], area)
    (line,) = draw_precision_recall([given]).axes[0].lines
    assert line.get_drawstyle() == "steps-pre"
    x, y = line.get_data()
    assert np.sum(np.diff(x) * np.asarray(y)[1:]) == pytest.approx(area)
    mean = draw_precision_recall([given] * 7).axes[0].lines[0]
    assert np.mean(np.asarray(mean.get_ydata())[1:]) == pytest.approx(area, abs=0.01)


def test_precision_at_no_recall_is_not_drawn() -> None:
    given = ClassCurve("cat", np.array([0, 0, 0.5, 1]), np.array([1, 0.0, 0.4, 0.3]), 0.35)
    (line,) = draw_precision_recall([given]).axes[0].lines
    assert line.get_xydata().tolist() == [[0, 0.4], [0.5, 0.4], [1, 0.3]]  # type: ignore[union-attr]


def test_the_curve_of_a_perfect_class_is_inside_the_axes() -> None:
    perfect = ClassCurve("cat", np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]), 1.0)
    axes = draw_roc([perfect]).axes[0]
    assert axes.get_xlim()[0] < 0
    assert axes.get_ylim()[1] > 1


@pytest.mark.slow
def test_long_names_are_shortened_in_the_middle() -> None:
    name = "a class whose name has sixty letters, which is a lot, really"
    assert ">a class whos…lot, really: 0.900</text>" in as_svg(draw_roc([curve(name)]))


@pytest.mark.slow
def test_a_thousand_classes_are_embedded_as_pixels_and_stay_small() -> None:
    random = np.random.default_rng(0)
    x = np.linspace(0, 1, 200)
    curves = [ClassCurve(f"c{i}", x, x ** random.uniform(0, 1), 0.5) for i in range(1000)]
    figure = draw_roc(curves)
    pale = figure.axes[0].collections[0]
    assert isinstance(pale, LineCollection)
    assert pale.get_rasterized()
    svg = as_svg(figure)
    assert "data:image/png;base64" in svg
    assert len(svg) < 200_000
