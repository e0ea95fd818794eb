"""Which image is used for what: learning, choosing, or the number that is reported.

Where the data brings no splits, the side of an image follows from a hash of its pixels, so that
the same images give the same split on any machine, whatever their order or file names. Images that
belong together (near-duplicates, one patient, one burst) go by the smallest of their hashes, all to
one side. New images move old ones only where they join their group, or where the validation part
reaches its limit; with the earlier split given they move none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.components import components
from convscope.data.counters import uniform
from convscope.errors import DataError, counted

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.2  # of what isn't test
MAX_VALIDATION = 5000  # enough to choose an epoch; the rest is better spent on learning

USES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of images by use; each image is in exactly one.

    Attributes:
        train: Learned from.
        validation: Choose the best epoch; never reported.
        test: Reported; never seen before.
        words: How it came about, for people.
        remarks: What had to be decided on the way.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    words: str
    remarks: tuple[str, ...] = ()

    def used_for(self, count: int) -> list[str]:
        """For each of `count` images its use."""
        uses = np.full(count, "", dtype=object)
        for use in USES:
            uses[getattr(self, use)] = use
        return list(uses)


def split_images(
    given: Sequence[str],
    pixel_hashes: NDArray[np.uint64],
    *,
    groups: NDArray[np.int64] | None = None,
    earlier: Mapping[int, frozenset[str]] | None = None,
    folds: int | None = None,
    fold: int = 0,
) -> Split:
    """Sorts N images by use.

    Args:
        given: N splits that the data came with: `train`, `validation`, `test` or "".
        pixel_hashes: (N,) of the decoded pixels.
        groups: (N,) labels; images with the same label stay on one side where it is drawn.
        earlier: What an earlier split used images for, by their pixels' hash; they stay there.
        folds: Cut all images into this many folds instead, one of which is tested on.
        fold: Which.

    Raises:
        DataError: A side would be empty.
    """
    names = np.array(given, dtype=object)
    present = [name for name in USES if (names == name).any()]
    keys = pixel_hashes if groups is None else smallest_of_group(pixel_hashes, groups)
    if folds is not None and present:
        raise DataError(
            f"the data has splits of its own ({', '.join(present)}), so it can't be cut into folds",
            hint="give the folder of one split alone, for instance DATA/train",
        )
    if present and "train" not in present:
        raise DataError(
            f"the data has a {' and a '.join(present)} split, but no train split",
            hint="name the folder to learn from `train`",
        )
    if len(present) == len(USES):
        if earlier is not None:
            raise DataError(
                "the data has train, validation and test splits of its own: an earlier split has "
                "no effect",
                hint="leave out `--splits`",
            )
        return _checked(names, "train, validation and test as given", _torn(names, groups))
    if len(present) == 2:
        held_out = names == present[1]
        words = f"{present[1]} as given is kept for the number that is reported"
        words += ", a part of train drawn by pixels chooses the epoch"
    elif folds is not None:
        held_out = np.floor(uniform("fold", keys) * folds).astype(int) == fold
        words = f"fold {fold} of {folds}, counted from 0, is the test"
    else:
        held_out = uniform("test", keys) < TEST_SHARE
        words = "only train given: the others drawn by pixels" if present else ""
        words = words or "no splits given: drawn by pixels"
    uses = _drawn(held_out, keys)
    remarks = _torn(names, groups)
    if earlier is not None:
        is_drawn = np.ones(len(names), dtype=bool) if len(present) < 2 else names == "train"
        labels = np.arange(len(names)) if groups is None else groups
        remarks += _keep_earlier(uses, is_drawn, pixel_hashes, labels, earlier)
        words += ", images of the earlier split as there"
    return _checked(uses, words, remarks)


def likely_use(given: str, pixel_hash: int, *, folds: int | None, fold: int) -> str:
    """What `split_images` will say of an image, unless groups or numbers of images decide."""
    if given in ("validation", "test"):
        return given
    key = np.uint64(pixel_hash)
    held_out = uniform("test", key) < TEST_SHARE
    if folds is not None:
        held_out = np.floor(uniform("fold", key) * folds) == fold
    if held_out and not given:
        return "test"
    return "validation" if uniform("validation", key) < VALIDATION_SHARE else "train"


def smallest_of_group(
    pixel_hashes: NDArray[np.uint64], groups: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """(N,) for each image the smallest hash (N,) within its group (N,)."""
    _, places = np.unique(groups, return_inverse=True)
    smallest = np.full(int(places.max(initial=-1)) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, places, pixel_hashes)
    return smallest[places]


def merged_groups(
    groups: NDArray[np.int64], others: Sequence[object] | NDArray[np.generic]
) -> NDArray[np.int64]:
    """(N,) labels of the smallest groups that keep together what either of two labelings does."""
    _, first, places = np.unique(np.asarray(others), return_index=True, return_inverse=True)
    return connected(groups, np.stack([groups, groups[first[places]]], axis=1))


def connected(groups: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) labels of the groups (N,) that are left when groups in pairs (M, 2) become one."""
    count = int(groups.max(initial=-1)) + 1
    return components(count, pairs)[groups]


