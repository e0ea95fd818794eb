"""Where a verb writes: one rule for the `--output` of all verbs, and for paths in Python.

A name with an ending is a file, any other is a folder, and so is what ends in a slash. A verb that
writes several files takes a folder; one that writes a single file takes either, and gives it a name
in a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convscope.errors import UsageError
from convscope.languages import ENGLISH, language_of
from convscope.paths import REPORT_FILE
from convscope.text import either_of

PAGES = (".html", ".htm")
# Ending of a file that a layer table is written to -> its format.
TABLES = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
}
# What `figures.style` and `data.image_files` write, which take long to import.
FIGURES = (".svg", ".png")
PICTURES = (".png", ".jpg", ".jpeg")
IMAGE_GRID, FIRST_BATCH = "image-grid.png", "first-batch.png"  # names in a folder
ENDING = re.compile(r"\.[^\W_]*[^\W\d_][^\W_]*")  # has a letter: the end of `v1.2` is none


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How what is written is written.

    Attributes:
        language: Language of what is written: `en` or `zh`.
    """

    language: str = ENGLISH


def taken_language(options: dict[str, Any]) -> str:
    """The language that a verb's options ask for, which is taken out of them.

    Raises:
        UsageError: There are no texts in it.
    """
    return language_of(options.pop("language", ENGLISH))


def output_folder(path: str | Path) -> Path:
    """The folder for several files.

    Raises:
        UsageError: The name is that of a file, or a file is there.
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        raise UsageError(
            f"`{path}` is a file, but several files are written", hint="give the name of a folder"
        )
    if ENDING.fullmatch(folder.suffix) and not _is_folder(path):
        stem = folder
        while ENDING.fullmatch(stem.suffix):
            stem = stem.with_suffix("")
        raise UsageError(
            f"`{path}` is the name of a file, but several files are written",
            hint=f"give a folder: `{stem}`, or `{path}/` for one of that name",
        )
    return folder


def output_file(path: str | Path, *, endings: Sequence[str], name: str) -> Path:
    """The file that a path names by its ending, or `name` in the folder that it names.

    Args:
        path: What a user gave.
        endings: The endings of what can be written.
        name: Name of the file in a folder.

    Raises:
        UsageError: The ending is that of another kind of file, or a file without one is there.
    """
    file = Path(path).expanduser()
    if _is_folder(path):
        return file / name
    if file.suffix.lower() in endings:
        return file
    if ENDING.fullmatch(file.suffix) or file.is_file():
        raise UsageError(
            f"`{path}` can't be written: it doesn't end in {either_of(list(endings))}",
            hint=f"give such a name, or a folder: `{path}/`",
        )
    return file / name


def output_page(path: str | Path) -> Path:
    """The HTML file that a path names, or report.html in its folder; see `output_file`."""
    return output_file(path, endings=PAGES, name=REPORT_FILE)


def output_table(path: str | Path, kind: str = "table") -> Path:
    """The file for a layer table that a path names, or summary.txt and the like in its folder.

    Args:
        path: What a user gave.
        kind: The format that a file in a folder has, of `TABLES`.

    Raises:
        UsageError: The ending is that of another kind of file, or a file without one is there.
    """
    ending = next(ending for ending, each in TABLES.items() if each == kind)
    return output_file(path, endings=tuple(TABLES), name=f"summary{ending}")


def _is_folder(path: str | Path) -> bool:
    """Whether a path is that of a folder whatever its ending: by a slash, or as it is there."""
    return str(path).endswith(("/", os.sep)) or Path(path).expanduser().is_dir()
