"""Near-duplicates: images that show the same picture, whatever was done to the file.

How near is near is found out for each data set, as digits are more like each other than photos:

1. Variants of some of its images (saved again, resized, cropped) give a metric in which copies are
   near and different images far (`duplicate_metric`).
2. Distances are divided by how far away other images usually are (`duplicate_search`).
3. Thresholds follow from how many dimensions the images fill (`duplicate_calibration`).
4. Pairs that are nearly near enough are shifted and scaled onto each other, and judged again.

Every step works on images in the order of their pixels' hashes, so that the order and the names of
the files change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.components import components
from convscope.data.counters import hash64
from convscope.data.duplicate_calibration import (
    EPSILON,
    TAIL,
    Calibration,
    calibrated_copies,
    fixed_copies,
)

__all__ = ["TAIL", "Calibration", "Duplicates", "choose_sample", "find_duplicates", "groups"]

VERSION = 1  # pairs that another version found are looked for again
SAMPLE = 100  # images of which variants are made
MIN_CALIBRATED = 20  # different images; fewer say nothing of usual distances
FLAT = 0.008  # two levels of 255; an image of less contrast shows nothing that could be compared
MAX_COLOUR_CHANGE = 0.15  # between copies: of any channel's mean, of 1
MAX_CONTRAST_CHANGE = 0.3  # between copies: of its logarithm
MAX_ASPECT_CHANGE = 0.2  # between copies: of the ratio of width and height, as a logarithm


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The images that are there more than once.

    Attributes:
        exact: Groups of indices whose decoded pixels are the same.
        pairs: (M, 2) indices of near-duplicates, the smaller first; of images with the same
            pixels only the first takes part.
        distances: (M,) in units of the threshold: from 0, the same thumbnail, to 1.
        calibration: What counted as near.
    """

    exact: list[NDArray[np.int64]]
    pairs: NDArray[np.int64]
    distances: NDArray[np.float32]
    calibration: Calibration


def choose_sample(facts: NDArray[np.void], *, count: int = SAMPLE) -> NDArray[np.int64]:
    """Indices of images for `find_duplicates` to make variants of; the same in any order."""
    unique = _different(facts, facts["height"] > 0)
    unique = unique[facts["contrast"][unique] >= FLAT]
    keys = hash64("variants", facts["pixels"][unique])
    return np.asarray(unique[np.argsort(keys, kind="stable")][:count])


def find_duplicates(
    facts: NDArray[np.void],
    *,
    sample_indices: NDArray[np.int64] | Sequence[int],
    sample_pixels: Sequence[NDArray[np.uint8]],
    is_readable: NDArray[np.bool_] | None = None,
) -> Duplicates:
    """Images with the same pixels, and images that show the same picture.

    Args:
        facts: (N,) of `FACTS`.
        sample_indices: What `choose_sample` gave.
        sample_pixels: The pixels (H, W, C) of these images.
        is_readable: (N,); where it isn't given, images with a height.

    Raises:
        ValueError: There are enough images to calibrate on, but no sample of them is given.
    """
    if is_readable is None:
        is_readable = facts["height"] > 0
    unique = _different(facts, is_readable)
    unique = unique[facts["contrast"][unique] >= FLAT]
    thumbnails = facts["thumbnail"][unique]
    if len(unique) < MIN_CALIBRATED:
        found, distances, calibration = fixed_copies(thumbnails)
    else:
        hashes = facts["pixels"][np.asarray(sample_indices, dtype=np.int64)]
        sample = [sample_pixels[int(row)] for row in np.argsort(hashes, kind="stable")]
        if not sample:
            raise ValueError("near-duplicates can't be told apart without a sample of the images")
        found, distances, calibration = calibrated_copies(
            thumbnails, facts["pixels"][unique], sample
        )
    pairs = np.sort(unique[found], axis=1)
    is_possible = _could_be_copies(facts, pairs)
    pairs, distances = pairs[is_possible], distances[is_possible]
    by_index = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return Duplicates(
        exact=_exact_groups(facts, is_readable),
        pairs=pairs[by_index],
        distances=distances[by_index],
        calibration=calibration,
    )


def groups(count: int, duplicates: Duplicates) -> NDArray[np.int64]:
    """For each of `count` images the smallest index of those it hangs together with (N,).

    Copies of copies hang together, exact and near ones alike; an image without any is its own.
    """
    links = [duplicates.pairs]
    links += [
        np.column_stack([group[1:], np.full(len(group) - 1, group[0])])
        for group in duplicates.exact
    ]
    component = components(count, np.concatenate(links))
    smallest = np.full(int(component.max(initial=-1)) + 1, count, dtype=np.int64)
    np.minimum.at(smallest, component, np.arange(count))
    return np.asarray(smallest[component])


def _different(facts: NDArray[np.void], is_readable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices of readable images, the first of those with the same pixels, sorted by their hash."""
    rows = np.flatnonzero(is_readable)
    _, first = np.unique(facts["pixels"][rows], return_index=True)
    return np.asarray(rows[first])


def _exact_groups(
    facts: NDArray[np.void], is_readable: NDArray[np.bool_]
) -> list[NDArray[np.int64]]:
    rows = np.flatnonzero(is_readable)
    hashes = facts["pixels"][rows]
    order = np.argsort(hashes, kind="stable")
    parts = np.split(rows[order], np.flatnonzero(np.diff(hashes[order])) + 1)
    return sorted((part for part in parts if len(part) > 1), key=lambda part: int(part[0]))


def _could_be_copies(facts: NDArray[np.void], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether colour, contrast and shape of pairs (M, 2) agree, which the metric doesn't see."""
    one, other = facts[pairs[:, 0]], facts[pairs[:, 1]]
    colour = np.abs(one["mean"] - other["mean"]).max(axis=1, initial=0)
    aspects = [np.log(side["width"] / np.maximum(1, side["height"])) for side in (one, other)]
    contrasts = [np.log(np.maximum(side["contrast"], EPSILON)) for side in (one, other)]
    return np.asarray(
        (colour <= MAX_COLOUR_CHANGE)
        & (np.abs(contrasts[0] - contrasts[1]) <= MAX_CONTRAST_CHANGE)
        & (np.abs(aspects[0] - aspects[1]) <= MAX_ASPECT_CHANGE)
    )
