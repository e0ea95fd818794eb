"""The page of what layers answer to, in a browser: all is seen, small, wide and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from known_answers import LONG
from made import made_classifier

from browser import claims
from browser.opening import SCHEMES, WIDTHS_PX, Document, Scheme
from convscope.api.inspect import write_inspection
from convscope.data.pixels.prepared import ArrayPixels
from convscope.inspection.feature_maps.layer_views import Inspection, LayerQuestion, view_layers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LAYERS = ("conv1", "layer3.2.conv2", "fc")


@pytest.fixture(scope="module")
def document(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Document]:
    images = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    classifier = made_classifier("resnet20")
    classifier.network.get_parameter("conv1.weight").data[3] = 0
    views = view_layers(classifier, ArrayPixels(images), np.arange(9), LayerQuestion(layers=LAYERS))
    names = tuple(f"{LONG}/{number}.png" for number in range(9))
    found = Inspection(views=tuple(views), names=names, images="all images", example=images[0])
    page = write_inspection(
        found,
        tmp_path_factory.mktemp("inspected") / "page.html",
        name=LONG,
        command=f"convscope inspect {LONG}",
        language="zh",
    )
    opened = Document(browser, page)
    yield opened
    opened.close()


@pytest.mark.slow
def test_the_page_has_no_complaint_and_asks_for_nothing(document: Document) -> None:
    claims.has_no_complaint_and_asks_for_nothing(document)


def test_every_picture_of_it_is_there_and_has_words(document: Document) -> None:
    assert claims.every_picture_is_there_and_has_words(document) > 50


def test_the_page_says_its_language_and_its_headings_follow_each_other(document: Document) -> None:
    claims.says_its_language_and_headings_follow_each_other(document, "zh")


@pytest.mark.slow
@pytest.mark.parametrize(("width_px", "scheme"), list(zip(WIDTHS_PX, SCHEMES, strict=True)))
def test_no_part_of_it_is_wider_than_the_window_or_cut_off(
    document: Document, width_px: int, scheme: Scheme
) -> None:
    claims.nothing_is_wide_or_cut_off(document, width_px=width_px, scheme=scheme)


@pytest.mark.slow
def test_no_part_of_it_is_cut_off_on_a4(document: Document, tmp_path: Path) -> None:
    claims.nothing_is_cut_off_on_a4(document, tmp_path)


@pytest.mark.slow
def test_its_writing_stands_out_on_every_screen_and_on_paper(document: Document) -> None:
    claims.writing_stands_out(document)


@pytest.mark.slow
@pytest.mark.parametrize(("width_px", "scheme"), list(zip(WIDTHS_PX, SCHEMES, strict=True)))
def test_axe_finds_nothing(document: Document, width_px: int, scheme: Scheme) -> None:
    claims.axe_finds_nothing(document, width_px=width_px, scheme=scheme)
