"""Exclusions: the list of images that a training leaves out, written by a check or by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.findings import Finding
from convscope.data.dataset import Dataset
from convscope.errors import DataError, counted, listed
from convscope.files import write_csv

HEADER = ("image", "reason", "exclude", "finding")
ANSWERS = {
    **dict.fromkeys(("yes", "y", "true", "1", "x"), True),
    **dict.fromkeys(("no", "n", "false", "0", ""), False),
}
SEPARATORS = (",", ";", "\t")  # spreadsheets of some countries write semicolons
TABLE_SUFFIXES = (".csv", ".tsv")


class ExclusionRow(NamedTuple):
    """One image of the list; `answer` is `yes` or `no`."""

    image: str
    reason: str
    answer: str
    finding: str


def exclusion_rows(findings: Iterable[Finding]) -> list[ExclusionRow]:
    """One row for each image of errors and warnings: image, reason, `yes` or `no`, finding.

    An image of several findings is left out if one of them says so.
    """
    reasons: dict[str, list[str]] = {}
    titles: dict[str, list[str]] = {}
    excluded: set[str] = set()
    for found in findings:
        if found.severity == "note":
            continue
        for image in found.images:
            reasons.setdefault(image.name, []).append(image.reason)
            titles.setdefault(image.name, []).append(found.title)
            if image.exclude:
                excluded.add(image.name)
    return [
        ExclusionRow(
            name,
            "; ".join(dict.fromkeys(reasons[name])),
            "yes" if name in excluded else "no",
            "; ".join(dict.fromkeys(titles[name])),
        )
        for name in reasons
    ]


def write_exclusions(path: Path, findings: Iterable[Finding]) -> Path | None:
    """Writes the list; one that is there already with other rows, and may be edited, is kept.

    Returns:
        Where the other list went, or None if there was none.
    """
    kept = None
    if path.exists():
        numbered = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(1))
        kept = next(other for other in numbered if not other.exists())
        path.replace(kept)
    write_csv(path, HEADER, exclusion_rows(findings))
    if kept is not None and kept.read_bytes() == path.read_bytes():
        kept.unlink()
        return None
    return kept


def read_exclusions(path: str | Path, dataset: Dataset) -> NDArray[np.int64]:
    """Indices of the images to leave out, sorted.

    Args:
        path: The table that `convscope check` writes, of which the rows with `yes` count, or a
            plain list of image names, one a line, where lines that begin with `#` are comments.
        dataset: Whose images are meant.

    Raises:
        DataError: The file can't be read, has other columns or answers, or names images that the
            data doesn't have.
    """
    place = Path(path)
    text = _text(place)
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    is_table = place.suffix.lower() in TABLE_SUFFIXES or "image" in _cells(first)
    wanted = _wanted(_table(text, place), place) if is_table else _lines(text)
    indices_of: dict[str, list[int]] = {}
    for index in range(len(dataset)):
        indices_of.setdefault(dataset.images.name(index), []).append(index)
    unknown = [f"`{name}`" for name in wanted if name not in indices_of]
    if unknown:
        raise DataError(
            f"`{path}` names {counted(len(unknown), 'image')} that `{dataset.name}` doesn't have\n"
            f"{listed(unknown)}",
            hint="the list belongs to other data, or to an older state of it: make a new one with "
            "`convscope check`, or remove these lines",
        )
    chosen = {index for name in wanted for index in indices_of[name]}
    return np.array(sorted(chosen), dtype=np.int64)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(
            f"there is no file `{path}`", hint="`convscope check` writes such a list"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"`{path}` is no text in UTF-8", hint="save it as a CSV file in UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"`{path}` can't be read: {error.strerror or error}") from error


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in dict.fromkeys(lines) if line and not line.startswith("#")]


def _cells(line: str) -> list[str]:
    separator = max(SEPARATORS, key=line.count)
    return [cell.strip().strip('"').lower() for cell in line.split(separator)]


def _table(text: str, path: Path) -> list[list[str]]:
    first = text.splitlines()[0] if text else ""
    try:
        rows = csv.reader(
            io.StringIO(text), delimiter=max(SEPARATORS, key=first.count), strict=True
        )
        return [row for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"`{path}` can't be read as a table: {error}") from error


def _wanted(rows: Sequence[Sequence[str]], path: Path) -> list[str]:
    """The names in the rows that say `yes`; a table of names alone means all of them."""
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "image" not in header or (len(header) > 1 and "exclude" not in header):
        found = ", ".join(f"`{name}`" for name in header) or "none"
        raise DataError(
            f"`{path}` has the columns {found}; `image` and `exclude` are needed",
            hint="`convscope check` writes such a table; a plain text file with one image name a "
            "line does as well",
        )
    image = header.index("image")
    answer = header.index("exclude") if "exclude" in header else None
    names, wrong = dict[str, None](), []
    for number, row in enumerate(rows[1:], 2):
        if len(row) <= max(image, answer or 0):
            wrong.append(f"row {number}: has {counted(len(row), 'cell')} only")
            continue
        said = "yes" if answer is None else row[answer].strip().lower()
        if said not in ANSWERS:
            wrong.append(f"row {number}: `{row[answer or 0]}` is neither yes nor no")
        elif ANSWERS[said]:
            names[row[image].strip()] = None
    if wrong:
        raise DataError(
            f"`{path}` has {counted(len(wrong), 'row')} that can't be read\n{listed(wrong)}",
            hint="the column `exclude` says yes or no",
        )
    return list(names)
