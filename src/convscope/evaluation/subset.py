"""The images that an evaluation is on, and the match of their classes with the classifier's."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset, check_known
from convscope.data.index.image_index import ImageIndex
from convscope.errors import DataError, UsageError
from convscope.files import read_regular
from convscope.text import counted, did_you_mean, joined, listed

SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
OTHER_NAMES_HINT = (
    "`--synonyms FILE` says what they are called there, `--ignore-unknown` leaves their images out"
)
LEFT_OUT = -1
MAX_BYTES = 1 << 24  # of a table of synonyms


def match_classes(
    dataset: Dataset,
    classes: Sequence[str],
    *,
    synonyms: Mapping[str, str] | None = None,
    way_out: str = OTHER_NAMES_HINT,
) -> Dataset:
    """The data set with labels that index the classifier's classes, matched by name.

    Args:
        dataset: N images.
        classes: K names that the classifier knows.
        synonyms: The classifier's name for a class, by its name in the data; "" leaves its images
            out.
        way_out: A hint for classes that the classifier doesn't know.

    Raises:
        DataError: The data has a class that the classifier doesn't know, or a synonym names a class
            that doesn't exist.
    """
    synonyms = synonyms or {}
    _check_synonyms(synonyms, dataset.classes, classes)
    index_by_name = {name: index for index, name in enumerate(classes)}
    renamed = [synonyms.get(name, name) for name in dataset.classes]
    unknown = _unknown_counts(dataset, renamed, classes)
    if unknown:
        check_known(
            unknown,
            known=classes,
            owner="the classifier",
            way_out=way_out,
        )
    index_of = np.array(
        [index_by_name.get(classifier_name, LEFT_OUT) for classifier_name in renamed],
        dtype=np.int64,
    )
    labels = index_of[dataset.labels]
    matched = replace(dataset, labels=labels, classes=tuple(classes))
    is_kept = labels != LEFT_OUT
    if is_kept.all():
        return matched
    left_out = f"{counted(int((~is_kept).sum()), 'image')} left out, as the synonyms say"
    kept = matched.take(np.flatnonzero(is_kept))
    return replace(kept, remarks=(*kept.remarks, left_out))


class KnownPart(NamedTuple):
    """The images of a data set whose classes a classifier knows.

    Attributes:
        dataset: These images.
        left_out: Description of the others; "" where there are none.
    """

    dataset: Dataset
    left_out: str


def without_unknown(
    dataset: Dataset, classes: Sequence[str], *, synonyms: Mapping[str, str] | None = None
) -> KnownPart:
    """The data set without the images of classes that the classifier doesn't know.

    Args:
        dataset: N images.
        classes: K names that the classifier knows.
        synonyms: The classifier's name for a class, by its name in the data.

    Raises:
        DataError: The classifier knows none of the classes.
    """
    renamed = [(synonyms or {}).get(name, name) for name in dataset.classes]
    unknown = _unknown_counts(dataset, renamed, classes)
    if not unknown:
        return KnownPart(dataset, "")
    number = sum(unknown.values())
    if number == len(dataset):
        raise DataError(
            f"the classifier knows none of the {counted(len(unknown), 'class')} of the data",
            hint="classes are matched by name; `--synonyms FILE` says what they are called there",
        )
    is_known = np.array([name not in unknown for name in dataset.classes])
    left_out = (
        f"without {counted(number, 'image')} of {counted(len(unknown), 'class')} that the "
        f"classifier doesn't know ({joined(list(unknown))})"
    )
    kept = dataset.take(np.flatnonzero(is_known[dataset.labels]))
    return KnownPart(kept, left_out)


def _unknown_counts(
    dataset: Dataset, renamed: Sequence[str], classes: Sequence[str]
) -> dict[str, int]:
    """The numbers of images of classes that are unknown under their names in the classifier."""
    counts, known = np.bincount(dataset.labels, minlength=len(dataset.classes)), set(classes)
    return {
        name: int(count)
        for name, classifier_name, count in zip(dataset.classes, renamed, counts, strict=True)
        if count and classifier_name and classifier_name not in known
    }


def read_synonyms(path: Path) -> dict[str, str]:
    """The classifier's names for classes of the data, from a CSV file.

    Its columns are `data` and `classifier`; an empty name leaves the images of a class out.

    Raises:
        DataError: The file can't be read, or a class has two names.
    """
    found: dict[str, str] = {}
    for name, classifier_name in _read_pairs(path):
        if found.get(name, classifier_name) != classifier_name:
            raise DataError(
                f"`{path}` has two names for the class `{name}`: `{found[name]}` and "
                f"`{classifier_name}`"
            )
        found[name] = classifier_name
    return found


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        text = read_regular(path, max_bytes=MAX_BYTES).decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text, newline=""))
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
    return [(str(name).strip(), str(classifier_name).strip()) for name, classifier_name in pairs]


def _check_synonyms(
    synonyms: Mapping[str, str], data: Sequence[str], classes: Sequence[str]
) -> None:
    """Refuses synonyms with names that don't exist: they are typing errors."""
    data_names, known = set(data), set(classes)
    problems = [
        f"the data has no class `{name}`" + _near(name, data)
        for name in synonyms
        if name not in data_names
    ]
    problems += [
        f"the classifier has no class `{classifier_name}`" + _near(classifier_name, classes)
        for classifier_name in synonyms.values()
        if classifier_name and classifier_name not in known
    ]
    if problems:
        raise DataError(
            f"{counted(len(problems), 'name')} of the synonyms can't be used\n{listed(problems)}"
        )


