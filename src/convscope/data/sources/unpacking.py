"""Unpacking: what a packed file may become, which is bounded for every kind of file."""

from __future__ import annotations

from pathlib import Path

from convscope.errors import DataError

BOMB_BYTES = 1 << 30  # a file that unpacks to more than this
BOMB_RATIO = 500  # and to so many times its own size is a bomb; deflate reaches 1,032


def most_unpacked(packed: int) -> int:
    """The number of bytes that a file of so many bytes may unpack to."""
    return max(BOMB_BYTES, BOMB_RATIO * packed)


def check_no_bomb(path: str | Path, *, packed: int, unpacked: int) -> None:
    """Refuses a file that unpacks to an absurd size.

    Raises:
        DataError: Over 1 GiB, and over five hundred times its own size.
    """
    if unpacked > most_unpacked(packed):
        raise DataError(
            f"`{path}` has {packed:,} bytes and unpacks to {unpacked:,} or more",
            hint="no file of images does that; it is damaged, or made to fill a disk",
        )
