"""Where a verb writes: one rule for the `--output` of all verbs, and for paths in Python.

A name with the ending of a file is a file, any other is a folder. A verb that writes several files
takes a folder; one that writes a single file takes either, and gives it a name in a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from convscope.errors import UsageError
from convscope.text import either_of

PAGES = (".html", ".htm")
# Endings of files that people ask for; any other may be part of a folder's name, as in `v1.2`.
FILES = frozenset(
    (*PAGES, ".json", ".csv", ".tsv", ".txt", ".md", ".markdown", ".yaml", ".yml", ".pdf", ".xlsx")
    + (".svg", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".zip")
)


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
    if folder.suffix.lower() in FILES and not folder.is_dir():
        raise UsageError(
            f"`{path}` is the name of a file, but several files are written",
            hint=f"give a folder: `{folder.with_suffix('')}`",
        )
    return folder


def output_file(path: str | Path, *, endings: Sequence[str], name: str) -> Path:
    """The file that a path names by its ending, or `name` in the folder that it names.

    Args:
        path: What a user gave.
        endings: The endings of what can be written.
        name: Name of the file in a folder.

    Raises:
        UsageError: The ending is that of another kind of file.
    """
    file = Path(path).expanduser()
    check_ending(file, endings=endings)
    return file if file.suffix.lower() in endings and not file.is_dir() else file / name


def check_ending(path: Path, *, endings: Sequence[str]) -> None:
    """Refuses a file that ends in another way than what can be written.

    Raises:
        UsageError: The ending is that of another kind of file, or a file without one is there.
    """
    suffix = path.suffix.lower()
    if suffix in endings or path.is_dir() or (suffix not in FILES and not path.is_file()):
        return
    raise UsageError(
        f"`{path}` can't be written: it doesn't end in {either_of(list(endings))}",
        hint="give such a name, or a folder",
    )
