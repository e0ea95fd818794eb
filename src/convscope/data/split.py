"""Split: which images are trained on, which choose the epoch, and which the reported number uses.

Where the data brings no splits, the split of an image follows from a hash of its pixels, so that
the same images are split in the same way on any machine, whatever their order or file names. Images
that belong together (near-duplicates, one patient, one burst) all go by the smallest of their
hashes. New images move old ones only where they join their group, where the validation split
reaches its limit, or where their class had no train image before; with the earlier split given they
move none.

A class of which no image is drawn into train, as happens to classes of a few images, gets one
there: the group with the smallest hash, of the validation split if it has images of that class.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.errors import DataError
from convscope.rng import uniform
from convscope.short_repr import short_repr
from convscope.text import counted, joined

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.2  # of what isn't test
MAX_VALIDATION = 5000  # enough to choose an epoch; the rest is better trained on

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of the images of each split; each image is in exactly one.

    Attributes:
        train: Images that are trained on.
        validation: Images that choose the best epoch; never reported on.
        test: Images that the reported number is measured on; not seen before.
        description: How the split came about.
        remarks: What had to be decided on the way.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    description: str
    remarks: tuple[str, ...] = ()

    __repr__ = short_repr

    @property
    def counts_text(self) -> str:
        """The numbers of images, and how the split came about: the words of training and check."""
        return (
            f"{len(self.train):,} train, {len(self.validation):,} validation, "
            f"{len(self.test):,} test ({self.description})"
        )

    def names(self, count: int) -> list[str]:
        """The split of each of `count` images."""
        names = np.full(count, "", dtype=object)
        for split in SPLITS:
            names[getattr(self, split)] = split
        return list(names)


class Labels(NamedTuple):
    """The classes of images.

    Attributes:
        classes: K names.
        labels: (N,) index of each image's class.
    """

    classes: Sequence[str]
    labels: NDArray[np.int64]


def split_images(
    given: Sequence[str],
    pixel_hashes: NDArray[np.uint64],
    *,
    labels: Labels | None = None,
    groups: NDArray[np.int64] | None = None,
    earlier: Mapping[int, frozenset[str]] | None = None,
    folds: int | None = None,
    fold: int = 0,
) -> Split:
    """Splits N images.

    Args:
        given: N splits that the data came with: `train`, `validation` and `test`, or "" for all.
        pixel_hashes: (N,) hashes of the decoded pixels.
        labels: Their classes, each of which gets a train image; None for no such care.
        groups: (N,) labels; images with the same label stay in one split where it is drawn.
        earlier: Splits of images in an earlier split, by their pixels' hash; they stay there.
        folds: Number of folds that all images are cut into instead; one of them is the test split.
        fold: Index of that fold.

    Raises:
        DataError: A split would be empty, or only some images came with one.
    """
    names = np.array(given, dtype=object)
    present = _present(names)
    _check_usable(present, has_folds=folds is not None, has_earlier=earlier is not None)
    if len(present) == len(SPLITS):
        return _checked(names, "train, validation and test as given", _torn(names, groups))
    keys = pixel_hashes if groups is None else smallest_of_group(pixel_hashes, groups)
    if len(present) == 2:
        held_out = names == present[1]
        description = f"{present[1]} as given is kept for the number that is reported"
        description += ", a part of train drawn by pixels chooses the epoch"
    elif folds is not None:
        held_out = np.floor(uniform("fold", keys) * folds).astype(int) == fold
        description = f"fold {fold} of {folds}, counted from 0, is the test"
    else:
        held_out = uniform("test", keys) < TEST_FRACTION
        description = "no splits given: drawn by pixels"
        if present:
            description = "only train given: the others drawn by pixels"
    splits = _drawn(held_out, keys)
    remarks = _torn(names, groups)
    is_drawn = np.ones(len(names), dtype=bool) if len(present) < 2 else names == "train"
    members = np.arange(len(names)) if groups is None else groups
    if earlier is not None:
        is_old, found = _keep_earlier(splits, is_drawn, pixel_hashes, members, earlier)
        is_drawn, remarks = is_drawn & ~is_old, remarks + found
        description += ", images of the earlier split as there"
    if labels is not None:
        remarks += _give_all_classes_to_train(splits, is_drawn, keys, members, labels)
    return _checked(splits, description, remarks)


def likely_split(
    given: str, pixel_hash: int, *, present: Collection[str], folds: int | None, fold: int
) -> str:
    """The split that `split_images` will draw for an image, unless groups or limits decide.

    A class of which no image would be drawn into train is another exception.

    Args:
        given: The split that the image came with, or "".
        pixel_hash: Hash of its decoded pixels.
        present: The splits that the data came with.
        folds: See `split_images`.
        fold: See `split_images`.
    """
    if given in ("validation", "test") or len(present) == len(SPLITS):
        return given
    key = np.uint64(pixel_hash)
    held_out = uniform("test", key) < TEST_FRACTION
    if folds is not None:
        held_out = np.floor(uniform("fold", key) * folds) == fold
    if held_out and len(present) < 2:
        return "test"
    return "validation" if uniform("validation", key) < VALIDATION_FRACTION else "train"


def smallest_of_group(
    pixel_hashes: NDArray[np.uint64], groups: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """(N,) the smallest hash within each image's group."""
    _, places = np.unique(groups, return_inverse=True)
    smallest = np.full(int(places.max(initial=-1)) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, places, pixel_hashes)
    return smallest[places]


