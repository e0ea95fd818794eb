"""Which image is used for what: learning, choosing, or the number that is reported.

Where the data brings no splits, the side of an image follows from a hash of its pixels, so that
the same images give the same split on any machine, whatever their order or file names, and new
images move no old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.counters import uniform
from convscope.errors import DataError

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
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    words: str

    def used_for(self, count: int) -> list[str]:
        """For each of `count` images its use."""
        uses = [""] * count
        for use in USES:
            for index in getattr(self, use):
                uses[index] = use
        return uses


def split_images(
    given: Sequence[str],
    pixel_hashes: NDArray[np.uint64],
    *,
    folds: int | None = None,
    fold: int = 0,
) -> Split:
    """Sorts N images by use.

    Args:
        given: N splits that the data came with: `train`, `validation`, `test` or "".
        pixel_hashes: (N,) of the decoded pixels.
        folds: Cut all images into this many folds instead, one of which is tested on.
        fold: Which.

    Raises:
        DataError: A side would be empty.
    """
    names = np.array(given, dtype=object)
    present = [name for name in USES if (names == name).any()]
    if folds is not None and present:
        raise DataError(
            f"the data has splits of its own ({', '.join(present)}), so it can't be cut into folds",
            hint="give the folder of one split alone, for instance DATA/train",
        )
    if folds is not None:
        split = _by_fold(pixel_hashes, folds=folds, fold=fold)
    elif not present:
        held_out = uniform("test", pixel_hashes) < TEST_SHARE
        split = _hold_out(~held_out, held_out, pixel_hashes, "no splits given: drawn by pixels")
    elif "train" not in present:
        raise DataError(
            f"the data has a {' and a '.join(present)} split, but no train split",
            hint="name the folder to learn from `train`",
        )
    elif present == ["train", "validation", "test"]:
        train, validation, test = (np.flatnonzero(names == name) for name in USES)
        split = Split(train, validation, test, "train, validation and test as given")
    elif len(present) == 2:
        split = _hold_out(
            names == "train",
            names == present[1],
            pixel_hashes,
            f"{present[1]} as given, validation drawn by pixels",
        )
    else:
        held_out = uniform("test", pixel_hashes) < TEST_SHARE
        split = _hold_out(
            ~held_out, held_out, pixel_hashes, "only train given: the others drawn by pixels"
        )
    _check(split)
    return split


def _by_fold(pixel_hashes: NDArray[np.uint64], *, folds: int, fold: int) -> Split:
    held_out = np.floor(uniform("fold", pixel_hashes) * folds).astype(int) == fold
    return _hold_out(~held_out, held_out, pixel_hashes, f"fold {fold} of {folds} is the test")


def _hold_out(
    learn: NDArray[np.bool_], test: NDArray[np.bool_], pixel_hashes: NDArray[np.uint64], words: str
) -> Split:
    """Takes the validation part out of what is learned from."""
    share = min(VALIDATION_SHARE, MAX_VALIDATION / max(1, int(learn.sum())))
    choose = learn & (uniform("validation", pixel_hashes) < share)
    return Split(
        np.flatnonzero(learn & ~choose),
        np.flatnonzero(choose),
        np.flatnonzero(test),
        words,
    )


def _check(split: Split) -> None:
    for use in USES:
        if not len(getattr(split, use)):
            counts = ", ".join(f"{len(getattr(split, name))} {name}" for name in USES)
            raise DataError(
                f"no image is left for {use} ({counts})",
                hint="more images are needed, or splits of your own in folders `train`, `val`, "
                "`test`",
            )
