"""Opening: an HTML file in headless Chromium, its complaints, and what a reader sees of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Scheme = Literal["light", "dark"]

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS_PX = (390, 1280)  # a phone, a laptop
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")


class NoBrowserError(Exception):
    """Why no browser could be started."""


class Measured(TypedDict):
    """What a reader sees of a document; lists tell the places where something is wrong.

    Attributes:
        language: What the document says its language is.
        headings: Levels of the headings, from top to bottom.
        num_pictures: All `<img>`, and `<image>` in drawings.
        broken: Pictures that didn't load.
        without_words: Pictures and drawings that say nothing to those who don't see them.
        width_px: Of the document with everything that makes it scroll sideways.
        sticking_out: What lies partly outside of the window, and in no box that scrolls.
        scrolling_unseen: What can be moved sideways, with nothing that says so.
        smallest_letters_px: Height of the smallest letters in drawings; None without any.
        cut_off: What is larger than its box, so that it is hidden or lies over its neighbour.
    """

    language: str
    headings: list[int]
    num_pictures: int
    broken: list[str]
    without_words: list[str]
    width_px: int
    sticking_out: list[str]
    scrolling_unseen: list[str]
    smallest_letters_px: float | None
    cut_off: list[str]


@contextmanager
def started() -> Iterator[Browser]:
    """A headless browser: the Chromium in the path, else Google Chrome where it usually lies.

    Raises:
        NoBrowserError: Playwright or a browser is missing, or doesn't start.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NoBrowserError("playwright isn't installed") from error
    found = next(filter(None, map(shutil.which, NAMES)), None)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=found,
                channel=None if found else "chrome",
                args=["--no-sandbox"] if is_root else [],  # Chromium has no sandbox for root
            )
        except Error as error:
            raise NoBrowserError(f"no browser starts: {error.message.splitlines()[0]}") from error
        with browser:
            yield browser


class Document:
    """An HTML file open in a browser of its own, offline.

    Attributes:
        page: Playwright's handle.
        complaints: Errors and warnings of the console, and errors of scripts.
        requests: Everything that was asked for besides the file, `data:` left out.
    """

    def __init__(self, browser: Browser, path: Path) -> None:
        address = path.resolve().as_uri()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(offline=True).new_page()
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))
        self.page.on("request", lambda request: self._note(request.url, address))
        self.page.goto(address)

    def show(self, *, width_px: int, scheme: Scheme = "light", on_paper: bool = False) -> None:
        """Shows the document as wide, light or dark, on a screen or printed."""
        self.page.set_viewport_size({"width": width_px, "height": 900})
        self.page.emulate_media(media="print" if on_paper else "screen", color_scheme=scheme)

    def measure(self) -> Measured:
        """What a reader sees of the document as it is shown now."""
        measured: Measured = self.page.evaluate(MEASURE)
        return measured

    def findings_of_axe(self) -> list[str]:
        """What axe-core finds against the document as it is shown now, with all that opens open."""
        from axe_playwright_python.sync_playwright import Axe

        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(self.page).response["violations"]
        self.page.reload()
        return [
            f"{rule['id']}: {place['target']} {place['failureSummary']}"
            for rule in found
            for place in rule["nodes"]
        ]

    def style(self, selector: str, name: str) -> str:
        """What a style comes to, of the first element that matches."""
        script = "(one, name) => getComputedStyle(one).getPropertyValue(name)"
        return str(self.page.locator(selector).first.evaluate(script, name))

    def save_picture(self, path: Path) -> None:
        """Saves the whole document as it is shown now as a PNG."""
        self.page.screenshot(path=path, full_page=True)

    def save_pdf(self, path: Path) -> None:
        """Saves the document as it is printed on A4."""
        self.page.pdf(path=path, format="A4", print_background=True, prefer_css_page_size=True)

    def close(self) -> None:
        """Closes it, and all that belongs to it."""
        self.page.context.close()

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _note(self, address: str, own: str) -> None:
        if address.partition("#")[0] != own and not address.startswith("data:"):
            self.requests.append(address)