def merged_groups(
    groups: NDArray[np.int64], others: Sequence[object] | NDArray[np.generic]
) -> NDArray[np.int64]:
    """(N,) labels of the smallest groups that keep together what either of two groupings does."""
    _, first, places = np.unique(np.asarray(others), return_index=True, return_inverse=True)
    return connected(groups, np.stack([groups, groups[first[places]]], axis=1))


def connected(groups: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) group labels after the groups in each of M pairs have become one."""
    count = int(groups.max(initial=-1)) + 1
    return components(count, pairs)[groups]


def _present(names: NDArray[np.object_]) -> list[str]:
    """The splits that N images came with; images without one are refused where others have one."""
    present = [name for name in SPLITS if (names == name).any()]
    num_unknown = int((names == "").sum())
    if present and num_unknown:  # they may be held out
        raise DataError(
            f"{counted(num_unknown, 'image')} of the data came without a split, and others with "
            f"{' and '.join(present)}",
            hint="give all of them a split, or leave these out",
        )
    return present


def _check_usable(present: Sequence[str], *, has_folds: bool, has_earlier: bool) -> None:
    """Refuses splits of the data that can't be trained with, or contradict what is asked for.

    Args:
        present: The splits that the data came with.
        has_folds: Whether it is to be cut into folds.
        has_earlier: Whether an earlier split is to be kept.

    Raises:
        DataError: There is no train split, or folds or the earlier split can't be had.
    """
    if has_folds and present:
        raise DataError(
            f"the data has splits of its own ({', '.join(present)}), so it can't be cut into folds",
            hint="give the folder of one split alone, for instance DATA/train",
        )
    if present and "train" not in present:
        raise DataError(
            f"the data has a {' and a '.join(present)} split, but no train split",
            hint="name the folder of the images to train on `train`",
        )
    if has_earlier and len(present) == len(SPLITS):
        raise DataError(
            "the data has train, validation and test splits of its own: an earlier split has no "
            "effect",
            hint="leave out `--splits`",
        )


def _drawn(held_out: NDArray[np.bool_], keys: NDArray[np.uint64]) -> NDArray[np.object_]:
    """The split of each image (N,), the validation split taken out of train."""
    fraction = min(VALIDATION_FRACTION, MAX_VALIDATION / max(1, int((~held_out).sum())))
    is_validation = uniform("validation", keys) < fraction
    splits = np.where(is_validation, "validation", "train").astype(object)
    splits[held_out] = "test"
    return splits


def _keep_earlier(
    splits: NDArray[np.object_],
    is_drawn: NDArray[np.bool_],
    pixel_hashes: NDArray[np.uint64],
    groups: NDArray[np.int64],
    earlier: Mapping[int, frozenset[str]],
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Gives images the split they had before, and new images that of their group, in place.

    Returns:
        (N,) which images had a split before or belong to one that had, and remarks.
    """
    before = np.array(
        [min(earlier.get(int(key), {""}), key=_order) for key in pixel_hashes], dtype=object
    )
    before[~np.isin(before.astype(str), SPLITS)] = ""  # what was excluded then is new now
    # Where a test split is given, what earlier was a test image and now is given to train is new.
    is_old = is_drawn & (before != "") & (is_drawn.all() | (before != "test"))
    if not is_old.any():
        raise DataError(
            "the earlier split has none of these images",
            hint="it belongs to other data, or the images were decoded differently",
        )
    splits[is_old] = before[is_old]
    is_settled = is_old.copy()
    splits_of_group: dict[int, set[str]] = {}
    for index in np.flatnonzero(is_old):
        splits_of_group.setdefault(int(groups[index]), set()).add(before[index])
    bridging = 0
    for index in np.flatnonzero(is_drawn & ~is_old):
        of_group = splits_of_group.get(int(groups[index]), set())
        is_settled[index] = bool(of_group)
        if len(of_group) == 1:
            splits[index] = next(iter(of_group))
        elif of_group:
            splits[index] = "train"
            bridging += 1
    remarks = [
        f"{int(is_old.sum()):,} of {counted(len(splits), 'image')} stay as in the earlier split"
    ]
    if bridging:
        remarks.append(
            f"{counted(bridging, 'new image')} belonging to images in two splits of the "
            "earlier split: used for training"
        )
    return is_settled, tuple(remarks)


