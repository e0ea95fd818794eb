"""The language in which people are told things.

Code and files hold English sentences, filled with values. On its way to a reader a sentence is
translated by a catalogue of templates (`templates.py`); what the catalogue lacks stays English. So
a sentence stands where it is decided on, and one that comes out of a file is translated as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from convscope.errors import UsageError
from convscope.languages.templates import Catalogue
from convscope.text import either_of, plain

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)

# What languages are called elsewhere, in `plain` writing.
OTHER_NAMES = {
    **dict.fromkeys(("english", "eng", "enus", "engb"), ENGLISH),
    **dict.fromkeys(
        ("chinese", "mandarin", "zhcn", "zhsg", "zhhans", "zhhanscn", "zho", "cn", "中文", "汉语"),
        CHINESE,
    ),
}

_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


def language_of(name: str) -> str:
    """The language of this name: `zh` for `zh`, `zh-CN`, `cn` and `chinese`.

    Raises:
        UsageError: There are no texts in it.
    """
    language = OTHER_NAMES.get(plain(name), name.lower())
    if language not in LANGUAGES:
        raise UsageError(
            f"there is no report in the language `{name}`", hint=f"it can be {either_of(LANGUAGES)}"
        )
    return language


def spoken() -> str:
    """The language in which people are told things now."""
    return _spoken.get()


def speak(language: str) -> None:
    """Tells people things in this language from now on, in this thread."""
    _spoken.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Context manager in which people are told things in this language."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def translated(text: str) -> str:
    """A text in the language that is spoken, line by line; what has no translation stays."""
    catalogue = _catalogue_of(spoken())
    if catalogue is None:
        return text
    return "\n".join(catalogue.translated(line) for line in text.split("\n"))


def _chinese() -> Mapping[str, str]:
    from convscope.languages.chinese import TEMPLATES  # nobody else needs them

    return TEMPLATES


_SOURCES: dict[str, Callable[[], Mapping[str, str]]] = {CHINESE: _chinese}


@cache
def _catalogue_of(language: str) -> Catalogue | None:
    """The catalogue of a language; None for English."""
    return Catalogue(_SOURCES[language]()) if language in _SOURCES else None
