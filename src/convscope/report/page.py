"""Page: a template and values become one HTML document that needs no other file and no network.

Everything that comes from data (names of files and classes) is escaped by Jinja; the document's
content security policy forbids scripts and requests besides.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from convscope.report.words import words_of

FROM_THE_RIGHT = ("R", "AL")  # Hebrew and its kin, Arabic and its kin
ISOLATE, ISOLATE_ENDS = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *, language: str = "en", **values: object) -> str:
    """The document that a template gives with some values.

    Args:
        template: Name of a file in `templates`, without `.html.j2`.
        language: Of the words that the template takes.
        values: What the template shows.
    """
    page = _environment().get_template(f"{template}.html.j2")
    return page.render(language=language, words=words_of(template, language), **values)


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
    return environment


def percent(share: float) -> str:
    """A share in percent, with as many digits as tell it from 0 % and 100 %, at most four."""
    for digits in (1, 2, 3, 4):
        text = f"{share:.{digits}%}"
        if share in (0.0, 1.0) or float(text[:-1]) not in (0.0, 100.0):
            break
    else:
        text = "< 0.0001%" if share < 0.5 else "> 99.9999%"
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def isolated(name: str) -> str:
    """A name to stand in a sentence; one that is read from right to left keeps to itself there.

    Else the numbers and signs after it would be drawn before it.
    """
    if any(unicodedata.bidirectional(letter) in FROM_THE_RIGHT for letter in name):
        return f"{ISOLATE}{name}{ISOLATE_ENDS}"
    return name


def _short(number: float) -> str:
    """A number with three digits that count, never with an exponent."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _marked(text: str) -> Markup:
    """Text in which what stands between backticks is set as code; all of it is escaped."""
    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:  # a name has a backtick of its own
        return Markup(str(escape(text)))
    return Markup(
        "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    )
