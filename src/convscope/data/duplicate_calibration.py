"""Calibration: how near copies are in one data set, and which images are that near.

How rarely different images come near each other follows from how many dimensions they fill: within
a fraction r of the usual distance lie r to the power of the dimension as many. The threshold lets
one image in 5,000 have a false copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.duplicate_metric import (
    STEPS,
    Metric,
    Thumbnails,
    Vectors,
    aligned_distances,
    fit_metric,
)
from convscope.data.duplicate_search import (
    LOCAL_NEIGHBOURS,
    REFERENCES,
    Pairs,
    local_scales,
    nearest_neighbours,
    pairs_within,
    scaled_distances,
)
from convscope.data.duplicate_variants import VARIANTS, make_variant
from convscope.data.facts import hash_pixels, thumbnail_of
from convscope.errors import counted

FALSE_SHARE = 1e-4  # of the images that may have a false copy, for each of the two thresholds
TAIL = 0.75  # of the dimension: regions differ, so that near pairs are commoner than it says
MIDDLE = LOCAL_NEIGHBOURS // 2  # neighbour; nearer ones may be copies
CALIBRATED_ON = 1000  # images whose nearest others are looked at
ALIGNED_ON = 400
ALIGNED_AT_MOST = 40_000  # pairs; a few seconds
ALIGNED_AN_IMAGE = 3.0
HOPEFUL = 2.0  # thresholds; a pair farther apart after the first step of aligning is given up
FIXED_THRESHOLD = 0.2  # where nothing is calibrated; unrelated pictures have about 1.4
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """What counted as near, and how well that tells copies from others.

    Attributes:
        threshold: Below it two images are copies, in units of the usual distance around them.
        aligned_threshold: The same for images shifted and scaled onto each other.
        dimension: Of the images, as far as their distances tell; NaN where nothing is calibrated.
        detection: Share of variants that would be found, by what was done to them; measured on
            images of the data set that the metric wasn't fitted to.
        expected_false_pairs: Pairs of different images that come below a threshold by chance.
        words: All this in a sentence or two.
    """

    threshold: float
    aligned_threshold: float
    dimension: float
    detection: Mapping[str, float]
    expected_false_pairs: float
    words: str


class Copies(NamedTuple):
    """Thumbnails that show the same picture.

    Attributes:
        pairs: (M, 2) rows.
        distances: (M,) in units of the threshold.
        calibration: What counted as near.
    """

    pairs: Pairs
    distances: Vectors
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class _Gauge:
    """Everything that decides whether two images are copies."""

    threshold: float
    aligned_threshold: float
    limit: float  # up to which pairs are aligned
    dimension: float

    def is_copy(self, distances: Vectors, aligned: Vectors) -> NDArray[np.bool_]:
        is_near = distances < self.threshold
        return is_near | ((distances < self.limit) & (aligned < self.aligned_threshold))


def fixed_copies(
    thumbnails: Thumbnails,
) -> Copies:
    """For a handful of images: aligns every pair."""
    pairs = np.column_stack(np.triu_indices(len(thumbnails), k=1)).astype(np.int64)
    distances = aligned_distances(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]])
    is_copy = distances < FIXED_THRESHOLD
    words = (
        f"{counted(len(thumbnails), 'different image')} can't say how near copies are; "
        "only pairs that hardly differ count"
    )
    calibration = Calibration(FIXED_THRESHOLD, FIXED_THRESHOLD, math.nan, {}, math.nan, words=words)
    return Copies(pairs[is_copy], distances[is_copy] / np.float32(FIXED_THRESHOLD), calibration)


def calibrated_copies(
    thumbnails: Thumbnails, hashes: NDArray[np.uint64], sample: Sequence[NDArray[np.uint8]]
) -> Copies:
    """Copies among different images in the order of their hashes."""
    learned, measured = sample[::2], sample[1::2] or sample
    metric = _fit(thumbnails[:REFERENCES], learned)
    points = metric.embed(thumbnails)
    place = np.arange(len(points))
    own = np.where(place < REFERENCES, place, -1)
    scales = local_scales(points, points[:REFERENCES], own=own)
    gauge = _calibrate(thumbnails, points, scales)
    pairs, distances = pairs_within(points, scales, gauge.limit)
    aligned = _aligned(thumbnails, scales, pairs, steps=1)
    is_hopeful = aligned < HOPEFUL * gauge.aligned_threshold
    aligned[is_hopeful] = _aligned(thumbnails, scales, pairs[is_hopeful])
    is_copy = gauge.is_copy(distances, aligned)
    relative = np.minimum(distances / gauge.threshold, aligned / gauge.aligned_threshold)
    detection = _detection(gauge, metric, points[:REFERENCES], hashes[:REFERENCES], measured)
    expected = 2 * FALSE_SHARE * len(thumbnails)
    found = ", ".join(f"{share:.0%} of those {name}" for name, share in detection.items())
    calibration = Calibration(
        threshold=gauge.threshold,
        aligned_threshold=gauge.aligned_threshold,
        dimension=gauge.dimension,
        detection=detection,
        expected_false_pairs=expected,
        words=f"calibrated on this data: of copies of {counted(len(measured), 'image')} it finds "
        f"{found}; about {expected:.1f} false pairs are to be expected",
    )
    return Copies(pairs[is_copy], relative[is_copy].astype(np.float32), calibration)


def _fit(thumbnails: Thumbnails, sample: Sequence[NDArray[np.uint8]]) -> Metric:
    originals = np.stack([thumbnail_of(pixels) for pixels in sample])
    variants = [_variants(sample, name) for name in VARIANTS]
    return fit_metric(
        thumbnails, np.tile(originals, (len(VARIANTS), 1, 1)), np.concatenate(variants)
    )


def _variants(sample: Sequence[NDArray[np.uint8]], name: str) -> Thumbnails:
    changed = [make_variant(pixels, name, key=hash_pixels(pixels)) for pixels in sample]
    return np.stack([thumbnail_of(pixels) for pixels in changed])


def _calibrate(thumbnails: Thumbnails, points: Vectors, scales: Vectors) -> _Gauge:
    """The thresholds, from how far the nearest images usually are.

    The fifth and the tenth neighbour tell it, as the nearest may be copies.

    Source: the number of neighbours within a distance grows with it to the power of the dimension
    (Levina and Bickel 2004); so the fifth distance, in tenths, to that power is Beta(5, 5).
    """
    neighbours = nearest_neighbours(points, scales, of_first=CALIBRATED_ON)
    middle, last = neighbours.distances[:, MIDDLE - 1], neighbours.distances[:, -1]
    ratio = float(np.median(middle / np.maximum(last, EPSILON)))
    dimension = math.log(0.5) / math.log(min(0.99, max(0.1, ratio)))
    fraction = (FALSE_SHARE / MIDDLE) ** (1 / (TAIL * dimension))

    first = np.arange(min(ALIGNED_ON, len(neighbours.indices)))
    near = neighbours.indices[first]
    pairs = np.column_stack([np.repeat(first, near.shape[1]), near.ravel()])
    aligned = np.sort(_aligned(thumbnails, scales, pairs).reshape(near.shape), axis=1)

    threshold = max(EPSILON, float(np.median(middle)) * fraction)
    wanted = min(ALIGNED_AN_IMAGE, ALIGNED_AT_MOST / len(points)) * len(neighbours.indices)
    ends = np.sort(neighbours.distances, axis=None)  # each pair has two
    limit = float(ends[min(int(2 * wanted), len(ends) - 1)])
    return _Gauge(
        threshold=threshold,
        aligned_threshold=max(EPSILON, float(np.median(aligned[:, MIDDLE - 1])) * fraction),
        limit=max(limit, threshold),
        dimension=dimension,
    )


def _aligned(
    thumbnails: Thumbnails, scales: Vectors, pairs: NDArray[np.int64], *, steps: int = STEPS
) -> Vectors:
    """Distances (M,) of pairs (M, 2) after aligning, in units of the local scales."""
    one, other = pairs.T
    distances = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), REFERENCES):
        block = slice(start, start + REFERENCES)
        distances[block] = aligned_distances(
            thumbnails[one[block]], thumbnails[other[block]], steps=steps
        )
    return np.asarray(distances / np.sqrt(scales[one] * scales[other]), dtype=np.float32)


def _detection(
    gauge: _Gauge,
    metric: Metric,
    references: Vectors,
    hashes: NDArray[np.uint64],
    sample: Sequence[NDArray[np.uint8]],
) -> dict[str, float]:
    """Share of the variants of a sample that would be found beside their originals."""
    of_sample = np.array([hash_pixels(pixels) for pixels in sample], dtype=np.uint64)
    place = np.minimum(np.searchsorted(hashes, of_sample), len(hashes) - 1)
    own = np.where(hashes[place] == of_sample, place, -1)
    originals = np.stack([thumbnail_of(pixels) for pixels in sample])
    count = len(sample)
    pairs = np.column_stack([np.arange(count), np.arange(count) + count])
    shares = {}
    for name in VARIANTS:
        thumbnails = np.concatenate([originals, _variants(sample, name)])
        points = metric.embed(thumbnails)
        scales = local_scales(points, references, own=np.tile(own, 2))
        distances = scaled_distances(points, scales, pairs)
        aligned = _aligned(thumbnails, scales, pairs)
        shares[name] = float(gauge.is_copy(distances, aligned).mean())
    return shares
