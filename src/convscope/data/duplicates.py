"""Near-duplicates: images that show the same picture, whatever was done to the file.

How near is near is found out for each data set, as digits are more like each other than photos:

1. Variants of some of its images (saved again, resized, cropped) give a metric in which copies are
   near and different images far.
2. Distances are divided by how far away other images usually are.
3. How rarely different images come near each other follows from how many dimensions the images
   fill: within a fraction r of the usual distance lie r to the power of the dimension as many.
   The threshold lets one image in 5,000 have a false copy.
4. Pairs that are nearly near enough are shifted and scaled onto each other, and judged again.

Every step works on images in the order of their pixels' hashes, so that the order and the names of
the files change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from convscope.data.counters import hash64
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
    local_scales,
    nearest_neighbours,
    pairs_within,
    scaled_distances,
)
from convscope.data.duplicate_variants import VARIANTS, make_variant
from convscope.data.facts import hash_pixels, thumbnail_of
from convscope.errors import counted

SAMPLE = 100  # images of which variants are made
FALSE_SHARE = 1e-4  # of the images that may have a false copy, for each of the two thresholds
TAIL = 0.75  # of the dimension: regions differ, so that near pairs are commoner than it says
MIN_CALIBRATED = 20  # different images; fewer say nothing of usual distances
FIXED_THRESHOLD = 0.2  # where nothing is calibrated; unrelated pictures have about 1.4
MIDDLE = LOCAL_NEIGHBOURS // 2  # neighbour; nearer ones may be copies
EPSILON = 1e-6
CALIBRATED_ON = 1000  # images whose nearest others are looked at
ALIGNED_ON = 400
HOPEFUL = 2.0  # thresholds; a pair farther apart after the first step of aligning is given up
ALIGNED_AT_MOST = 50_000  # pairs; about 5 s
ALIGNED_AN_IMAGE = 3.0
FLAT_LEVELS = 2.0  # a thumbnail that varies less shows nothing that could be compared
MAX_COLOUR_CHANGE = 0.15  # between copies: of any channel's mean, of 1
MAX_CONTRAST_CHANGE = 0.3  # between copies: of its logarithm
MAX_ASPECT_CHANGE = 0.2  # between copies: of the ratio of width and height, as a logarithm


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


def choose_sample(facts: NDArray[np.void], *, count: int = SAMPLE) -> NDArray[np.int64]:
    """Indices of images for `find_duplicates` to make variants of; the same in any order."""
    unique = _different(facts, facts["height"] > 0)
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
    """
    if is_readable is None:
        is_readable = facts["height"] > 0
    unique = _different(facts, is_readable)
    thumbnails = facts["thumbnail"][unique]
    shows_something = _deviations(thumbnails) >= FLAT_LEVELS
    unique, thumbnails = unique[shows_something], thumbnails[shows_something]
    order = np.argsort(facts["pixels"][np.asarray(sample_indices, dtype=np.int64)], kind="stable")
    sample = [sample_pixels[int(row)] for row in order]
    sample = [pixels for pixels in sample if thumbnail_of(pixels).std() >= FLAT_LEVELS]
    if len(unique) < MIN_CALIBRATED or not sample:
        found, distances, calibration = _with_fixed_threshold(thumbnails)
    else:
        found, distances, calibration = _with_calibration(
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
    one, other = np.concatenate(links).T
    graph = coo_matrix((np.ones(len(one), dtype=bool), (one, other)), shape=(count, count))
    num_components, component = connected_components(graph, directed=False)
    smallest = np.full(num_components, count, dtype=np.int64)
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


def _deviations(thumbnails: Thumbnails) -> Vectors:
    deviations = np.empty(len(thumbnails), dtype=np.float32)
    for start in range(0, len(thumbnails), REFERENCES):
        block = thumbnails[start : start + REFERENCES].astype(np.float32)
        deviations[start : start + REFERENCES] = block.std(axis=(1, 2))
    return deviations


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


def _with_fixed_threshold(
    thumbnails: Thumbnails,
) -> tuple[NDArray[np.int64], Vectors, Calibration]:
    """For a handful of images: aligns every pair."""
    pairs = np.column_stack(np.triu_indices(len(thumbnails), k=1)).astype(np.int64)
    distances = aligned_distances(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]])
    is_copy = distances < FIXED_THRESHOLD
    words = (
        f"{counted(len(thumbnails), 'different image')} can't say how near copies are; "
        "only pairs that hardly differ count"
    )
    calibration = Calibration(FIXED_THRESHOLD, FIXED_THRESHOLD, math.nan, {}, math.nan, words=words)
    return pairs[is_copy], distances[is_copy] / np.float32(FIXED_THRESHOLD), calibration


def _with_calibration(
    thumbnails: Thumbnails, hashes: NDArray[np.uint64], sample: Sequence[NDArray[np.uint8]]
) -> tuple[NDArray[np.int64], Vectors, Calibration]:
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
    return pairs[is_copy], relative[is_copy].astype(np.float32), calibration


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
