"""The page of a check in a browser: asks for nothing, all is seen, small, wide and printed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from browser import claims
from browser.opening import SCHEMES, WIDTHS_PX, Document, Scheme
from convscope.api.check import check
from convscope.data.dataset import ArrayImages, Dataset

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

LONG = "a_class_with_a_name_that_has_no_place_to_break_and_goes_on_and_on_" + "x" * 60


def fill(folder: Path, *, count: int, first: int, size: tuple[int, int] = (120, 90)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        coarse = np.random.default_rng(number).integers(20, 235, (5, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:04d}.png")


def faulty(root: Path) -> Path:
    """Leaks, copies, damage, sizes and shapes of all kinds, and names that are hard to set."""
    for place, split in enumerate(("train", "test")):
        for index, label in enumerate(("cat", "三花猫和其他的动物", LONG, "<b onclick=x>&")):
            first = 1000 * place + 100 * index
            fill(root / split / label, count=8, first=first, size=(60 + 90 * index, 90))
    train, test = root / "train", root / "test"
    fill(train / "cat", count=2, first=5000, size=(16, 12))
    fill(train / "cat", count=2, first=5010, size=(400, 40))
    fill(train / "cat", count=2, first=5020, size=(40, 400))
    for number in range(6):
        shutil.copy(train / LONG / "0200.png", train / "cat" / f"{'copy_' * 20}{number}.png")
    shutil.copy(test / "cat/1001.png", train / "cat/leak.png")
    Image.new("RGB", (120, 90)).save(train / "cat/black.png")
    for number in range(40):
        (train / "cat" / f"broken{'_' * 90}{number}.png").write_bytes(b"broken")
    return root


def clean(root: Path) -> Path:
    for place, label in enumerate(("cat", "dog")):
        fill(root / label, count=24, first=100 * place)
    return root


def unreadable(root: Path) -> Path:
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        (root / label / "1.png").write_bytes(b"")
    return root


def many_classes(root: Path) -> Dataset:
    return Dataset(
        name=root.name,
        images=ArrayImages(
            np.random.default_rng(0).integers(0, 256, (600, 16, 16, 3), dtype=np.uint8),
            [f"image/{number}" for number in range(600)],
        ),
        labels=np.arange(600) % 120,
        classes=tuple(f"class {number:03d}" for number in range(120)),
        given_splits=["train", "validation", "test"] * 200,
    )


DATA: tuple[Callable[[Path], Path | Dataset], ...] = (faulty, clean, unreadable, many_classes)


@pytest.fixture(scope="module", params=DATA, ids=lambda make: make.__name__)
def document(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Document]:
    folder = tmp_path_factory.mktemp("browser")
    checked = check(request.param(folder / "pets"), img_size=64)
    document = Document(browser, checked.write(folder).page)
    yield document
    document.close()


def test_the_page_has_no_complaint_and_asks_for_nothing(document: Document) -> None:
    claims.has_no_complaint_and_asks_for_nothing(document)


def test_every_picture_is_there_and_has_words(document: Document) -> None:
    count = claims.every_picture_is_there_and_has_words(document)
    assert (count > 0) == ("cat/1.png" not in document.page.content())


def test_the_page_says_its_language_and_its_headings_follow_each_other(document: Document) -> None:
    claims.says_its_language_and_headings_follow_each_other(document, "en")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_nothing_is_wider_than_the_window_or_cut_off(
    document: Document, width_px: int, scheme: Scheme
) -> None:
    claims.nothing_is_wide_or_cut_off(document, width_px=width_px, scheme=scheme)


def test_nothing_is_cut_off_on_a4(document: Document, tmp_path: Path) -> None:
    claims.nothing_is_cut_off_on_a4(document, tmp_path)


def test_writing_is_dark_on_light_or_light_on_dark_and_always_so_on_paper(
    document: Document,
) -> None:
    claims.writing_stands_out(document)


def test_colours_of_a_dark_screen_are_not_printed(document: Document) -> None:
    claims.colours_of_a_dark_screen_are_not_printed(document)


def test_axe_finds_nothing(document: Document) -> None:
    claims.axe_finds_nothing(document, width_px=390, scheme="light")
