"""Calibration: how near copies are in one data set, and which images are that near.

How rarely different images come near each other follows from the dimension that they fill: within a
fraction r of the typical distance lie r to the power of the dimension as many. The threshold lets
one image in 5,000 have a false copy.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.data.duplicates.distances import (
    LOCAL_NEIGHBOURS,
    REFERENCES,
    STEPS,
    Pairs,
    Thumbnails,
    Vectors,
    aligned_distances,
    embed,
    fit_metric,
    local_scales,
    nearest_neighbours,
    pairs_within,
    scaled_distances,
)
from convscope.data.index.statistics import hash_pixels, thumbnail_of
from convscope.rng import uniform
from convscope.text import counted

FALSE_FRACTION = 1e-4  # of the images may have a false copy, for each of the two thresholds
TAIL = 0.75  # of the dimension: regions differ, so that near pairs are commoner than it says
MIDDLE = LOCAL_NEIGHBOURS // 2  # neighbour; nearer ones may be copies
CALIBRATED_ON = 1000  # images whose nearest neighbours are searched
ALIGNED_ON = 400
ALIGNED_AT_MOST = 40_000  # pairs; a few seconds
ALIGNED_AN_IMAGE = 3.0
HOPEFUL = 2.0  # thresholds; a pair farther apart after the first step of aligning is given up
FIXED_THRESHOLD = 0.2  # where nothing is calibrated; unrelated pictures have about 1.4
EPSILON = 1e-6
CROPPED_FRACTION = 0.05  # of height and of width
BRIGHTER_FACTOR, BRIGHTER_BY = 1.1, 8

Corner = tuple[float, float]
Variant = Callable[[Image.Image, Corner], Image.Image]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well the thresholds tell copies from different images.

    Attributes:
        threshold: Distance below which two images are copies, in units of the local scale.
        dimension: Dimension of the images, estimated from their distances; NaN where nothing is
            calibrated.
        detection: Fraction of variants that would be found, by what was done to them; measured on
            images of the data set that the metric wasn't fitted to.
        expected_false_pairs: Number of pairs of different images below a threshold by chance.
        description: A sentence or two for people.
    """

    threshold: float
    dimension: float
    detection: Mapping[str, float]
    expected_false_pairs: float
    description: str


class Duplicates(NamedTuple):
    """Images, or their thumbnails, that show the same picture.

    Attributes:
        pairs: (M, 2) indices of near-duplicates; of images with the same pixels only the first
            takes part.
        distances: (M,) distances in units of the threshold: from 0, the same thumbnail, to 1.
        calibration: How well the thresholds work.
    """

    pairs: Pairs
    distances: Vectors
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class _Gauge:
    """The criteria for two images to be copies, in units of the local scale."""

    threshold: float
    aligned_threshold: float  # for images shifted and scaled onto each other
    limit: float  # up to which pairs are aligned
    dimension: float

    def is_copy(self, distances: Vectors, aligned: Vectors) -> NDArray[np.bool_]:
        is_near = distances < self.threshold
        return is_near | ((distances < self.limit) & (aligned < self.aligned_threshold))


def fixed_copies(thumbnails: Thumbnails) -> Duplicates:
    """Copies among a handful of images: every pair is aligned."""
    pairs = np.column_stack(np.triu_indices(len(thumbnails), k=1)).astype(np.int64)
    distances = aligned_distances(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]])
    is_copy = distances < FIXED_THRESHOLD
    description = (
        f"{counted(len(thumbnails), 'different image')} can't say how near copies are; "
        "only pairs that hardly differ count"
    )
    calibration = Calibration(FIXED_THRESHOLD, math.nan, {}, math.nan, description)
    return Duplicates(pairs[is_copy], distances[is_copy] / np.float32(FIXED_THRESHOLD), calibration)


def calibrated_copies(
    thumbnails: Thumbnails, hashes: NDArray[np.uint64], sample: Sequence[NDArray[np.uint8]]
) -> Duplicates:
    """Copies among different images in the order of their hashes."""
    fitted, measured = sample[::2], sample[1::2] or sample
    axes = _fit(thumbnails[:REFERENCES], fitted)
    points = embed(thumbnails, axes)
    row = np.arange(len(points))
    own = np.where(row < REFERENCES, row, -1)
    scales = local_scales(points, points[:REFERENCES], own=own)
    gauge = _calibrate(thumbnails, points, scales)
    pairs, distances = pairs_within(points, scales, gauge.limit)
    aligned = _aligned(thumbnails, scales, pairs, steps=1)
    is_hopeful = aligned < HOPEFUL * gauge.aligned_threshold
    aligned[is_hopeful] = _aligned(thumbnails, scales, pairs[is_hopeful])
    is_copy = gauge.is_copy(distances, aligned)
    relative = np.minimum(distances / gauge.threshold, aligned / gauge.aligned_threshold)
    detection = _detection(gauge, axes, points[:REFERENCES], hashes[:REFERENCES], measured)
    expected = 2 * FALSE_FRACTION * len(thumbnails)
    found = ", ".join(f"{fraction:.0%} of those {name}" for name, fraction in detection.items())
    calibration = Calibration(
        threshold=gauge.threshold,
        dimension=gauge.dimension,
        detection=detection,
        expected_false_pairs=expected,
        description=f"calibrated on this data: of copies of {counted(len(measured), 'image')} it "
        f"finds {found}; about {expected:.1f} false pairs are to be expected",
    )
    return Duplicates(pairs[is_copy], relative[is_copy].astype(np.float32), calibration)


