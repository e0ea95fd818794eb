"""Rendering of templates to HTML documents that need no other file and no network.

Everything that comes from data (names of files and classes) is escaped by Jinja; the document's
content security policy forbids scripts and requests besides.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from numpy.typing import NDArray
from PIL import Image

from convscope.data.dataset import Images
from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode_content
from convscope.languages import language_of, speaking, translated
from convscope.report.translations import translations_of

RIGHT_TO_LEFT = ("R", "AL")  # bidirectional classes: Hebrew and the like, Arabic and the like
ISOLATE, ISOLATE_ENDS = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
TEMPLATES = Path(__file__).parent / "templates"
SMALL_PX = 64  # smaller images are shown pixel by pixel, and kept without loss
ENLARGED_PX = 320  # longest side of a thumbnail that can be enlarged
JPEG_QUALITY = 88
SMALL_COPY_QUALITY = 78
HEADING = re.compile(r'<h2(?: id="([^"]*)")?>(.*?)</h2>', re.DOTALL)
LONGEST = 8.0  # aspect ratio; of a longer image the middle is shown: the whole would be a line


def render(template: str, *, language: str = "en", **values: object) -> str:
    """The HTML document of a template, filled with values.

    Args:
        template: Name of a file in `templates`, without `.html.j2`.
        language: Language of the template's texts, its `t`.
        values: What the template shows.
    """
    page = _environment().get_template(f"{template}.html.j2")
    ids = map("picture-{}".format, itertools.count(1))
    texts, own_name = translations_of(template, language), language_of(language)
    with speaking(own_name):  # sentences of data are translated while the template is filled
        return page.render(
            language=own_name,
            t=texts,
            shared=translations_of("shared", own_name),
            next_id=lambda: next(ids),
            **values,
        )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = "{:,}".format
    environment.filters["percent"] = "{:.1%}".format
    environment.filters["share"] = percent
    environment.filters["short"] = _short
    environment.filters["marked"] = _marked
    environment.filters["isolated"] = isolated
    environment.filters["translated"] = translated
    environment.filters["with_contents"] = with_contents
    return environment


class Section(NamedTuple):
    """An entry of a page's table of contents: a heading's id, and its text."""

    id: str
    title: str


class SectionedContent(NamedTuple):
    """A page's content whose headings of the second level all have an id, and a list of these."""

    content: Markup
    sections: tuple[Section, ...]


def with_contents(content: Markup) -> SectionedContent:
    """The content with its table of contents; headings without an id get one by their number."""
    sections: list[Section] = []

    def with_id(heading: re.Match[str]) -> str:
        given, title = heading.groups()
        sections.append(Section(given or f"section-{len(sections) + 1}", Markup(title).striptags()))
        return f'<h2 id="{sections[-1].id}">{title}</h2>'

    return SectionedContent(Markup(HEADING.sub(with_id, content)), tuple(sections))


def percent(share: float) -> str:
    """A fraction in percent, with as many digits as tell it from 0 % and 100 %, at most four."""
    for digits in (1, 2, 3, 4):
        text = f"{share:.{digits}%}"
        if share in (0.0, 1.0) or float(text[:-1]) not in (0.0, 100.0):
            break
    else:
        text = "< 0.0001%" if share < 0.5 else "> 99.9999%"
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def isolated(name: str) -> str:
    """A name for use in a sentence; one that is read from right to left is isolated there.

    Else the numbers and signs after it would be drawn before it.
    """
    if any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in name):
        return f"{ISOLATE}{name}{ISOLATE_ENDS}"
    return name


def _short(number: float) -> str:
    """A number with three digits that count, never with an exponent."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _marked(text: str) -> Markup:
    """Escaped text in the page's language, with what is between backticks marked as code."""
    text = translated(text)
    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:  # a name has a backtick of its own
        return Markup(str(escape(text)))
    return Markup(
        "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside a document.

    Attributes:
        source: A `data:` URL.
        width: Width in pixels.
        height: Height in pixels.
        is_pixelated: Whether its pixels are to be seen one by one.
    """

    source: str
    width: int
    height: int
    is_pixelated: bool


class Pictures:
    """Thumbnails of a data set's images, until their room is used up.

    Args:
        images: N images.
        decoding: How they are decoded.
        room_bytes: Size of all pictures together.
    """

    def __init__(self, images: Images, decoding: Decoding, *, room_bytes: int) -> None:
        self._images, self._decoding = images, decoding
        self._room = room_bytes

    def of(self, index: int, *, longest_px: int = 176) -> Picture | None:
        """A small copy of an image; None if it can't be read or there is no room left."""
        if self._room <= 0:
            return None
        pixels = self.pixels(index)
        if pixels is None:
            return None
        return self.drawn(_middle_of_long(pixels), longest_px=longest_px)

    def pixels(self, index: int) -> NDArray[np.uint8] | None:
        """The pixels (H, W, C) of an image; None if it can't be read."""
        try:
            return decode_content(self._images.content(index), self._decoding).pixels
        except DamagedImageError:
            return None

    def drawn(self, pixels: NDArray[np.uint8], *, longest_px: int) -> Picture | None:
        """A small copy of pixels (H, W, C); None if there is no room left."""
        picture = embedded(pixels, longest_px=longest_px, quality=SMALL_COPY_QUALITY)
        self._room -= len(picture.source)
        return picture if self._room > 0 else None


def embedded(
    pixels: NDArray[np.uint8], *, longest_px: int | None = None, quality: int = JPEG_QUALITY
) -> Picture:
    """Pixels (H, W, C) inside a page; small ones without loss.

    Args:
        pixels: Grey or RGB pixels.
        longest_px: Longest side of the picture; None for no limit.
        quality: JPEG quality, 1 to 95.
    """
    image = Image.fromarray(
        np.ascontiguousarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    )
    is_small = max(image.size) <= SMALL_PX
    if longest_px is not None and not is_small:
        image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    if is_small:
        image.save(file, "PNG", optimize=True)
    else:
        image.save(file, "JPEG", quality=quality)
    kind = "png" if is_small else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
    return Picture(source, *image.size, is_small)


def _middle_of_long(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    longest = max(1, int(LONGEST * min(height, width)))
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return pixels[top : height - top, left : width - left]
