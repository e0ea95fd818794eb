"""The language of a verb: its flag `--lang`, and printing in that language.

Chinese letters are two columns of a terminal wide, and lines may end behind any of them.
"""

from __future__ import annotations

import re
from typing import IO

import click

from convscope.errors import UsageError
from convscope.languages import ENGLISH, LANGUAGES, language_of, speak, translated

LANGUAGE = "language"  # the flag's name among the parameters of a verb
WIDE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60"
OPENING, CLOSING = "（《“「", "，。；：）》”」！？、"
# What no line ends in: a word, or a wide letter, with its punctuation.
PIECES = re.compile(rf"[{OPENING}]*(?:[^\s{WIDE}]+|[{WIDE}])[{CLOSING}]*\s*")


def _speak(context: click.Context, parameter: click.Parameter, name: str) -> None:
    try:
        speak(language_of(name))
    except UsageError as error:
        raise UsageError(f"`--lang` can't be `{name}`", hint=error.hint) from error


def lang_option() -> click.Option:
    """The flag `--lang`, which all verbs have."""
    return click.Option(
        ["--lang", LANGUAGE],
        default=ENGLISH,
        metavar="|".join(LANGUAGES),
        expose_value=False,
        is_eager=True,  # so that errors about other flags are in it
        callback=_speak,
        help="Language of what is printed and of pages. Files, help and rare errors stay English. "
        "[default: en]",
    )


def say(text: str = "", *, file: IO[str] | None = None) -> None:
    """Prints a text in the language of the verb.

    Args:
        text: The English text.
        file: A stream; None for standard output.
    """
    print(translated(text), file=file)


def padded(text: str, width: int) -> str:
    """A text with spaces behind it, this many columns wide."""
    from rich.cells import cell_len  # takes a tenth of a second

    return text + " " * (width - cell_len(text))


def wrapped(text: str, width: int) -> list[str]:
    """A text as lines of at most this many columns; a word that is longer has its own line."""
    from rich.cells import cell_len

    lines = [""]
    for piece in PIECES.findall(text):
        if lines[-1] and cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]