def _fit(thumbnails: Thumbnails, sample: Sequence[NDArray[np.uint8]]) -> Vectors:
    originals = np.stack([thumbnail_of(pixels) for pixels in sample])
    variants = [_variants(sample, name) for name in VARIANTS]
    return fit_metric(
        thumbnails, np.tile(originals, (len(VARIANTS), 1, 1)), np.concatenate(variants)
    )


def _variants(sample: Sequence[NDArray[np.uint8]], name: str) -> Thumbnails:
    changed = [make_variant(pixels, name, key=hash_pixels(pixels)) for pixels in sample]
    return np.stack([thumbnail_of(pixels) for pixels in changed])


def _calibrate(thumbnails: Thumbnails, points: Vectors, scales: Vectors) -> _Gauge:
    """The thresholds, from the distances of neighbours.

    The fifth and the tenth neighbour are used, as nearer ones may be copies.

    Source: the number of neighbours within a distance grows with it to the power of the dimension
    (Levina and Bickel 2004); so the fifth distance, in tenths, to that power is Beta(5, 5).
    """
    neighbours, apart = nearest_neighbours(points, scales, of_first=CALIBRATED_ON)
    middle, last = apart[:, MIDDLE - 1], apart[:, -1]
    ratio = float(np.median(middle / np.maximum(last, EPSILON)))
    dimension = math.log(0.5) / math.log(min(0.99, max(0.1, ratio)))
    fraction = (FALSE_FRACTION / MIDDLE) ** (1 / (TAIL * dimension))

    first = np.arange(min(ALIGNED_ON, len(neighbours)))
    near = neighbours[first]
    pairs = np.column_stack([np.repeat(first, near.shape[1]), near.ravel()])
    aligned = np.sort(_aligned(thumbnails, scales, pairs).reshape(near.shape), axis=1)

    threshold = max(EPSILON, float(np.median(middle)) * fraction)
    wanted = min(ALIGNED_AN_IMAGE, ALIGNED_AT_MOST / len(points)) * len(neighbours)
    ends = np.sort(apart, axis=None)  # each pair has two
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
    """(M,) distances of pairs after aligning, in units of the local scales."""
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
    axes: Vectors,
    references: Vectors,
    hashes: NDArray[np.uint64],
    sample: Sequence[NDArray[np.uint8]],
) -> dict[str, float]:
    """Fraction of the variants of a sample that would be found beside their originals."""
    of_sample = np.array([hash_pixels(pixels) for pixels in sample], dtype=np.uint64)
    place = np.minimum(np.searchsorted(hashes, of_sample), len(hashes) - 1)
    own = np.where(hashes[place] == of_sample, place, -1)
    originals = np.stack([thumbnail_of(pixels) for pixels in sample])
    count = len(sample)
    pairs = np.column_stack([np.arange(count), np.arange(count) + count])
    shares = {}
    for name in VARIANTS:
        thumbnails = np.concatenate([originals, _variants(sample, name)])
        points = embed(thumbnails, axes)
        scales = local_scales(points, references, own=np.tile(own, 2))
        distances = scaled_distances(points, scales, pairs)
        aligned = _aligned(thumbnails, scales, pairs)
        shares[name] = float(gauge.is_copy(distances, aligned).mean())
    return shares


def _saved(image: Image.Image, *, quality: int) -> Image.Image:
    """The image as it comes back from a JPEG file."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return Image.open(io.BytesIO(content.getvalue()))


def _resized(image: Image.Image, *, factor: float) -> Image.Image:
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _cropped(image: Image.Image, corner: Corner) -> Image.Image:
    """The image without a twentieth (at least a pixel) of each side, cut off around `corner`."""
    width, height = image.size
    cut_width, cut_height = (max(1, round(side * CROPPED_FRACTION)) for side in image.size)
    if cut_width >= width or cut_height >= height:
        return image
    left, top = round(corner[0] * cut_width), round(corner[1] * cut_height)
    return image.crop((left, top, left + width - cut_width, top + height - cut_height))


def _brighter(image: Image.Image) -> Image.Image:
    levels = np.arange(256) * BRIGHTER_FACTOR + BRIGHTER_BY
    table = [int(level) for level in np.minimum(255, np.round(levels))]
    return image.point(table * len(image.getbands()))


VARIANTS: Mapping[str, Variant] = {
    "saved as JPEG of quality 30": lambda image, corner: _saved(image, quality=30),
    "saved as JPEG of quality 75": lambda image, corner: _saved(image, quality=75),
    "resized to 50 %": lambda image, corner: _resized(image, factor=0.5),
    "resized to 200 %": lambda image, corner: _resized(image, factor=2.0),
    "cropped by 5 %": _cropped,
    "brightened by 10 %": lambda image, corner: _brighter(image),
}


def make_variant(pixels: NDArray[np.uint8], name: str, *, key: int) -> NDArray[np.uint8]:
    """A variant (H', W', C) of an image (H, W, C).

    Args:
        pixels: The image.
        name: One of `VARIANTS`.
        key: Decides where a crop lies; a hash of the pixels, so that the order changes nothing.
    """
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    corner = (float(uniform("crop left", key)), float(uniform("crop top", key)))
    changed = np.asarray(VARIANTS[name](image, corner))
    return changed.reshape(*changed.shape[:2], pixels.shape[2])
