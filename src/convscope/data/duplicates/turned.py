"""Copies that are mirrored or turned by a multiple of 90 degrees.

To compare every image with seven turned forms of every other one would take seven times as long.
So pairs are first looked for by a signature that is the same in all orientations, and only those
whose signatures are near are compared in each of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.duplicates.distances import (
    Pairs,
    Thumbnails,
    Vectors,
    fit_metric,
    pairs_within,
)
from convscope.data.duplicates.embedded import Embedded, Orientations
from convscope.data.duplicates.gauge import calibrate
from convscope.data.duplicates.orientations import signatures

FALSE_FRACTION = 1e-5  # of the images may have a false copy, for each of the two thresholds
CALIBRATED_ON = 100  # images, in seven orientations each
SIGNED_ON = 250  # images of which the nearest signatures are searched
SIGNATURE_REFERENCES = 512
COMPARED_AN_IMAGE = 4.0  # pairs with near signatures
COMPARED_AT_MOST = 100_000
ALIGNED_WITHIN = 2.0  # thresholds


class TurnedPairs(NamedTuple):
    """Pairs of images with near signatures, the first one turned onto the second.

    Attributes:
        pairs: (M, 2) indices.
        orientations: (M,) of the first.
        distances: (M,) in units of the local scale.
        aligned: (M,) after aligning; infinite for those that weren't near enough to be aligned.
    """

    pairs: Pairs
    orientations: Orientations
    distances: Vectors
    aligned: Vectors


class TurnedSearch:
    """Finds turned copies.

    Args:
        images: All images; the first stand for all.
        originals: (M, 32, 32) images of which variants were made.
        variants: (M, 32, 32) the variants, in the same order.
    """

    def __init__(self, images: Embedded, *, originals: Thumbnails, variants: Thumbnails) -> None:
        sample = images.thumbnails[: 4 * SIGNATURE_REFERENCES]
        self._axes = fit_metric(signatures(sample), signatures(originals), signatures(variants))
        self._signed = Embedded.of(
            images.thumbnails,
            self._axes,
            num_references=SIGNATURE_REFERENCES,
            describe=signatures,
        )
        _, near = self._signed.neighbours(SIGNED_ON)
        wanted = min(COMPARED_AN_IMAGE, COMPARED_AT_MOST / len(images.points)) * len(near)
        ends = np.sort(near, axis=None)  # each pair has two
        self._limit = float(ends[min(int(2 * wanted), len(ends) - 1)])
        neighbours, orientations, apart = images.turned_neighbours(CALIBRATED_ON)
        first = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
        aligned = images.aligned(
            np.column_stack([first, neighbours.ravel()]), orientations=orientations.ravel()
        )
        self.gauge = calibrate(
            apart,
            np.sort(aligned.reshape(apart.shape), axis=1),
            false_fraction=FALSE_FRACTION,
            limit=math.inf,  # only what may be near enough is aligned
        )

    def find(self, images: Embedded) -> TurnedPairs:
        """The turned copies among all images."""
        pairs, _ = pairs_within(self._signed.points, self._signed.scales, self._limit)
        found = self._compared(images, pairs)
        is_copy = self.gauge.is_copy(found.distances, found.aligned)
        return TurnedPairs(*(part[is_copy] for part in found))

    def finds(self, images: Embedded, pairs: Pairs, *, own: NDArray[np.int64]) -> Vectors:
        """(M,) whether pairs of other images would be found, `own` being which of all they are."""
        signed = Embedded.of(
            images.thumbnails,
            self._axes,
            references=self._signed.points[:SIGNATURE_REFERENCES],
            own=np.where(own < SIGNATURE_REFERENCES, own, -1),
            describe=signatures,
        )
        found = self._compared(images, pairs)
        is_copy = self.gauge.is_copy(found.distances, found.aligned)
        return is_copy & (signed.distances(pairs) < self._limit)

    def _compared(self, images: Embedded, pairs: Pairs) -> TurnedPairs:
        orientations, distances = images.turned(pairs)
        aligned = np.full(len(pairs), np.inf, dtype=np.float32)
        near = np.flatnonzero(distances < ALIGNED_WITHIN * self.gauge.threshold)
        aligned[near] = images.aligned(pairs[near], orientations=orientations[near])
        return TurnedPairs(pairs, orientations, distances, aligned)
