"""Which images an evaluation is on, and what their classes are to the classifier."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset, check_known
from convscope.data.gallery import Gallery
from convscope.errors import DataError, UsageError, counted, did_you_mean, listed

SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
LEFT_OUT = -1


def match_classes(
    dataset: Dataset, classes: Sequence[str], *, synonyms: Mapping[str, str] | None = None
) -> Dataset:
    """The data set with its labels counting the classifier's classes; matched by name.

    Args:
        dataset: N images.
        classes: K names that the classifier knows.
        synonyms: What classes of the data are called there, by their name in the data; "" for
            classes whose images are left out.

    Raises:
        DataError: The data has a class that the classifier doesn't know, or a synonym is of no use.
    """
    synonyms = synonyms or {}
    _check_synonyms(synonyms, dataset.classes, classes)
    place = {name: index for index, name in enumerate(classes)}
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    called = [synonyms.get(name, name) for name in dataset.classes]
    unknown = {
        name: int(count)
        for name, theirs, count in zip(dataset.classes, called, counts, strict=True)
        if count and theirs and theirs not in place
    }
    if unknown:
        check_known(
            unknown,
            known=classes,
            owner="the classifier",
            way_out="`--synonyms FILE` says what they are called there",
        )
    index_of = np.array([place.get(theirs, LEFT_OUT) for theirs in called], dtype=np.int64)
    labels = index_of[dataset.labels]
    matched = replace(dataset, labels=labels, classes=tuple(classes))
    is_kept = labels != LEFT_OUT
    if is_kept.all():
        return matched
    left_out = f"{counted(int((~is_kept).sum()), 'image')} left out, as the synonyms say"
    kept = matched.take(np.flatnonzero(is_kept))
    return replace(kept, remarks=(*kept.remarks, left_out))


def read_synonyms(path: Path) -> dict[str, str]:
    """What classes of the data are called by the classifier, from a CSV file.

    Its columns are `data` and `classifier`; an empty name leaves the images of a class out.

    Raises:
        DataError: The file can't be read, or a class has two names.
    """
    found: dict[str, str] = {}
    for name, theirs in _read_pairs(path):
        if found.get(name, theirs) != theirs:
            raise DataError(
                f"`{path}` has two names for the class `{name}`: `{found[name]}` and `{theirs}`"
            )
        found[name] = theirs
    return found


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            columns = set(table.fieldnames or ())
            pairs = [(row.get("data"), row.get("classifier")) for row in table]
    except OSError as error:
        raise DataError(f"`{path}` can't be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"`{path}` is no CSV file: {error}") from error
    if not columns >= {"data", "classifier"} or any(None in pair for pair in pairs):
        raise DataError(
            f"`{path}` is no table of synonyms",
            hint="its first line is `data,classifier`, and each line after it has two names",
        )
    return [(str(name).strip(), str(theirs).strip()) for name, theirs in pairs]


def _check_synonyms(
    synonyms: Mapping[str, str], data: Sequence[str], classes: Sequence[str]
) -> None:
    """Refuses synonyms for or by names that don't exist: they are typing errors."""
    problems = [
        f"the data has no class `{name}`" + _near(name, data)
        for name in synonyms
        if name not in data
    ]
    problems += [
        f"the classifier has no class `{theirs}`" + _near(theirs, classes)
        for theirs in synonyms.values()
        if theirs and theirs not in classes
    ]
    if problems:
        raise DataError(
            f"{counted(len(problems), 'name')} of the synonyms can't be used\n{listed(problems)}"
        )


def _near(name: str, known: Sequence[str]) -> str:
    near = did_you_mean(name, known)
    return f"; {near}" if near else ""


class Part(NamedTuple):
    """Some images, and what is known of them.

    Attributes:
        indices: Which.
        words: What they are.
        num_seen: How many of them training or selection saw; None if that isn't known.
    """

    indices: NDArray[np.int64]
    words: str
    num_seen: int | None


def choose_part(
    gallery: Gallery, *, split: str | None, uses: Mapping[int, frozenset[str]] | None
) -> Part:
    """Which images to evaluate on.

    Args:
        gallery: All images of the data.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        uses: What training used each image for, by its pixels' hash; None if that isn't known.

    Raises:
        UsageError: No split is called that.
        DataError: The data has no such split.
    """
    if split is not None and split not in (*SPLITS, "all"):
        raise UsageError(
            f"`split` can't be `{split}`", hint="it takes `train`, `val`, `test` or `all`"
        )
    everything = np.arange(len(gallery))
    used = [(uses or {}).get(int(key), frozenset()) for key in gallery.pixel_hashes]
    seen = Seen(used, is_known=uses is not None)
    if split == "all":
        return seen.all_of(everything, "all images")
    given = np.array(gallery.dataset.given_splits, dtype=object)
    # With train and val alone, val is what is reported.
    sides = ("test", "validation") if split in (None, "test") else (SPLITS[split],)
    for side in sides:
        if (given == side).any():
            part, words = np.flatnonzero(given == side), f"the {side} split as given"
            return seen.all_of(part, words) if split else seen.unseen_of(part, words)
    if split is None:
        known = "" if uses is not None else "; which of them training saw isn't known"
        return seen.unseen_of(everything, f"all images{known}")
    part = np.array([i for i, found in enumerate(used) if SPLITS[split] in found], dtype=np.int64)
    if not len(part):
        raise DataError(
            f"the data has no {split} split, and training used none of its images for that",
            hint="`--split all` takes all images",
        )
    words = f"the images that training used as {SPLITS[split]}"
    return Part(part, words, seen.count(part))


class Seen:
    """Which images training or selection saw.

    Args:
        used: What each image was used for.
        is_known: Whether that is on record.
    """

    def __init__(self, used: Sequence[frozenset[str]], *, is_known: bool) -> None:
        self._used, self._is_known = used, is_known

    def all_of(self, part: NDArray[np.int64], words: str) -> Part:
        """These images, and how many of them training or selection saw."""
        seen = self.count(part)
        more = f"; training or selection saw {seen:,} of them" if seen else ""
        return Part(part, words + more, seen)

    def count(self, part: NDArray[np.int64]) -> int | None:
        """How many of these images training or selection saw; None if that isn't known."""
        if not self._is_known:
            return None
        return sum(bool(self._used[i] & {"train", "validation"}) for i in part)

    def unseen_of(self, part: NDArray[np.int64], words: str) -> Part:
        """These images but for those that training or selection saw.

        What training itself held out as a test stays in, whatever else has the same pixels.
        """
        seen = np.array([bool(self._used[i]) and "test" not in self._used[i] for i in part])
        if not seen.any():
            return Part(part, words, 0 if self._is_known else None)
        excluded = any("excluded" in self._used[i] for i in part)
        saw = f"that training or selection saw{' or that were excluded' if excluded else ''}"
        return Part(part[~seen], f"{words}, but for {int(seen.sum()):,} {saw}", 0)
