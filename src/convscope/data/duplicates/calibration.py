"""Calibration: how near copies are in one data set, and which images are that near.

The threshold lets one image in 5,000 have a false copy, and one in 50,000 a false turned one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.duplicates import turned
from convscope.data.duplicates.distances import (
    REFERENCES,
    Pairs,
    Thumbnails,
    Vectors,
    aligned_distances,
    coarse,
    fit_metric,
    pairs_within,
)
from convscope.data.duplicates.embedded import Embedded, Orientations
from convscope.data.duplicates.orientations import (
    NUM_ORIENTATIONS,
    closest_orientations,
    each_oriented,
    oriented,
)
from convscope.data.duplicates.thresholds import CopyThresholds, calibrate
from convscope.data.duplicates.turned import TurnedSearch
from convscope.data.duplicates.variants import VARIANTS, make_variant
from convscope.data.index.statistics import hash_pixels, thumbnail_of
from convscope.text import counted

FALSE_FRACTION = 1e-4  # of the images may have a false copy, for each of the two thresholds
CALIBRATED_ON = 1000  # images whose nearest neighbours are searched
ALIGNED_ON = 400
ALIGNED_AT_MOST = 40_000  # pairs; a few seconds
ALIGNED_AN_IMAGE = 3.0
HOPEFUL = 2.0  # thresholds; a pair farther apart after the first step of aligning is given up
FIXED_THRESHOLD = 0.2  # where nothing is calibrated; unrelated pictures have about 1.4
TURNED = {"mirrored": 1, "turned by 90 degrees": 5}  # variants for the report, by orientation

Sample = Sequence[NDArray[np.uint8]]


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
        orientations: (M,) how the first image has to be turned to look like the second.
        calibration: How well the thresholds work.
    """

    pairs: Pairs
    distances: Vectors
    orientations: Orientations
    calibration: Calibration


def fixed_copies(thumbnails: Thumbnails) -> Duplicates:
    """Copies among a handful of images: every pair is aligned, upright and turned."""
    pairs = np.column_stack(np.triu_indices(len(thumbnails), k=1)).astype(np.int64)
    one, other = thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]]
    turns = closest_orientations(coarse(one), coarse(other))
    upright = aligned_distances(one, other)
    turned_apart = aligned_distances(each_oriented(one, turns), other)
    is_upright = upright < FIXED_THRESHOLD
    distances = np.where(is_upright, upright, turned_apart)
    is_copy = distances < FIXED_THRESHOLD
    description = (
        f"{counted(len(thumbnails), 'different image')} can't say how near copies are; "
        "only pairs that hardly differ count"
    )
    return Duplicates(
        pairs[is_copy],
        np.asarray(distances[is_copy] / FIXED_THRESHOLD, dtype=np.float32),
        np.where(is_upright, np.uint8(0), turns)[is_copy],
        Calibration(FIXED_THRESHOLD, math.nan, {}, math.nan, description),
    )


def calibrated_copies(
    thumbnails: Thumbnails, hashes: NDArray[np.uint64], sample: Sample
) -> Duplicates:
    """Copies among different images in the order of their hashes."""
    fitted, measured = sample[::2], sample[1::2] or sample
    originals = np.tile(_thumbnails(fitted), (len(VARIANTS), 1, 1))
    variants = np.concatenate([_variants(fitted, name) for name in VARIANTS])
    axes = fit_metric(coarse(thumbnails[:REFERENCES]), coarse(originals), coarse(variants))
    images = Embedded.of(thumbnails, axes)
    thresholds = _calibrate(images)
    search = TurnedSearch(
        images,
        thresholds.with_fraction(turned.FALSE_FRACTION / (NUM_ORIENTATIONS - 1), of=FALSE_FRACTION),
        originals=originals,
        variants=variants,
    )
    upright, relative = _upright_copies(images, thresholds)
    found = search.find(images)
    is_new = ~np.isin(_keys(found.pairs, len(hashes)), _keys(upright, len(hashes)))
    relative = np.concatenate(
        [relative, search.thresholds.relative(found.distances, found.aligned)[is_new]]
    )
    upright_turns = np.zeros(len(upright), dtype=np.uint8)
    return Duplicates(
        pairs=np.concatenate([upright, found.pairs[is_new]]),
        distances=relative,
        orientations=np.concatenate([upright_turns, found.orientations[is_new]]),
        calibration=_described(
            thresholds,
            _detection(images, thresholds, search, hashes=hashes, sample=measured),
            num_measured=len(measured),
            num_images=len(thumbnails),
        ),
    )