def _give_all_classes_to_train(
    splits: NDArray[np.object_],
    is_drawn: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    groups: NDArray[np.int64],
    labels: Labels,
) -> tuple[str, ...]:
    """Moves one image, or group of images, of each class that has none in train there, in place."""
    K = len(labels.classes)
    missing = np.flatnonzero(np.bincount(labels.labels[splits == "train"], minlength=K) == 0)
    moved = np.zeros(len(splits), dtype=bool)
    helped = []
    # Sorted once: to look through all images for each of many small classes takes minutes.
    by_class, by_group = (np.argsort(each, kind="stable") for each in (labels.labels, groups))
    for label in missing:
        mine = _equal(labels.labels, by_class, label)
        if (splits[mine] == "train").any():
            continue  # a group that holds another class too was moved
        candidates = mine[is_drawn[mine]]
        if not len(candidates):
            continue
        in_validation = candidates[splits[candidates] == "validation"]
        candidates = in_validation if len(in_validation) else candidates
        chosen = _equal(groups, by_group, groups[candidates[np.argmin(keys[candidates])]])
        splits[chosen[is_drawn[chosen]]] = "train"
        moved[chosen[is_drawn[chosen]]] = True
        helped.append(f"`{labels.classes[int(label)]}`")
    if not helped:
        return ()
    return (
        f"{counted(len(helped), 'class')} too small for a train, a validation and a test split: "
        f"{counted(int(moved.sum()), 'image')} moved to train, so that each has at least one "
        f"there ({joined(helped)}); with more images they can be tested",
    )


def _equal(
    values: NDArray[np.int64], order: NDArray[np.int64], wanted: np.int64
) -> NDArray[np.int64]:
    """Indices at which values (N,), which `order` (N,) sorts, are the wanted one."""
    first = np.searchsorted(values, wanted, "left", sorter=order)
    return order[first : np.searchsorted(values, wanted, "right", sorter=order)]


def _torn(names: NDArray[np.object_], groups: NDArray[np.int64] | None) -> tuple[str, ...]:
    """A remark on how many groups the given splits tear apart."""
    if groups is None or not any(names):
        return ()
    _, codes = np.unique(names.astype(str), return_inverse=True)
    pairs = np.unique(np.stack([groups, codes], axis=1), axis=0)
    torn = int((np.bincount(np.unique(pairs[:, 0], return_inverse=True)[1]) > 1).sum())
    if not torn:
        return ()
    return (
        f"{counted(torn, 'group')} of images that belong together (copies, near-duplicates or the "
        "same `--group`) in several of the given splits: `convscope check` names them",
    )


def _order(split: str) -> int:
    """A sort key: an image that was both trained and tested on counts as trained on."""
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _checked(splits: NDArray[np.object_], description: str, remarks: tuple[str, ...]) -> Split:
    """The split, if every image has a known one and none is empty."""
    train, validation, test = parts = [np.flatnonzero(splits == split) for split in SPLITS]
    if sum(map(len, parts)) != len(splits):
        unknown = sorted(set(splits) - set(SPLITS))
        raise DataError(f"there is no split {', '.join(f'`{split}`' for split in unknown)}")
    if not all(len(part) for part in parts):
        counts = ", ".join(
            f"{len(part)} {split}" for part, split in zip(parts, SPLITS, strict=True)
        )
        empty = next(split for part, split in zip(parts, SPLITS, strict=True) if not len(part))
        raise DataError(
            f"no image is left for {empty} ({counts})",
            hint="more images are needed, or splits of your own in folders `train`, `val`, `test`",
        )
    return Split(train, validation, test, description, remarks)


def components(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(count,) labels from 0, the same for all numbers below `count` that M pairs connect."""
    from scipy.sparse import coo_array  # here, as not every verb needs it
    from scipy.sparse.csgraph import connected_components

    links = (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1]))
    labels = connected_components(coo_array(links, shape=(count, count)), directed=False)[1]
    return np.asarray(labels, dtype=np.int64)
