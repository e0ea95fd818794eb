"""What names say: which files are images, which folders are splits, how classes are called."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from convscope.files import printable

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
SPLITS = ("train", "validation", "test")
IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
    + (".ppm", ".pgm", ".pbm", ".pnm")
)
HEIF_SUFFIXES = frozenset((".heic", ".heif"))
TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".parquet"))
JUNK = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini"))

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")


@cache
def image_suffixes() -> frozenset[str]:
    """The endings of files that are images, in small letters; HEIF only where it can be read."""
    return IMAGE_SUFFIXES | HEIF_SUFFIXES if find_spec("pillow_heif") else IMAGE_SUFFIXES


def suffix_of(path: str) -> str:
    """The ending of a file's name in small letters with its dot, or "" if it has none."""
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - ten times as fast as pathlib


def is_image(path: str) -> bool:
    """Whether a file is an image by its name."""
    return suffix_of(path) in image_suffixes()


def is_table(path: str) -> bool:
    """Whether a file is a table by its name."""
    return suffix_of(path) in TABLE_SUFFIXES


def is_junk(name: str) -> bool:
    """Whether a file or folder is hidden, or a leftover of an operating system."""
    return name.startswith(".") or name in JUNK


def split_of(name: str) -> str | None:
    """The split that a folder or a cell of a table names, or None."""
    return SPLIT_NAMES.get(name.strip().lower())


def class_name(text: str) -> str:
    """A class name as it is shown and matched: one line, accents composed.

    macOS stores accents apart from their letters: the same name would be two classes.
    """
    return unicodedata.normalize("NFC", printable(text))


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Class names, each once, sorted: as numbers where all are whole numbers, else as text."""
    each = set(names)
    if all(_WHOLE_NUMBER.fullmatch(name) for name in each):
        return tuple(sorted(each, key=lambda name: (int(name), name)))
    return tuple(sorted(each))


def to_classes(
    names: Sequence[str], codes: NDArray[np.integer]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Classes in their order, and labels that point into them.

    Args:
        names: What each code stands for, in any order; names may repeat or go unused.
        codes: (N,) indices into `names`.

    Returns:
        The K names that occur, and (N,) indices into them.
    """
    used = np.bincount(codes, minlength=len(names)) > 0
    classes = ordered(name for name, is_used in zip(names, used, strict=True) if is_used)
    position = {name: index for index, name in enumerate(classes)}
    places = np.array([position.get(name, -1) for name in names], dtype=np.int64)
    return classes, places[codes]
