"""The confusion matrix as a table that stays readable: all classes, or those with most mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE_UP_TO = 20  # classes; a table of more can't be read
CHOSEN = 12  # classes of a larger one


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        count: Images.
        share: Of the row's images, 0 to 1.
        is_right: Whether it is on the diagonal.
    """

    count: int
    share: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """A table to show.

    Attributes:
        classes: Names of its rows and columns.
        rows: Of cells; with `is_part` the last cell is for all other classes.
        is_part: Whether there are more classes than these.
    """

    classes: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_part: bool


def confusion_table(counts: NDArray[np.int64], classes: Sequence[str]) -> ConfusionTable:
    """The whole matrix, or the classes that most mistakes are of or go to.

    Args:
        counts: (K, K); rows are true classes.
        classes: K names.
    """
    is_part = len(classes) > WHOLE_UP_TO
    chosen = np.arange(len(classes))
    if is_part:
        wrong = counts - np.diag(np.diagonal(counts))
        involved = wrong.sum(axis=0) + wrong.sum(axis=1)
        chosen = np.sort(np.argsort(-involved, kind="stable")[:CHOSEN])
    rows = []
    for index in chosen.tolist():
        total = max(1, int(counts[index].sum()))
        cells = [
            Cell(int(counts[index, other]), float(counts[index, other] / total), other == index)
            for other in chosen
        ]
        if is_part:
            rest = int(counts[index].sum() - counts[index, chosen].sum())
            cells.append(Cell(rest, rest / total, is_right=False))
        rows.append(tuple(cells))
    return ConfusionTable(tuple(classes[index] for index in chosen.tolist()), tuple(rows), is_part)


def most_often_taken_for(counts: NDArray[np.int64], classes: Sequence[str]) -> list[dict[str, Any]]:
    """For each class what it is most often taken for, if anything."""
    wrong = counts - np.diag(np.diagonal(counts))
    best = [int(other) for other in wrong.argmax(axis=1)]
    return [
        {"name": classes[other], "count": int(wrong[index, other])}
        for index, other in enumerate(best)
    ]
