"""How text fits into a picture: names shortened in the middle, words broken into lines.

Widths are estimated, in letters of average width: measuring would need the fonts of the reader.
"""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"
LETTER_EM = 0.55  # average width of a small letter in DejaVu Sans, in units of its size
CAPITAL = 1.25  # letters that a capital is wide
FULL_WIDTH = 2.0  # letters that a Chinese character is wide


def printable(text: str) -> str:
    """The text in one line, without characters that XML forbids or that can't be seen.

    Folders, and so classes, may be called anything.
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def num_letters(text: str) -> float:
    """How wide a text is, in letters of average width."""
    return sum(_letter_width(letter) for letter in text)


def shortened(name: str, most: float) -> str:
    """A name of at most `most` letters' width; what is left out of its middle is an ellipsis.

    The beginning and the end stay: names of classes often differ in one of them only.
    """
    name = printable(name)
    if num_letters(name) <= most:
        return name
    head, tail = "", ""
    for index in range(len(name)):
        # By turns from the front and from the back, until the next one wouldn't fit.
        letter = name[index // 2] if index % 2 == 0 else name[-1 - index // 2]
        if num_letters(head + letter + tail) + 1 > most:
            break
        head, tail = (head + letter, tail) if index % 2 == 0 else (head, letter + tail)
    return f"{head.rstrip()}{ELLIPSIS}{tail.lstrip()}"


def broken(text: str, points: float, *, size: float) -> str:
    """The text in as many lines as it needs.

    Args:
        text: Words with spaces between them, or Chinese, which may be broken anywhere.
        points: Width of a line.
        size: Of the letters, in points.
    """
    most = points / (size * LETTER_EM)
    lines = [""]
    for piece in _pieces(printable(text)):
        if lines[-1] and num_letters((lines[-1] + piece).rstrip()) > most:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def _pieces(text: str) -> list[str]:
    """What must not be broken: words with the space behind them, and single wide letters."""
    pieces: list[str] = []
    for before, letter in zip(" " + text, text, strict=False):
        begins = before == " " or FULL_WIDTH in (_letter_width(before), _letter_width(letter))
        # No line begins with a comma or a space.
        if not pieces or (begins and letter.isalnum()):
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return FULL_WIDTH
    return CAPITAL if letter.isupper() else 1.0
