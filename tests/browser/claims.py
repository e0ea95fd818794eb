"""Claims: what is to be so of every document, whatever it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from browser.opening import SCHEMES, Document, Scheme

A4_PX = 680  # 210 mm less two margins of 15 mm, at 96 px an inch
A4_POINTS = 595
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


def nothing_is_wide_or_cut_off(document: Document, *, width_px: int, scheme: Scheme) -> None:
    """All fits into the window, or into a box that scrolls."""
    document.show(width_px=width_px, scheme=scheme)
    _fits(document, width_px)


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


def colours_of_a_dark_screen_are_not_printed(document: Document) -> None:
    """On paper all colours are those of a light screen."""
    values = []
    for scheme in SCHEMES:
        document.show(width_px=A4_PX, scheme=scheme, on_paper=True)
        values.append([document.style(":root", f"--{name}") for name in OF_A_SCREEN])
    assert values[0] == values[1]


def _fits(document: Document, width_px: int) -> None:
    measured = document.measure()
    assert measured["sticking_out"] == []
    assert measured["width_px"] <= width_px
    assert measured["cut_off"] == []


def _brightness(colour: str) -> float:
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3 / 255
