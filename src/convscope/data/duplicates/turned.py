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
    REFERENCES,
    Pairs,
    Thumbnails,
    Vectors,
    fit_metric,
    pairs_in_cells,
)
from convscope.data.duplicates.embedded import Embedded, Orientations
from convscope.data.duplicates.orientations import NUM_ORIENTATIONS, signatures
from convscope.data.duplicates.thresholds import CopyThresholds, calibrate

FALSE_FRACTION = 1e-5  # of the images may have a false copy, for each of the two thresholds
CALIBRATED_ON = 30  # images, in seven orientations each
SIGNED_ON = 100  # images of which the nearest signatures are searched
SIGNATURE_REFERENCES = 256
COMPARED_AN_IMAGE = 5.0  # pairs with near signatures
COMPARED_AT_MOST = 30_000  # and those that are nearer than copies are
COPIES_QUANTILE = 0.25  # of the variants' distances
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
        upright: The criteria for upright copies with `FALSE_FRACTION`. Turned ones have to fulfil
            them too: most digits are unlike any when they are turned, but a one is still a one.
        originals: (M, 32, 32) images of which variants were made.
        variants: (M, 32, 32) the variants, in the same order.
    """

    def __init__(
        self,
        images: Embedded,
        upright: CopyThresholds,
        *,
        originals: Thumbnails,
        variants: Thumbnails,
    ) -> None:
        sample = images.thumbnails[:REFERENCES]
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
        budget = float(ends[min(int(2 * wanted), len(ends) - 1)])
        changed = self._signatures_of(np.concatenate([originals, variants]))
        num = np.arange(len(originals))
        copies = changed.distances(np.column_stack([num, num + len(originals)]))
        near_as_copies = float(np.quantile(copies, COPIES_QUANTILE))
        self._pairs, self._limit = self._nearest_pairs(
            max(budget, near_as_copies), near_as_copies=near_as_copies
        )
        # In each orientation by itself: of data augmented with all eight, the nearest seven of an
        # image are its copies.
        pairs, orientations, apart = images.turned_neighbours(CALIBRATED_ON)
        aligned = images.aligned(pairs, orientations=orientations)
        self.thresholds = calibrate(
            apart,
            np.sort(aligned.reshape(apart.shape), axis=1),
            false_fraction=FALSE_FRACTION / (NUM_ORIENTATIONS - 1),
            limit=math.inf,  # only what may be near enough is aligned
        ).stricter(upright)

    def find(self, images: Embedded) -> TurnedPairs:
        """The turned copies among all images."""
        found = self._compared(images, self._pairs)
        is_copy = self.thresholds.is_copy(found.distances, found.aligned)
        return TurnedPairs(
            found.pairs[is_copy],
            found.orientations[is_copy],
            found.distances[is_copy],
            found.aligned[is_copy],
        )

    def finds(self, images: Embedded, pairs: Pairs, *, own: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(M,) whether pairs of other images would be found, `own` being which of all they are."""
        signed = self._signatures_of(
            images.thumbnails, own=np.where(own < SIGNATURE_REFERENCES, own, -1)
        )
        found = self._compared(images, pairs)
        is_copy = self.thresholds.is_copy(found.distances, found.aligned)
        return is_copy & (signed.distances(pairs) < self._limit)

    def _nearest_pairs(self, limit: float, *, near_as_copies: float) -> tuple[Pairs, float]:
        """The pairs that are compared, and the distance of signatures up to which they are."""
        pairs, apart = pairs_in_cells(self._signed.points, self._signed.scales, limit)
        num_compared = max(COMPARED_AT_MOST, int((apart < near_as_copies).sum()))
        if len(pairs) <= num_compared:
            return pairs, limit
        nearest = np.argsort(apart, kind="stable")[:num_compared]
        return pairs[np.sort(nearest)], float(apart[nearest[-1]])

    def _signatures_of(
        self, thumbnails: Thumbnails, *, own: NDArray[np.int64] | None = None
    ) -> Embedded:
        return Embedded.of(
            thumbnails,
            self._axes,
            references=self._signed.points[:SIGNATURE_REFERENCES],
            own=own,
            describe=signatures,
        )

    def _compared(self, images: Embedded, pairs: Pairs) -> TurnedPairs:
        orientations, distances = images.turned(pairs)
        aligned = np.full(len(pairs), np.inf, dtype=np.float32)
        near = np.flatnonzero(distances < ALIGNED_WITHIN * self.thresholds.unaligned)
        aligned[near] = images.aligned(pairs[near], orientations=orientations[near])
        return TurnedPairs(pairs, orientations, distances, aligned)