def _drawn(held_out: NDArray[np.bool_], keys: NDArray[np.uint64]) -> NDArray[np.object_]:
    """The use of each image (N,), the validation part taken out of what is learned from."""
    share = min(VALIDATION_SHARE, MAX_VALIDATION / max(1, int((~held_out).sum())))
    uses = np.where(uniform("validation", keys) < share, "validation", "train").astype(object)
    uses[held_out] = "test"
    return uses


def _keep_earlier(
    uses: NDArray[np.object_],
    is_drawn: NDArray[np.bool_],
    pixel_hashes: NDArray[np.uint64],
    groups: NDArray[np.int64],
    earlier: Mapping[int, frozenset[str]],
) -> tuple[str, ...]:
    """Gives images the use they had before, and new images that of their group; changes `uses`."""
    before = np.array(
        [min(earlier.get(int(key), {""}), key=_order) for key in pixel_hashes], dtype=object
    )
    before[~np.isin(before.astype(str), USES)] = ""  # what was excluded then is new now
    # Where a test split is given, what earlier was a test image and now is given to train is new.
    is_old = is_drawn & (before != "") & (is_drawn.all() | (before != "test"))
    if not is_old.any():
        raise DataError(
            "the earlier split has none of these images",
            hint="it belongs to other data, or the images were decoded differently",
        )
    uses[is_old] = before[is_old]
    sides: dict[int, set[str]] = {}
    for index in np.flatnonzero(is_old):
        sides.setdefault(int(groups[index]), set()).add(before[index])
    bridging = 0
    for index in np.flatnonzero(is_drawn & ~is_old):
        of_group = sides.get(int(groups[index]), set())
        if len(of_group) == 1:
            uses[index] = next(iter(of_group))
        elif of_group:
            uses[index] = "train"
            bridging += 1
    said = [f"{int(is_old.sum()):,} of {counted(len(uses), 'image')} stay as in the earlier split"]
    if bridging:
        said.append(
            f"{counted(bridging, 'new image')} belonging to images on two sides of the earlier "
            "split: used for training"
        )
    return tuple(said)


def _torn(names: NDArray[np.object_], groups: NDArray[np.int64] | None) -> tuple[str, ...]:
    """Says how many groups the given splits tear apart."""
    if groups is None or not any(names):
        return ()
    _, sides = np.unique(names.astype(str), return_inverse=True)
    pairs = np.unique(np.stack([groups, sides], axis=1), axis=0)
    torn = int((np.bincount(np.unique(pairs[:, 0], return_inverse=True)[1]) > 1).sum())
    if not torn:
        return ()
    return (
        f"{counted(torn, 'group')} of images that belong together (copies, near-duplicates or the "
        "same `--group`) on several of the given sides: `convscope check` names them",
    )


def _order(use: str) -> int:
    """An image that was seen in training and tested on counts as seen."""
    return USES.index(use) if use in USES else len(USES)


def _checked(uses: NDArray[np.object_], words: str, remarks: tuple[str, ...]) -> Split:
    train, validation, test = parts = [np.flatnonzero(uses == use) for use in USES]
    if sum(map(len, parts)) != len(uses):
        unknown = sorted(set(uses) - set(USES))
        raise DataError(f"images can't be used for {', '.join(f'`{use}`' for use in unknown)}")
    if not all(len(part) for part in parts):
        counts = ", ".join(f"{len(part)} {use}" for part, use in zip(parts, USES, strict=True))
        empty = next(use for part, use in zip(parts, USES, strict=True) if not len(part))
        raise DataError(
            f"no image is left for {empty} ({counts})",
            hint="more images are needed, or splits of your own in folders `train`, `val`, `test`",
        )
    return Split(train, validation, test, words, remarks)
