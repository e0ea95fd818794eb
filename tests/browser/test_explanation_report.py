"""The pages that explain images, in a browser: all is seen, small, wide and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from known_answers import HARD_NAMES, LONG
from made import made_classifier
from PIL import Image

from browser import claims
from browser.opening import SCHEMES, WIDTHS_PX, Document, Scheme
from convscope.api.explain import explain_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QUICK: dict[str, Any] = {"draws": 4, "steps": 4}


class Shown(NamedTuple):
    document: Document
    language: str


class Case(NamedTuple):
    """What is opened: the page of one image, or the one that leads to several."""

    language: str
    is_overview: bool
    asked: dict[str, Any]


CASES = {
    "one image": Case("zh", False, {"value": "layer1.0.conv1:2,3,4", "against": HARD_NAMES[1]}),
    "several": Case("en", True, {"top": 1}),
}


@pytest.fixture(scope="module", params=CASES)
def shown(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp("explained")
    random = np.random.default_rng(0)
    images: list[str] = []
    for number, name in enumerate((LONG[:60], "wide", "small")):
        side = (40, 90, 8)[number]
        pixels = random.integers(0, 256, (40, side, 3), dtype=np.uint8)
        path = folder / f"{name}.png"
        Image.fromarray(pixels).save(path)
        images.append(str(path))
    classifier = made_classifier("resnet20", side=32, num_classes=len(HARD_NAMES))
    classifier.classes = tuple(HARD_NAMES)
    chosen = images if case.is_overview else images[:1]
    written = explain_files(
        classifier,
        [str(path) for path in chosen],
        on_explained=lambda _: None,
        output=folder / "out",
        name=classifier.choice.name,
        language=case.language,
        **QUICK,
        **case.asked,
    ).written
    assert written
    page = written.overview if case.is_overview else written.pages[0]
    assert page is not None
    document = Document(browser, page)
    yield Shown(document, case.language)
    document.close()


@pytest.mark.slow
def test_the_page_has_no_complaint_and_asks_for_nothing(shown: Shown) -> None:
    claims.has_no_complaint_and_asks_for_nothing(shown.document)


@pytest.mark.slow
def test_every_picture_of_it_is_there_and_has_words(shown: Shown) -> None:
    assert claims.every_picture_is_there_and_has_words(shown.document) > 1


def test_the_page_says_its_language_and_its_headings_follow_each_other(shown: Shown) -> None:
    claims.says_its_language_and_headings_follow_each_other(shown.document, shown.language)


@pytest.mark.slow
@pytest.mark.parametrize(("width_px", "scheme"), list(zip(WIDTHS_PX, SCHEMES, strict=True)))
def test_no_part_of_it_is_wider_than_the_window_or_cut_off(
    shown: Shown, width_px: int, scheme: Scheme
) -> None:
    claims.nothing_is_wide_or_cut_off(shown.document, width_px=width_px, scheme=scheme)


@pytest.mark.slow
def test_no_part_of_it_is_cut_off_on_a4(shown: Shown, tmp_path: Path) -> None:
    claims.nothing_is_cut_off_on_a4(shown.document, tmp_path)


@pytest.mark.slow
def test_its_writing_stands_out_on_every_screen_and_on_paper(shown: Shown) -> None:
    claims.writing_stands_out(shown.document)


@pytest.mark.slow
def test_axe_finds_nothing(shown: Shown) -> None:
    claims.axe_finds_nothing(shown.document, width_px=390, scheme="dark")