def _near(name: str, known: Sequence[str]) -> str:
    near = did_you_mean(name, known)
    return f"; {near}" if near else ""


class Subset(NamedTuple):
    """Some of a data set's images.

    Attributes:
        indices: Their indices.
        description: What they are, for reports.
        num_seen: Number of them that training or selection saw; None if that isn't known.
    """

    indices: NDArray[np.int64]
    description: str
    num_seen: int | None


def choose_subset(
    image_index: ImageIndex, *, split: str | None, uses: Mapping[int, frozenset[str]] | None
) -> Subset:
    """The images to evaluate on.

    Args:
        image_index: All images of the data.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        uses: What training used each image for, by its pixels' hash; None if that isn't known.

    Raises:
        UsageError: There is no split of this name.
        DataError: The data has no such split.
    """
    if split is not None and split not in (*SPLITS, "all"):
        raise UsageError(
            f"`split` can't be `{split}`", hint="it takes `train`, `val`, `test` or `all`"
        )
    everything = np.arange(len(image_index))
    used = [(uses or {}).get(int(key), frozenset()) for key in image_index.pixel_hashes]
    seen = SeenImages(used, is_known=uses is not None)
    if split == "all":
        return seen.subset(everything, "all images")
    given = np.array(image_index.dataset.given_splits, dtype=object)
    # With train and val alone, val is what is reported.
    candidates = ("test", "validation") if split in (None, "test") else (SPLITS[split],)
    for name in candidates:
        if (given == name).any():
            indices, description = np.flatnonzero(given == name), f"the {name} split as given"
            choose = seen.subset if split else seen.unseen_subset
            return choose(indices, description)
    if split is None:
        known = "" if uses is not None else "; which of them training saw isn't known"
        return seen.unseen_subset(everything, f"all images{known}")
    name = SPLITS[split]
    indices = np.array([i for i, found in enumerate(used) if name in found], dtype=np.int64)
    if not len(indices):
        raise DataError(
            f"the data has no {split} split, and training used none of its images for that",
            hint="`--split all` takes all images",
        )
    return Subset(indices, f"the images that training used as {name}", seen.num_seen(indices))


class SeenImages(NamedTuple):
    """Which images training or selection saw: what each was used for, if the run records that."""

    used: Sequence[frozenset[str]]
    is_known: bool

    def num_seen(self, indices: NDArray[np.int64]) -> int | None:
        """The number of these images that training or selection saw; None if that isn't known."""
        if not self.is_known:
            return None
        return sum(bool(self.used[i] & {"train", "validation"}) for i in indices)

    def subset(self, indices: NDArray[np.int64], description: str) -> Subset:
        """These images; the description says how many of them training or selection saw."""
        seen = self.num_seen(indices)
        more = f"; training or selection saw {seen:,} of them" if seen else ""
        return Subset(indices, description + more, seen)

    def unseen_subset(self, indices: NDArray[np.int64], description: str) -> Subset:
        """These images without those that training or selection saw.

        What training itself held out as a test stays in, whatever else has the same pixels.
        """
        seen = np.array([bool(self.used[i]) and "test" not in self.used[i] for i in indices])
        if not seen.any():
            return Subset(indices, description, 0 if self.is_known else None)
        excluded = any("excluded" in self.used[i] for i in indices)
        saw = f"that training or selection saw{' or that were excluded' if excluded else ''}"
        return Subset(indices[~seen], f"{description}, but for {int(seen.sum()):,} {saw}", 0)
