"""What `measure` calls wrong: faults planted in small pages are found, and told where they are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from browser.opening import Document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
SCREENSHOTS = Path(__file__).parent / "screenshots.py"

Open = Callable[[str], Document]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    documents = []

    def open_page(body: str) -> Document:
        path = tmp_path / "page.html"
        path.write_text(
            "<!doctype html><html lang=en><meta charset=utf-8>"
            "<meta name=viewport content='width=device-width'><style>*{margin:0}</style>" + body
        )
        documents.append(Document(browser, path))
        documents[-1].show(width_px=390)
        return documents[-1]

    yield open_page
    for document in documents:
        document.close()


@pytest.mark.slow
def test_a_sound_page_has_no_fault(opened: Open) -> None:
    document = opened(f"<h1>Title</h1><h2>Part</h2><p>text<img src='{DOT}' alt='a dot'>")
    assert document.measure() == {
        "language": "en",
        "headings": [1, 2],
        "num_pictures": 1,
        "broken": [],
        "without_words": [],
        "width_px": 390,
        "sticking_out": [],
        "scrolling_unseen": [],
        "smallest_letters_px": None,
        "cut_off": [],
    }
    assert (document.complaints, document.requests) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.warn('careful')", "warning: careful"),
        ("console.error('wrong')", "error: wrong"),
        ("throw new Error('thrown')", "error: thrown"),
    ],
)
def test_what_a_page_complains_of_is_heard(opened: Open, script: str, complaint: str) -> None:
    assert opened(f"<script>{script}</script>").complaints == [complaint]


@pytest.mark.slow
def test_what_a_page_asks_for_is_noted_unless_it_is_in_the_page(opened: Open) -> None:
    document = opened(
        f"<img src='{DOT}'><img src='http://example.invalid/a.png'><a href='#a'>a</a>"
    )
    document.page.get_by_text("a", exact=True).click()
    assert document.requests == ["http://example.invalid/a.png"]


@pytest.mark.slow
def test_pictures_that_did_not_load_or_have_no_words_are_told(opened: Open) -> None:
    document = opened(
        "<p id=bad><img src='data:image/png;base64,AAAA' alt='picture'></p>"
        f"<p id=mute><img src='{DOT}'></p>"
        "<svg id=drawn aria-label='drawing' width=9 height=9>"
        "<image href='data:image/png;base64,AAAA' width=9 height=9 /></svg>"
    )
    measured = document.measure()
    assert measured["broken"] == ["p#bad > img", "svg#drawn > image"]
    assert measured["without_words"] == ["p#mute > img"]
    assert measured["num_pictures"] == 3


@pytest.mark.slow
def test_what_sticks_out_is_told_unless_its_box_scrolls(opened: Open) -> None:
    wide = "<div style='width: 500px'>wide</div>"
    document = opened(
        f"<section id=free>{wide}</section>"
        f"<section id=held style='overflow-x: auto'>{wide}</section>"
        "<p id=left style='position: absolute; left: -20px'>left</p>"
    )
    measured = document.measure()
    assert measured["sticking_out"] == ["section#free > div 'wide'", "p#left 'left'"]
    assert measured["width_px"] == 500


@pytest.mark.slow
def test_what_scrolls_sideways_is_told_unless_it_shows_it(opened: Open) -> None:
    wide = "<p style='width: 500px'>wide</p>"
    shadow = "linear-gradient(to left, grey, transparent)"
    document = opened(
        f"<div id=bare style='overflow-x: auto'>{wide}</div>"
        f"<div id=shown style='overflow-x: auto; background: {shadow}'>{wide}</div>"
        "<div id=fits style='overflow-x: auto'>fits</div>"
    )
    assert document.measure()["scrolling_unseen"] == ["div#bare 'wide'"]


@pytest.mark.slow
def test_letters_in_drawings_are_measured_as_they_are_shown(opened: Open) -> None:
    document = opened(
        "<svg aria-label='drawing' viewBox='0 0 100 50' width=200>"
        "<text x=5 y=20 font-size=10>20 px</text>"
        "<text x=60 y=20 font-size=8 transform='rotate(30 60 20)'>16</text></svg>"
    )
    assert document.measure()["smallest_letters_px"] == pytest.approx(16)


@pytest.mark.slow
def test_axe_finds_what_was_planted_also_in_what_is_closed(opened: Open) -> None:
    document = opened(
        "<main><h1>Title</h1><details><summary>more</summary>"
        "<p style='color: #ccc; background: #fff'>pale</p></details></main>"
    )
    (found,) = [each for each in document.findings_of_axe() if each.startswith("color-contrast")]
    assert "p" in found


@pytest.mark.slow
@pytest.mark.parametrize(
    "style",
    [
        "width: 50px; overflow: hidden; white-space: nowrap",
        "width: 50px; white-space: nowrap",  # lies over what is beside it
        "width: 50px; height: 20px; overflow: hidden",
    ],
)
def test_text_larger_than_its_box_is_told(opened: Open, style: str) -> None:
    document = opened(f"<p id=cut style='{style}'>some words that need room</p>")
    assert document.measure()["cut_off"] == ["p#cut 'some words that need room'"]


@pytest.mark.slow
def test_writing_beyond_its_drawing_is_told(opened: Open) -> None:
    document = opened(
        "<svg aria-label='drawing' width=100 height=30>"
        "<text x=5 y=15>in</text><text id=out x=90 y=15>outside</text></svg>"
    )
    assert document.measure()["cut_off"] == ["text#out 'outside'"]


@pytest.mark.slow
def test_a_box_that_scrolls_is_cut_off_on_paper_only(opened: Open) -> None:
    document = opened(
        "<div id=box style='overflow: auto; height: 40px'><p style='width: 500px'>a<br>b<br>c</div>"
    )
    assert document.measure()["cut_off"] == []
    document.show(width_px=390, on_paper=True)
    assert document.measure()["cut_off"] == ["div#box 'abc'"]


@pytest.mark.slow
def test_screenshots_are_whole_pages_small_and_wide_light_and_dark(
    browser: Browser, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    report.write_text(
        "<!doctype html><meta name=viewport content='width=device-width'>"
        "<meta name=color-scheme content='light dark'><div style='height: 2000px'>high</div>"
    )
    command = [sys.executable, str(SCREENSHOTS), str(report), str(tmp_path / "shots")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    paths = sorted((tmp_path / "shots").iterdir())
    assert sorted(done.stdout.split()) == [str(path) for path in paths]
    sizes, corners = {}, {}
    for path in paths:
        with Image.open(path) as picture:
            sizes[path.stem] = picture.size[0]
            corner: Any = picture.convert("RGB").getpixel((380, 1900))
            corners[path.stem] = sum(corner) > 380
            assert picture.size[1] > 2000
    assert sizes == {
        "report-1280-dark": 1280,
        "report-1280-light": 1280,
        "report-390-dark": 390,
        "report-390-light": 390,
    }
    assert [name for name, is_light in corners.items() if is_light] == [
        "report-1280-light",
        "report-390-light",
    ]


def test_screenshots_of_a_missing_file_are_refused(tmp_path: Path) -> None:
    command = [sys.executable, str(SCREENSHOTS), "missing.html", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: there is no file `missing.html`\n"


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_without_a_browser_users_skip_and_ci_fails(ci: str, outcome: str) -> None:
    words = ["-q", "-p", "no:cacheprovider", f"{__file__}::test_a_sound_page_has_no_fault"]
    script = f"""
import sys
sys.modules["playwright"] = None  # as if it weren't installed
import pytest
pytest.main({words})
"""
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert outcome in done.stdout
    assert "playwright isn't installed" in done.stdout
