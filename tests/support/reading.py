"""Reading: what stands on a page, and whether it is one whole document that asks for nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}
LOADING = {"script", "link", "iframe", "object", "base", "form"}
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Page(HTMLParser):
    """What a page has, and whether all that was opened is closed.

    Attributes:
        tags: With their attributes.
        words: All text.
        open: Tags that weren't closed.
        rows: Of all tables, as the texts of their cells.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += f" {data.strip()}" if self.rows[-1][-1] else data.strip()

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return re.sub(r"\s+", " ", " ".join(self.words))


def check_asks_for_nothing(page: str) -> None:
    """A page is well-formed, loads nothing, runs nothing, and forbids itself to."""
    parsed = Page(page)
    assert parsed.open == []
    assert not LOADING & {tag for tag, _ in parsed.tags}
    for _, attributes in parsed.tags:
        for name in ("src", "href", "srcset", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("data:image/", "#")), value
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\((?!#)", page)  # "#": a part of the same drawing
    assert "@import" not in page
    policies = [a["content"] for _, a in parsed.tags if "content-security-policy" in str(a).lower()]
    assert policies == [POLICY]
