"""The report of a training or an evaluation in a browser: all is seen, small, wide and printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from known_answers import HARD_NAMES, LONG, Known, evaluation_of, sure_of
from PIL import Image

import convscope
from browser import claims
from browser.opening import SCHEMES, WIDTHS_PX, Document, Scheme
from convscope.api.evaluate import write_evaluation
from convscope.classifier import Decision
from convscope.report.run import run_page
from convscope.report.run_tables import WHOLE_UP_TO

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


ON_A_PHONE: tuple[int, Scheme] = (390, "dark")
ON_A_LAPTOP: tuple[int, Scheme] = (1280, "light")


class Written(NamedTuple):
    path: Path
    language: str


def of_a_training(folder: Path) -> Written:
    """Photos of all shapes under hard names, some damaged; with columns, views and a threshold."""
    random = np.random.default_rng(0)
    rows = ["path,label,split,camera"]
    for number in range(240):
        label = number % 3
        height, width = random.integers(20, 300, 2)
        shape = (400, 40) if number % 40 == 0 else (int(height), int(width))
        pixels = random.integers(0, 120, (*shape, 3), dtype=np.uint8)
        is_odd = number % 5 == 0
        pixels[:, :, (label + is_odd) % 3] += 120
        name = f"{'photo_' * 12}{number}.{'jpg' if number % 2 else 'png'}"
        Image.fromarray(pixels).save(folder / name)
        camera = f"<old> {'קטן' * 20}" if is_odd else "new"
        split = ("train", "val", "test")[number // 3 % 3]
        rows.append(f"{name},{HARD_NAMES[label]},{split},{camera}")
    (folder / "broken.png").write_bytes(b"broken")
    rows.append(f"broken.png,{LONG},test,new")
    table = folder / "photos.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    run = convscope.train(
        table, project=folder / "runs", name="a" * 90, model="lenet_rgb", epochs=2
    )
    evaluation = convscope.evaluate(run, split="all", tta="flip", min_confidence=0.4)
    return Written(write_evaluation(evaluation, folder, run=run, language="zh").report, "zh")


def of_two_classes(folder: Path) -> Written:
    """All right, and sure of it."""
    targets = np.arange(90) % 2
    known = Known(
        logits=sure_of(targets, 2, confidence=np.linspace(0.6, 0.99, 90)),
        targets=targets,
        classes=("cat", "dog"),
        num_seen=None,
    )
    return _written(known, folder, "en")


def of_one_image(folder: Path) -> Written:
    """One wrong image that training saw, of as many classes as a whole matrix can have."""
    classes = [*HARD_NAMES, *(f"class {number}" for number in range(WHOLE_UP_TO - 6))]
    known = Known(
        logits=sure_of(np.array([3]), WHOLE_UP_TO),
        targets=np.array([0]),
        classes=classes,
        num_seen=1,
    )
    return _written(known, folder, "zh")


def of_ten_classes(folder: Path) -> Written:
    """Groups that are worse, hard names, a class without images, temperature and threshold."""
    random = np.random.default_rng(2)
    targets = np.arange(400) % 9
    is_bad = np.arange(400) % 4 == 0
    predicted = np.where(is_bad & (random.random(400) < 0.7), (targets + 1) % 10, targets)
    known = Known(
        logits=sure_of(predicted, 10, confidence=random.uniform(0.3, 0.99, 400)),
        targets=targets,
        classes=(*HARD_NAMES, "owl", "cow", "x" * 30, "absent"),
        names=[f"{LONG}/{number}.png" for number in range(400)],
        columns={LONG: ["bad" if bad else "good" for bad in is_bad]},
        decision=Decision(temperature=1.4, min_confidence=0.5),
    )
    return _written(known, folder, "en")


def of_a_hundred_classes(folder: Path) -> Written:
    """A matrix that is shown in part, with hard names among the shown ones."""
    return _written(_mixed_up(100, 800, accuracy=0.6), folder, "zh")


def of_a_thousand_classes(folder: Path) -> Written:
    """More classes than a table can hold, most with one image or none."""
    return _written(_mixed_up(1000, 900, accuracy=0.3), folder, "en")


def _mixed_up(num_classes: int, count: int, *, accuracy: float) -> Known:
    random = np.random.default_rng(num_classes)
    targets = random.integers(0, num_classes, count)
    other = np.where(random.random(count) < 0.5, targets // 10, (targets + 7) % num_classes)
    predicted = np.where(random.random(count) < accuracy, targets, other)
    names = [f"class {number:04d} of many" for number in range(num_classes)]
    names[: len(HARD_NAMES)] = HARD_NAMES
    logits = sure_of(predicted, num_classes, confidence=random.uniform(0.05, 0.95, count))
    return Known(logits=logits, targets=targets, classes=names)


def _written(known: Known, folder: Path, language: str) -> Written:
    page = run_page(evaluation_of(known), run=None, command="convscope ...", language=language)
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return Written(path, language)


REPORTS: tuple[Callable[[Path], Written], ...] = (
    of_a_training,
    of_two_classes,
    of_one_image,
    of_ten_classes,
    of_a_hundred_classes,
    of_a_thousand_classes,
)


class Shown(NamedTuple):
    document: Document
    language: str


@pytest.fixture(scope="module", params=REPORTS, ids=lambda make: make.__name__)
def shown(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    written = request.param(tmp_path_factory.mktemp("report"))
    document = Document(browser, written.path)
    yield Shown(document, written.language)
    document.close()


def test_the_report_has_no_complaint_and_asks_for_nothing(shown: Shown) -> None:
    claims.has_no_complaint_and_asks_for_nothing(shown.document)


def test_every_picture_is_there_and_has_words(shown: Shown) -> None:
    assert claims.every_picture_is_there_and_has_words(shown.document) > 0


def test_the_report_says_its_language_and_its_headings_follow_each_other(shown: Shown) -> None:
    claims.says_its_language_and_headings_follow_each_other(shown.document, shown.language)


@pytest.mark.parametrize(("width_px", "scheme"), list(zip(WIDTHS_PX, SCHEMES, strict=True)))
def test_nothing_is_wider_than_the_window_or_cut_off(
    shown: Shown, width_px: int, scheme: Scheme
) -> None:
    claims.nothing_is_wide_or_cut_off(
        shown.document, width_px=width_px, scheme=scheme, least_letters_px=12
    )


def test_nothing_is_cut_off_on_a4(shown: Shown, tmp_path: Path) -> None:
    claims.nothing_is_cut_off_on_a4(shown.document, tmp_path)


def test_writing_is_dark_on_light_or_light_on_dark_and_always_so_on_paper(shown: Shown) -> None:
    claims.writing_stands_out(shown.document)


def test_the_table_of_contents_stays_in_view(shown: Shown) -> None:
    claims.contents_stay_in_view(shown.document)


def test_a_thumbnail_is_enlarged_and_made_small_again(shown: Shown) -> None:
    claims.a_thumbnail_is_enlarged_and_made_small_again(shown.document)


def test_axe_finds_nothing(shown: Shown) -> None:
    # Reports in Chinese on a phone, the others on a laptop: axe takes a while.
    width_px, scheme = ON_A_PHONE if shown.language == "zh" else ON_A_LAPTOP
    claims.axe_finds_nothing(shown.document, width_px=width_px, scheme=scheme)
