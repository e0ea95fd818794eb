"""Splits that data comes with: classes are matched by name between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import check_known
from convscope.data.sources.naming import SPLITS
from convscope.errors import LISTED_AT_MOST

NO_SPLIT = len(SPLITS)  # the code of an image that came without one
_NAMES = np.array([*SPLITS, ""], dtype=object)


def split_names(codes: NDArray[np.integer]) -> tuple[str, ...]:
    """What `Dataset.given_splits` holds, of (N,) indices into `SPLITS` or `NO_SPLIT`."""
    return tuple(_NAMES[codes].tolist())


def match_splits(
    classes: Sequence[str], labels: NDArray[np.int64], codes: NDArray[np.integer]
) -> list[str]:
    """Compares the classes of the splits by name.

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
            more = len(missing) - LISTED_AT_MOST
            names = ", ".join(missing[:LISTED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
            remarks.append(f"split `{split}` has no images of {names}")
    return remarks
