"""Labels that are several ones: an image belongs to one class, so such data is refused.

Class names may have blanks and commas (`golden retriever`, `Labrador, yellow`). So a label counts
as several only on evidence: it is written as a list, or its parts are labels of other images.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.errors import DataError
from convscope.text import counted, shown

LIST = re.compile(
    r"[\[({]\s*(?:(['\"]).*\1,?|-?[\d.]+(?:[\s,;]+-?[\d.]+)+)\s*[\])}]"  # quoted texts, or numbers
    r"|\[[^\[\]]*[,;|][^\[\]]*\]",  # anything with commas in square brackets
    re.DOTALL,
)
LIST_SEPARATORS = ("|", ";", "\n", ",")
OTHER_SEPARATORS = ("+", "&", "/", " ")  # also within the names of single classes


class _Combination(NamedTuple):
    """A cell with several labels, and what tells it."""

    cell: str
    why: str


def check_one_label(cells: Sequence[str], codes: NDArray[np.integer], *, where: str) -> None:
    """Refuses labels of which some are several ones.

    Args:
        cells: The different labels as they are written.
        codes: (N,) index of each image's label.
        where: What holds the labels, as the user calls it.

    Raises:
        DataError: Some are.
    """
    cells = list(cells)
    lists = sorted(filter(LIST.fullmatch, cells), key=lambda cell: "," not in cell)
    found = [_Combination(cell, "a list") for cell in lists]
    found = found or _combinations([cell for cell in cells if cell])
    if not found:
        return
    combined = {each.cell for each in found}
    num_images = int(np.isin(codes, [i for i, cell in enumerate(cells) if cell in combined]).sum())
    first = found[0]
    raise DataError(
        f"{where} has several labels for {counted(num_images, 'image')}: "
        f"`{shown(first.cell)}` is {first.why}",
        hint="an image belongs to one class here: keep one label for each, or leave these images "
        "out; if this is the name of a single class, write it with `_` between its words",
    )


def _combinations(cells: Sequence[str]) -> list[_Combination]:
    """The cells whose parts are labels elsewhere, by the first separator that gives any."""
    for separator in (*LIST_SEPARATORS, *OTHER_SEPARATORS):
        parts = {}
        for cell in cells:
            stripped = (part.strip() for part in cell.split(separator))
            parts[cell] = tuple(dict.fromkeys(part for part in stripped if part))
        found = _made_of_labels(parts)
        if not found and separator in LIST_SEPARATORS:
            found = _in_any_order(parts)
        if found:
            return found
    return []


def _made_of_labels(parts: Mapping[str, Sequence[str]]) -> list[_Combination]:
    """The cells of several parts, each of which is the label of another cell by itself."""
    return [
        _Combination(cell, f"{_all_of(some)} elsewhere")
        for cell, some in parts.items()
        if len(some) > 1 and all(part in parts for part in some)
    ]


def _in_any_order(parts: Mapping[str, Sequence[str]]) -> list[_Combination]:
    """The cells whose parts all recur in other cells, one of them at another position.

    `a|b`, `a|c` and `b|c` are lists of labels; `Labrador, yellow` and `Labrador, black` are not: a
    kind stands first there, and a colour second.
    """
    cells_of, places = defaultdict(set), defaultdict(set)
    for cell, some in parts.items():
        for place, part in enumerate(some):
            cells_of[part].add(cell)
            places[part].add(place)
    return [
        _Combination(cell, f"{_all_of(some)}, which are in other cells too")
        for cell, some in parts.items()
        if len(some) > 1
        and all(len(cells_of[part]) > 1 for part in some)
        and any(len(places[part]) > 1 for part in some)
    ]


def _all_of(parts: Sequence[str]) -> str:
    return ", ".join(f"`{shown(part)}`" for part in parts[:-1]) + f" and `{shown(parts[-1])}`"
