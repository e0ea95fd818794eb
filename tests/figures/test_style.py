"""The style of all pictures: legends, letters that our font lacks, long names."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from convscope import report
from convscope.figures.style import (
    NAMED_COLOURS,
    as_svg,
    broken,
    encoded,
    legend_below,
    new_figure,
    num_letters,
    our_style,
    printable,
    shortened,
)


@our_style()
def figure_with(names: list[str], label: str = "a picture") -> Figure:
    figure, axes = new_figure(label, height=4.2)
    legend_below(figure, [(axes.plot([0, 1], [0, 1])[0], name) for name in names])
    return figure


@pytest.mark.slow
@pytest.mark.parametrize("name", ["_hidden", "$a_1$", "a < b & c", "猫", 'x="1.23456"', "a\nb\x01"])
def test_any_name_of_a_class_comes_out_in_the_legend(name: str) -> None:
    svg = as_svg(figure_with([name]))
    shown = re.sub(r"[\n\x01]", "\N{REPLACEMENT CHARACTER}", name)
    assert shown in {"".join(node.itertext()) for node in ElementTree.fromstring(svg).iter()}


@pytest.mark.slow
def test_a_label_with_quotes_is_read_out_as_it_is() -> None:
    root = ElementTree.fromstring(as_svg(figure_with(["a"], label='"a" < b & <c>')))
    assert root.get("aria-label") == '"a" < b & <c>'


@pytest.mark.slow
def test_letters_that_the_font_lacks_warn_only_where_they_would_be_missing() -> None:
    assert encoded(figure_with(["猫"]), "svg")
    with pytest.warns(UserWarning, match="missing from font"):
        encoded(figure_with(["狗"]), "png")


def test_other_warnings_of_an_svg_are_not_hidden() -> None:
    figure = figure_with(["a"])
    figure.set_size_inches(0.2, 0.2)
    with pytest.warns(UserWarning, match="constrained_layout not applied"):
        as_svg(figure)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "columns"), [(["a", "b", "c"], 3), (["x" * 15] * 3, 2), (["x" * 25] * 3, 1)]
)
def test_a_legend_has_as_many_columns_as_fit(names: list[str], columns: int) -> None:
    figure = figure_with(names)
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', as_svg(figure))[0])
    places = re.findall(r'x="([\d.]+)" y="[\d.]+">(?:a|b|c|x+)<', as_svg(figure))
    assert len(set(places)) == columns
    assert all(0 < float(place) < width for place in places)


@pytest.mark.slow
def test_numbers_inside_are_rounded_and_styles_are_the_elements_own() -> None:
    svg = as_svg(figure_with(["a"]))
    assert not re.search(r' (?:d|x|y)="[^"]*\.\d{3}', svg)
    assert svg.count("font-family") == 1


@pytest.mark.slow
def test_a_page_can_change_every_colour_that_has_a_name() -> None:
    svg = as_svg(figure_with(["a"]))
    bare = re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg)
    assert not set(bare) & set(NAMED_COLOURS)
    assert "fill: var(--figure-paper, #ffffff)" in svg
    assert "#ffffff" not in bare
    sheet = (Path(report.__file__).parent / "templates/style.css").read_text()
    assert all(f"--figure-{name}: #" in sheet for name in NAMED_COLOURS.values())


@pytest.mark.parametrize(
    ("name", "most", "short"),
    [
        ("cat", 24, "cat"),
        ("american_staffordshire_terrier", 15, "america…terrier"),
        ("american staffordshire terrier", 10, "ameri…rier"),
        ("美国斯塔福郡梗犬品种", 11, "美国斯…品种"),
        ("WWWWWWWWWWWW", 6, "WW…WW"),
    ],
)
def test_a_name_is_shortened_in_its_middle(name: str, most: float, short: str) -> None:
    assert shortened(name, most) == short


@pytest.mark.slow
@given(st.text(max_size=80), st.integers(5, 40))
def test_a_shortened_name_fits_and_is_one_line(name: str, most: int) -> None:
    short = shortened(name, most)
    assert num_letters(short) <= most
    assert short.isprintable()


def test_what_can_not_be_seen_or_written_is_replaced() -> None:
    assert printable("a\nb\x00c\udc80") == "a\N{REPLACEMENT CHARACTER}b" + (
        "\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    )


def test_lines_are_broken_between_words_and_in_chinese_anywhere() -> None:
    assert broken("share of the images", 50, size=9) == "share of\nthe images"
    assert broken("被回答的图像的比例", 50, size=9) == "被回答的图\n像的比例"
    assert broken("", 50, size=9) == ""


@pytest.mark.slow
@given(st.text("ab 中,。", max_size=60))
def test_breaking_lines_loses_only_spaces(text: str) -> None:
    assert broken(text, 60, size=9).replace("\n", "").replace(" ", "") == text.replace(" ", "")
