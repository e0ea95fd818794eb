"""Which files are archives, and the place that each is."""

from __future__ import annotations

from pathlib import Path

from convscope.data.sources.places import Place
from convscope.data.sources.tars import PACKINGS, open_tar
from convscope.data.sources.zips import open_zip
from convscope.errors import DataError

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ZIP_MAGICS = (b"PK\3\4", b"PK\5\6")
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name or, whatever its name, by its content."""
    return path.name.lower().endswith(SUFFIXES) or _kind(path) != ""


def open_archive(path: Path) -> Place:
    """The place that an archive is; nothing is written to the disk.

    Raises:
        DataError: It is damaged, encrypted, or unpacks to too much.
    """
    kind = _kind(path)
    if kind == "zip" or (not kind and path.name.lower().endswith(".zip")):
        return open_zip(path)
    return open_tar(path)


def _kind(path: Path) -> str:
    """`zip`, `tar`, `packed` for what is packed by gzip, bzip2 or xz, or ""."""
    try:
        with path.open("rb") as file:
            head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    except OSError as error:
        raise DataError(f"`{path}` can't be read: {error.strerror or error}") from error
    if head.startswith(ZIP_MAGICS):
        return "zip"
    if head[TAR_MAGIC_AT:] == TAR_MAGIC:
        return "tar"
    return "packed" if head.startswith(tuple(PACKINGS)) else ""
