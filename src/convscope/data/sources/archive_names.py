"""Names in archives whose encoding nobody wrote down.

A zip says of a name that it is UTF-8, or has it in UTF-8 beside it, or says nothing: then it is in
the encoding of the machine that packed it. All such names of one archive are decoded alike: name by
name, one class would become two. What is no UTF-8 can't be known: any bytes are a name somewhere.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from convscope.errors import DataError
from convscope.files import printable
from convscope.text import counted, listed

UNICODE_PATH = 0x7075  # the extra field of Info-ZIP: version 1, CRC of the plain name, UTF-8
FIELD = struct.Struct("<HH")  # of extra data: kind, number of bytes
# What Windows and DOS write, by the language of the machine.
CANDIDATES = {
    "gbk": "Chinese",
    "big5": "Chinese",
    "cp932": "Japanese",
    "cp949": "Korean",
    "cp866": "Cyrillic",
    "cp850": "European",
    "cp437": "English",
}


def unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The UTF-8 name in a member's extra data, if it belongs to the plain name."""
    while len(extra) >= FIELD.size:
        kind, length = FIELD.unpack_from(extra)
        content, extra = extra[FIELD.size : FIELD.size + length], extra[FIELD.size + length :]
        if kind == UNICODE_PATH and content[:5] == struct.pack("<BI", 1, zlib.crc32(raw)):
            return content[5:].decode("utf-8", "backslashreplace")
    return None


def decode_names(path: Path, names: Sequence[str | bytes], *, encoding: str | None) -> list[str]:
    """The names of an archive's members.

    Args:
        path: The archive.
        names: The members' names, as bytes where nothing says how they are encoded.
        encoding: Their encoding; None where the user gives none: then it can only be UTF-8.

    Raises:
        DataError: They aren't in this encoding.
    """
    unknown = [name for name in names if isinstance(name, bytes)]
    try:
        return [n if isinstance(n, str) else n.decode(encoding or "utf-8") for n in names]
    except UnicodeDecodeError as error:
        raise unknown_encoding(path, unknown, encoding=encoding) from error


def idle_encoding(names: Iterable[str | bytes], encoding: str | None) -> tuple[str, ...]:
    """A remark on an encoding that the user gives where no name needs one; () for none.

    Args:
        names: The members' names, as bytes where nothing says how they are encoded.
        encoding: The encoding that the user gives; None for none.
    """
    if encoding is None or any(isinstance(name, bytes) and not name.isascii() for name in names):
        return ()
    return (
        f"`--zip-encoding {encoding}` has no effect: the archive says how its names are encoded, "
        "or they have plain letters alone",
    )


def unknown_encoding(path: Path, names: Sequence[bytes], *, encoding: str | None) -> DataError:
    """An error that shows how names would read in common encodings.

    Args:
        path: The archive.
        names: The names of unknown encoding.
        encoding: The one that the user gives, and that they aren't in; None for none.
    """
    readings = []
    for candidate, language in CANDIDATES.items():
        try:
            texts = [name.decode(candidate) for name in names]
        except UnicodeDecodeError:
            continue
        readings.append(f"{candidate:<6} {printable(texts[0])}  ({language})")
    what = f"not in {encoding}" if encoding else "in an encoding that the archive doesn't say"
    return DataError(
        f"`{path}` has {counted(len(names), 'name')} {what}, for instance, read as\n"
        f"{listed(readings)}",
        hint="give the right one with `--zip-encoding`, for instance `--zip-encoding gbk`",
    )
