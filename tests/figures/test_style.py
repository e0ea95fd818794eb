"""What the style does for all pictures: legends, titles, letters that our font lacks."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from convscope.figures.style import (
    as_svg,
    encoded,
    legend_below,
    new_figure,
    our_style,
)


@our_style()
def figure_with(names: list[str], title: str = "", label: str = "a picture") -> Figure:
    figure, axes = new_figure(title, label=label, width=4.8)
    legend_below(figure, [(axes.plot([0, 1], [0, 1])[0], name) for name in names])
    return figure


@pytest.mark.parametrize("name", ["_hidden", "$a_1$", "a < b & c", "猫", 'x="1.23456"', "a\nb\x01"])
def test_any_name_of_a_class_comes_out_in_the_legend(name: str) -> None:
    svg = as_svg(figure_with([name]))
    shown = re.sub(r"[\n\x01]", "\N{REPLACEMENT CHARACTER}", name)
    assert shown in {"".join(node.itertext()) for node in ElementTree.fromstring(svg).iter()}


def test_a_label_with_quotes_is_read_out_as_it_is() -> None:
    root = ElementTree.fromstring(as_svg(figure_with(["a"], label='"a" < b & <c>')))
    assert root.get("aria-label") == '"a" < b & <c>'


def test_without_a_label_the_title_is_read_out() -> None:
    root = ElementTree.fromstring(as_svg(figure_with(["a"], title="Losses", label="")))
    assert root.get("aria-label") == "Losses"


def test_letters_that_the_font_lacks_warn_only_where_they_would_be_missing() -> None:
    assert encoded(figure_with(["猫"]), "svg")
    with pytest.warns(UserWarning, match="missing from font"):
        encoded(figure_with(["狗"]), "png")


def test_other_warnings_of_an_svg_are_not_hidden() -> None:
    figure = figure_with(["a"])
    figure.set_size_inches(0.2, 0.2)
    with pytest.warns(UserWarning, match="constrained_layout not applied"):
        as_svg(figure)


@pytest.mark.parametrize(
    ("names", "columns"), [(["a", "b", "c"], 3), (["x" * 20] * 3, 2), (["x" * 30] * 3, 1)]
)
def test_a_legend_has_as_many_columns_as_fit(names: list[str], columns: int) -> None:
    figure = figure_with(names)
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', as_svg(figure))[0])
    places = re.findall(r'x="([\d.]+)" y="[\d.]+">(?:a|b|c|x+)<', as_svg(figure))
    assert len(set(places)) == columns
    assert all(0 < float(place) < width for place in places)


def test_a_long_title_has_lines_that_fit() -> None:
    svg = as_svg(figure_with(["a"], title="a title of many words " * 5))
    lines = [line for line in re.findall(r">([^<]*)</text>", svg) if "words" in line]
    assert len(lines) >= 2
    assert max(map(len, lines)) < 60


def test_numbers_inside_are_rounded_and_styles_are_the_elements_own() -> None:
    svg = as_svg(figure_with(["a"]))
    assert not re.search(r' (?:d|x|y)="[^"]*\.\d{3}', svg)
    assert svg.count("font-family") == 1
