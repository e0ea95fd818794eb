"""Claims: what is to be so of every document, whatever it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.opening import SCHEMES, WIDTHS_PX, Document, Measured, Scheme

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect

A4_PX = 680  # 210 mm less two margins of 15 mm, at 96 px an inch
A4_POINTS = 595
FIGURE = ".figure:not(.inverts) > svg"
OF_A_SCREEN = ("accent", "error-paper")  # colours that differ when it is dark


def has_no_complaint_and_asks_for_nothing(document: Document) -> None:
    """The console stays empty, light and dark, and nothing is asked for."""
    for scheme in SCHEMES:
        document.show(width_px=1280, scheme=scheme)
    assert document.complaints == []
    assert document.requests == []


def every_picture_is_there_and_has_words(document: Document) -> int:
    """All pictures load and say what they are; how many there are."""
    document.show(width_px=1280)
    measured = document.measure()
    assert measured["broken"] == []
    assert measured["without_words"] == []
    return measured["num_pictures"]


def says_its_language_and_headings_follow_each_other(document: Document, language: str) -> None:
    """One heading of the first level comes first, and no level is left out."""
    document.show(width_px=1280)
    measured = document.measure()
    levels = measured["headings"]
    assert measured["language"] == language
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def nothing_is_wide_or_cut_off(
    document: Document, *, width_px: int, scheme: Scheme, least_letters_px: float = 0.0
) -> None:
    """All fits into the window, or into a box that shows that it scrolls; drawings can be read."""
    document.show(width_px=width_px, scheme=scheme)
    measured = _fits(document, width_px)
    assert measured["scrolling_unseen"] == []
    letters = measured["smallest_letters_px"]
    assert letters is None or letters >= least_letters_px


def contents_stay_in_view(document: Document) -> None:
    """Every heading of the second level has an entry, which is in the window also at the end."""
    headings = document.page.locator("h2")
    entries = document.page.locator(".contents a")
    assert entries.all_inner_texts() == headings.all_inner_texts()
    ids = headings.evaluate_all("all => all.map(one => '#' + one.id)")
    assert entries.evaluate_all("all => all.map(one => one.getAttribute('href'))") == ids
    for width_px in WIDTHS_PX:
        document.show(width_px=width_px)
        document.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        strip = document.page.locator(".contents").bounding_box()
        assert strip is not None
        assert -1 < strip["y"] < 10
        entries.first.click()
        top = document.page.locator(f"h2{ids[0]}").bounding_box()
        assert top is not None
        assert -1 < top["y"] < 200


def a_thumbnail_is_enlarged_and_made_small_again(document: Document) -> None:
    """A click or a key shows it large; another one, or Escape, shows it where it stood."""
    document.show(width_px=1280)
    button = document.page.locator(".enlarged button").first
    picture = button.locator("img")
    before = picture.bounding_box()
    closings: list[Callable[[], object]] = [
        button.click,
        partial(document.page.keyboard.press, "Escape"),
    ]
    for close in closings:
        button.press("Enter")
        assert _area(picture.bounding_box()) > 2 * _area(before)
        close()
        assert _area(picture.bounding_box()) == _area(before)


def axe_finds_nothing(document: Document, *, width_px: int, scheme: Scheme) -> None:
    """axe-core finds nothing against the document."""
    document.show(width_px=width_px, scheme=scheme)
    assert document.findings_of_axe() == []


def nothing_is_cut_off_on_a4(document: Document, folder: Path) -> None:
    """All is on the paper, where nothing scrolls, and the paper is A4."""
    document.show(width_px=A4_PX, on_paper=True)
    _fits(document, A4_PX)
    document.save_pdf(folder / "page.pdf")
    printed = (folder / "page.pdf").read_bytes()
    sides = {float(side) for side in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ", printed)}
    assert list(sides) == pytest.approx([A4_POINTS], abs=2)


def writing_stands_out(document: Document) -> None:
    """Writing is dark on light or light on dark, and on paper always dark on light."""
    shown: tuple[tuple[Scheme, bool], ...] = (("light", False), ("dark", False), ("dark", True))
    for scheme, on_paper in shown:
        document.show(width_px=1280, scheme=scheme, on_paper=on_paper)
        ink = _brightness(document.style("body", "color"))
        paper = _brightness(document.style("body", "background-color"))
        is_dark = scheme == "dark" and not on_paper
        assert (ink > 0.8, paper < 0.2) == (is_dark, is_dark)
        if document.page.locator(FIGURE).count():
            text = _brightness(document.style(f"{FIGURE} text", "fill"))
            ground = _brightness(document.style(f"{FIGURE} path", "fill"))
            assert (text > 0.5, ground < 0.2) == (is_dark, is_dark)


def colours_of_a_dark_screen_are_not_printed(document: Document) -> None:
    """On paper all colours are those of a light screen."""
    values = []
    for scheme in SCHEMES:
        document.show(width_px=A4_PX, scheme=scheme, on_paper=True)
        values.append([document.style(":root", f"--{name}") for name in OF_A_SCREEN])
    assert values[0] == values[1]


def _fits(document: Document, width_px: int) -> Measured:
    measured = document.measure()
    assert measured["sticking_out"] == []
    assert measured["width_px"] <= width_px
    assert measured["cut_off"] == []
    return measured


def _area(box: FloatRect | None) -> float:
    return box["width"] * box["height"] if box else 0.0


def _brightness(colour: str) -> float:
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3 / 255
