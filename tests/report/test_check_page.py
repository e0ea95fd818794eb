"""The page of a check: one file, nothing from outside, names can't harm it, and it stays small."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading import Page, check_asks_for_nothing

from convscope.api.check import Checked, check
from convscope.data.dataset import ArrayImages, Dataset
from convscope.report.check import histogram
from convscope.report.page import render


def picture(seed: int, *, height: int = 90, width: int = 120) -> Image.Image:
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 235, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def fill(folder: Path, *, count: int, first: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(first + number).save(folder / f"{number:03d}.png")


def written(checked: Checked, folder: Path) -> str:
    return checked.write(folder).page.read_text(encoding="utf-8")


EVIL_CLASS = "<img src=x onerror=alert(1)>"
EVIL_NAME = "<script>alert('1')&\"`x`.png"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of data with a leak, a damaged file and malicious names."""
    root = tmp_path_factory.mktemp("data") / "pets"
    for place, split in enumerate(("train", "test")):
        fill(root / split / "cat", count=12, first=100 * place)
        fill(root / split / EVIL_CLASS, count=12, first=1000 + 100 * place)
    (root / "train/cat" / EVIL_NAME).write_bytes((root / "test/cat/001.png").read_bytes())
    (root / "train/cat" / f"broken {EVIL_NAME}").write_bytes(b"broken")
    shutil.copy(root / "train/cat/003.png", root / "train/cat/same.png")
    checked = check(root, img_size=64)
    return written(checked, tmp_path_factory.mktemp("out"))


@pytest.mark.slow
def test_the_page_is_one_well_formed_document_that_asks_for_nothing(page: str) -> None:
    check_asks_for_nothing(page)
    assert "url(" not in page


def test_names_of_files_and_classes_are_shown_and_do_nothing(page: str) -> None:
    assert "<script" not in page
    assert "onerror=alert" not in re.sub(r"&lt;img src=x onerror=alert\(1\)&gt;", "", page)
    text = Page(page).text
    assert EVIL_CLASS in text
    assert "alert('1')" in text


def test_every_picture_has_words_for_those_who_do_not_see_it(page: str) -> None:
    pictures = [a for t, a in Page(page).tags if t == "img"]
    assert pictures
    assert all(a.get("alt") for a in pictures)
    assert all(a.get("aria-label") for t, a in Page(page).tags if t == "svg")


def test_headings_follow_each_other_without_a_gap(page: str) -> None:
    levels = [int(t[1]) for t, _ in Page(page).tags if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_links_lead_to_places_that_are_there(page: str) -> None:
    tags = Page(page).tags
    targets = {f"#{a['id']}" for _, a in tags if "id" in a}
    links = {a["href"] for t, a in tags if t == "a"}
    assert links
    assert links <= targets


def test_the_page_says_what_was_found_and_how_to_go_on(page: str) -> None:
    text = Page(page).text
    assert "Deal with these before training: unreadable files (1 image)" in text
    assert "same picture in several splits" in text
    assert "half of the images lie between" not in text  # all have one size
    assert "All images are 120 px wide and 90 px high." in text
    assert "The median fraction cut off an image is 25%, the largest 25%." in text
    assert "convscope check pets" in text
    assert "convscope train pets --exclude" in text


def test_the_overview_counts_copies_as_the_findings_do(page: str) -> None:
    counts = re.findall(r'</a><span class="count">([^<]*)</span>', page)
    totals = re.findall(r'<span class="total">([^<]*)</span>', page)
    about_images = [(one, other) for one, other in zip(counts, totals, strict=True) if other]
    assert all(one == other for one, other in about_images)
    assert "2 images in 1 group" in counts


@pytest.mark.slow
def test_clean_data_gets_a_page_without_findings(tmp_path: Path) -> None:
    for place, label in enumerate(("cat", "dog")):
        fill(tmp_path / "pets" / label, count=24, first=100 * place)
    text = Page(written(check(tmp_path / "pets"), tmp_path / "out")).text
    assert "Nothing is wrong. Labels are not judged." in text
    assert "labels not judged" in text
    assert "convscope train pets" in text
    assert "--exclude" not in text


def test_data_of_which_nothing_can_be_read_gets_a_page(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        (tmp_path / "pets" / label / "1.png").write_bytes(b"")
    text = Page(written(check(tmp_path / "pets"), tmp_path / "out")).text
    assert "unreadable files (2 images)" in text


@pytest.mark.parametrize(("fit", "words"), [("pad", "black borders"), ("stretch", "aspect ratio")])
def test_other_fits_are_shown_without_a_frame(tmp_path: Path, fit: str, words: str) -> None:
    for place, label in enumerate(("cat", "dog")):
        fill(tmp_path / "pets" / label, count=3, first=100 * place)
    checked = check(tmp_path / "pets", fit=fit)
    page = written(checked, tmp_path / "out")
    assert words in Page(page).text
    assert 'class="kept"' not in page


@pytest.mark.slow
def test_a_page_of_many_classes_and_copies_stays_below_five_megabytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (600, 160, 160, 3), dtype=np.uint8)
    pixels[300:] = pixels[:300]  # noise, which no format makes small
    dataset = Dataset(
        name="noise",
        images=ArrayImages(pixels, [f"image/{number}" for number in range(600)]),
        labels=np.arange(600) % 300 % 100,
        classes=tuple(f"class {number:03d}" for number in range(100)),
        given_splits=["train"] * 300 + ["test"] * 300,
    )
    page = written(check(dataset), tmp_path)
    assert len(page.encode()) < 5_000_000
    text = Page(page).text
    assert "60 classes in between, with 6 to 6 images each" in text
    assert "50 more classes are not shown." in text
    assert "8 of 300 groups are shown." in text


@pytest.mark.slow
def test_of_hundreds_of_small_classes_the_first_are_listed_and_the_others_counted(
    tmp_path: Path,
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (900, 8, 8, 1), dtype=np.uint8)
    dataset = Dataset(
        name="small",
        images=ArrayImages(pixels, [f"image/{number}" for number in range(900)]),
        labels=np.arange(900) % 450,
        classes=tuple(f"class {number:03d}" for number in range(450)),
        given_splits=[""] * 900,
    )
    page = written(check(dataset), tmp_path)
    assert page.count(" has 2 images</li>") == 200
    assert "And 250 more; convscope check --json has all" in Page(page).text
    assert "410 classes in between, with 2 to 2 images each" in Page(page).text


def test_a_template_with_a_value_missing_is_an_error() -> None:
    with pytest.raises(Exception, match="'audit' is undefined"):
        render("check")


def test_a_histogram_counts_every_value_once() -> None:
    values = np.random.default_rng(0).lognormal(5, 1, 1000)
    drawn = histogram(values)
    assert drawn is not None
    assert drawn.is_logarithmic
    assert sum(bar.count for bar in drawn.bars) == 1000
    (lowest, left), (highest, right) = drawn.ticks[0], drawn.ticks[-1]
    assert (lowest, highest) == pytest.approx((values.min(), values.max()))
    assert (left, right) == (0, 1)
    assert histogram(np.full(5, 3.0)) is None