def _described(
    thresholds: CopyThresholds,
    detection: Mapping[str, float],
    *,
    num_measured: int,
    num_images: int,
) -> Calibration:
    expected = 2 * (FALSE_FRACTION + turned.FALSE_FRACTION) * num_images
    found = ", ".join(f"{fraction:.0%} of those {name}" for name, fraction in detection.items())
    return Calibration(
        threshold=thresholds.unaligned,
        dimension=thresholds.dimension,
        detection=detection,
        expected_false_pairs=expected,
        description=f"calibrated on this data: of copies of {counted(num_measured, 'image')} it "
        f"finds {found}; about {expected:.1f} false pairs are to be expected",
    )


def _keys(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """(M,) a number for each pair of numbers below `count`."""
    return np.asarray(pairs[:, 0] * count + pairs[:, 1])


def _thumbnails(sample: Sample) -> Thumbnails:
    return np.stack([thumbnail_of(pixels) for pixels in sample])


def _variants(sample: Sample, name: str) -> Thumbnails:
    return _thumbnails([make_variant(pixels, name, key=hash_pixels(pixels)) for pixels in sample])


def _turned(sample: Sample, orientation: int) -> Thumbnails:
    return _thumbnails([oriented(pixels[np.newaxis], orientation)[0] for pixels in sample])


def _calibrate(images: Embedded) -> CopyThresholds:
    """The thresholds of upright copies, and up to which distance pairs are aligned."""
    neighbours, apart = images.neighbours(CALIBRATED_ON)
    near = neighbours[:ALIGNED_ON]
    first = np.repeat(np.arange(len(near)), near.shape[1])
    aligned = images.aligned(np.column_stack([first, near.ravel()]))
    count = len(images.points)
    wanted = min(ALIGNED_AN_IMAGE, ALIGNED_AT_MOST / count) * len(neighbours)
    ends = np.sort(apart, axis=None)  # each pair has two
    return calibrate(
        apart,
        np.sort(aligned.reshape(near.shape), axis=1),
        false_fraction=FALSE_FRACTION,
        limit=float(ends[min(int(2 * wanted), len(ends) - 1)]),
    )


def _upright_copies(images: Embedded, thresholds: CopyThresholds) -> tuple[Pairs, Vectors]:
    """(M, 2) pairs of upright copies and (M,) their distances in units of the threshold."""
    pairs, distances = pairs_within(images.points, images.scales, thresholds.limit)
    aligned = images.aligned(pairs, steps=1)
    is_hopeful = aligned < HOPEFUL * thresholds.aligned
    aligned[is_hopeful] = images.aligned(pairs[is_hopeful])
    is_copy = thresholds.is_copy(distances, aligned)
    return pairs[is_copy], thresholds.relative(distances, aligned)[is_copy]


def _detection(
    images: Embedded,
    thresholds: CopyThresholds,
    search: TurnedSearch,
    *,
    hashes: NDArray[np.uint64],
    sample: Sample,
) -> dict[str, float]:
    """Fraction of the variants of a sample that would be found beside their originals."""
    of_sample = np.array([hash_pixels(pixels) for pixels in sample], dtype=np.uint64)
    place = np.minimum(np.searchsorted(hashes, of_sample), len(hashes) - 1)
    own = np.tile(np.where(hashes[place] == of_sample, place, -1), 2)
    originals, count = _thumbnails(sample), len(sample)
    pairs = np.column_stack([np.arange(count), np.arange(count) + count])

    def beside_originals(copies: Thumbnails) -> Embedded:
        return Embedded.of(
            np.concatenate([originals, copies]),
            images.axes,
            references=images.points[:REFERENCES],
            own=np.where(own < REFERENCES, own, -1),
        )

    shares = {}
    for name in VARIANTS:
        both = beside_originals(_variants(sample, name))
        shares[name] = float(thresholds.is_copy(both.distances(pairs), both.aligned(pairs)).mean())
    for name, orientation in TURNED.items():
        both = beside_originals(_turned(sample, orientation))
        shares[name] = float(search.finds(both, pairs, own=own).mean())
    return shares
