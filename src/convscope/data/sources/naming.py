"""Names of images, splits and classes, and the data sets that are put together by them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset, Images, check_known
from convscope.data.decoding.content import FORMATS
from convscope.data.decoding.formats import SUFFIXES, format_of_suffix
from convscope.data.split import SPLITS
from convscope.files import printable
from convscope.text import joined

IMAGE_SUFFIXES = frozenset(suffix for name in FORMATS for suffix in SUFFIXES[name])
HEIF_SUFFIXES = frozenset(SUFFIXES["HEIF"])
TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".parquet"))
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")
# What a recipe has read besides; all that lists files while its data is opened asks for it.
_MORE_SUFFIXES: ContextVar[frozenset[str]] = ContextVar("suffixes", default=frozenset())


def image_suffixes() -> frozenset[str]:
    """The lower-case suffixes of image files; HEIF only where it can be read."""
    more = _MORE_SUFFIXES.get()
    return usual_suffixes() | more if more else usual_suffixes()


@cache
def usual_suffixes() -> frozenset[str]:
    """The suffixes of files of the formats that are read unasked."""
    return IMAGE_SUFFIXES | HEIF_SUFFIXES if find_spec("pillow_heif") else IMAGE_SUFFIXES


@contextmanager
def with_formats(formats: Iterable[str]) -> Iterator[None]:
    """Context manager in which files of further formats, by Pillow's names, are images too."""
    names = {name.upper() for name in formats}
    more = [suffix for suffix, name in format_of_suffix().items() if name in names] if names else ()
    token = _MORE_SUFFIXES.set(frozenset(more))
    try:
        yield
    finally:
        _MORE_SUFFIXES.reset(token)


def suffix_of(path: str) -> str:
    """A file's suffix in lower case with its dot, or "" if it has none."""
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - ten times as fast as pathlib


def is_image(path: str) -> bool:
    """Whether a file's name is that of an image."""
    suffix = suffix_of(path)
    return suffix in usual_suffixes() or suffix in _MORE_SUFFIXES.get()


def is_table(path: str) -> bool:
    """Whether a file's name is that of a table."""
    return suffix_of(path) in TABLE_SUFFIXES


def is_archive_name(path: str) -> bool:
    """Whether a file's name is that of an archive which can be opened."""
    return path.lower().endswith(ARCHIVE_SUFFIXES)


def by_folder(path: str) -> str:
    """A key that sorts paths by folder, then by name.

    `a/2.png` comes before `a b/1.png`, although a blank comes before a slash.
    """
    return path.replace("/", "\0")


def class_name(text: str) -> str:
    """The form of a class name that is shown and matched: one line, accents composed.

    macOS stores accents apart from their letters: the same name would be two classes.
    """
    return unicodedata.normalize("NFC", printable(text))


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """The different class names, sorted: as numbers where all are whole numbers, else as text."""
    each = set(names)
    if all(_WHOLE_NUMBER.fullmatch(name) for name in each):
        return tuple(sorted(each, key=lambda name: (int(name), name)))
    return tuple(sorted(each))


def to_classes(
    names: Sequence[str], codes: NDArray[np.integer]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Sorted classes, and labels that are indices into them.

    Args:
        names: Class name of each code, in any order; names may repeat or be unused.
        codes: (N,) indices into `names`.

    Returns:
        The K names that occur, and (N,) indices into them.
    """
    used = np.bincount(codes, minlength=len(names)) > 0
    classes = ordered(name for name, is_used in zip(names, used, strict=True) if is_used)
    position = {name: index for index, name in enumerate(classes)}
    places = np.array([position.get(name, -1) for name in names], dtype=np.int64)
    return classes, places[codes]


def assembled(
    name: str,
    images: Images,
    names: Sequence[str],
    codes: NDArray[np.integer],
    splits: NDArray[np.integer],
    *,
    remarks: Iterable[str] = (),
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Dataset:
    """The data set of N images whose classes and splits are given by codes.

    Args:
        name: Name of the data set.
        images: N images.
        names: Class name of each code.
        codes: (N,) indices into `names`.
        splits: (N,) indices into `SPLITS`, or `NO_SPLIT`.
        remarks: What was noticed so far.
        columns: Other columns, (N,) values by the column's name.

    Raises:
        DataError: A split has a class that `train` hasn't.
    """
    classes, labels = to_classes(names, codes)
    return Dataset(
        name=name,
        images=images,
        labels=labels,
        classes=classes,
        given_splits=split_names(splits),
        columns=columns or {},
        remarks=(*remarks, *match_splits(classes, labels, splits)),
    )


NO_SPLIT = len(SPLITS)  # the code of an image that came without one
_NAMES = np.array([*SPLITS, ""], dtype=object)


def split_names(codes: NDArray[np.integer]) -> tuple[str, ...]:
    """(N,) `Dataset.given_splits` from indices into `SPLITS`, or `NO_SPLIT`."""
    return tuple(_NAMES[codes].tolist())


def match_splits(
    classes: Sequence[str], labels: NDArray[np.int64], codes: NDArray[np.integer]
) -> list[str]:
    """Checks by name that no split has a class that train lacks.

    Args:
        classes: K names.
        labels: (N,) index of each image's class.
        codes: (N,) index of each image's split in `SPLITS`, or `NO_SPLIT`.

    Returns:
        A remark for each split that lacks classes.

    Raises:
        DataError: A split has a class that `train` hasn't.
    """
    K = len(classes)
    counts = np.bincount(codes * K + labels, minlength=(NO_SPLIT + 1) * K).reshape(-1, K)
    remarks = []
    for split, here in zip(SPLITS, counts, strict=False):
        if counts[0].any():
            unknown = np.flatnonzero((here > 0) & (counts[0] == 0))
            check_known(
                {classes[int(index)]: int(here[index]) for index in unknown},
                known=[name for name, count in zip(classes, counts[0], strict=True) if count],
                owner=f"split train (they are in {split})",
            )
        missing = [name for name, count in zip(classes, here, strict=True) if not count]
        if missing and here.any():
            remarks.append(f"split `{split}` has no images of {joined(missing)}")
    return remarks
