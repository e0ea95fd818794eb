"""Page: a template and values become one HTML document that needs no other file and no network.

Everything that comes from data (names of files and classes) is escaped by Jinja; the document's
content security policy forbids scripts and requests besides.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from convscope.report.words import WORDS

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *, language: str = "en", **values: object) -> str:
    """The document that a template gives with some values.

    Args:
        template: Name of a file in `templates`, without `.html.j2`.
        language: Of the words that the template takes from `WORDS`.
        values: What the template shows.
    """
    page = _environment().get_template(f"{template}.html.j2")
    return page.render(language=language, words=WORDS[language][template], **values)


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
    environment.filters["short"] = _short
    environment.filters["marked"] = _marked
    return environment


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
