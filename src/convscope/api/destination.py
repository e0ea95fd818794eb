"""Where a verb writes: one rule for the `--output` of all verbs, and for paths in Python.

A name with an ending is a file, any other is a folder, and so is what ends in a slash. A verb that
writes several files takes a folder; one that writes a single file takes either, and gives it a name
in a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from convscope.errors import UsageError
from convscope.text import either_of

PAGES = (".html", ".htm")
# What `figures.style` and `data.image_files` write, which take long to import.
FIGURES = (".svg", ".png")
PICTURES = (".png", ".jpg", ".jpeg")
IMAGE_GRID, FIRST_BATCH = "image-grid.png", "first-batch.png"  # names in a folder
ENDING = re.compile(r"\.[^\W_]*[^\W\d_][^\W_]*")  # has a letter: the end of `v1.2` is none


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


def _is_folder(path: str | Path) -> bool:
    """Whether a path is that of a folder whatever its ending: by a slash, or as it is there."""
    return str(path).endswith(("/", os.sep)) or Path(path).expanduser().is_dir()
