"""Images as points, and the distances of pairs of them in units of their local scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.data.duplicates.distances import (
    BLOCK,
    REFERENCES,
    STEPS,
    Describe,
    Pairs,
    Thumbnails,
    Vectors,
    aligned_distances,
    coarse,
    embed,
    local_scales,
    nearest_neighbours,
    scaled_distances,
)
from convscope.data.duplicates.orientations import (
    NUM_ORIENTATIONS,
    PLACES,
    closest_orientations,
    each_oriented,
)

Orientations = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Images as points.

    Attributes:
        thumbnails: (N, 32, 32).
        axes: (D, A) of the metric.
        points: (N, A).
        scales: (N,) local scale of each point.
    """

    thumbnails: Thumbnails
    axes: Vectors
    points: Vectors
    scales: Vectors

    @classmethod
    def of(
        cls,
        thumbnails: Thumbnails,
        axes: Vectors,
        *,
        references: Vectors | None = None,
        own: NDArray[np.int64] | None = None,
        num_references: int = REFERENCES,
        describe: Describe = coarse,
    ) -> Embedded:
        """Thumbnails as points, with local scales among the references.

        Args:
            thumbnails: (N, 32, 32).
            axes: From `fit_metric`.
            references: (R, A) points of different images; the first of these points by default.
            own: (N,) index of the reference of the same image, -1 for none; with `references`.
            num_references: The number of points that are references by default.
            describe: Makes the vectors that the axes were fitted to.
        """
        points = embed(thumbnails, axes, describe=describe)
        if references is None:
            references, row = points[:num_references], np.arange(len(points))
            own = np.where(row < num_references, row, -1)
        if own is None:
            own = np.full(len(points), -1)
        return cls(thumbnails, axes, points, local_scales(points, references, own=own))

    def distances(self, pairs: Pairs) -> Vectors:
        """(M,) distances of pairs."""
        return scaled_distances(self.points, self.scales, pairs)

    def aligned(
        self, pairs: Pairs, *, orientations: Orientations | None = None, steps: int = STEPS
    ) -> Vectors:
        """(M,) distances of pairs after aligning, the first one turned where that is asked for."""
        one, other = pairs.T
        distances = np.empty(len(pairs), dtype=np.float32)
        for start in range(0, len(pairs), REFERENCES):
            block = slice(start, start + REFERENCES)
            templates = self.thumbnails[one[block]]
            if orientations is not None:
                templates = each_oriented(templates, orientations[block])
            distances[block] = aligned_distances(
                templates, self.thumbnails[other[block]], steps=steps
            )
        scales = np.sqrt(self.scales[one] * self.scales[other])
        return np.asarray(distances / scales, dtype=np.float32)

    def turned(self, pairs: Pairs) -> tuple[Orientations, Vectors]:
        """For each of M pairs the turn, 1 to 7, that brings the first closest, and their distance.

        Returns:
            (M,) orientations of the first image, and (M,) distances from the second.
        """
        orientations = np.empty(len(pairs), dtype=np.uint8)
        distances = np.empty(len(pairs), dtype=np.float32)
        for start in range(0, len(pairs), BLOCK):
            block = slice(start, start + BLOCK)
            one, other = pairs[block].T
            vectors = coarse(self.thumbnails[one])
            best = closest_orientations(vectors, coarse(self.thumbnails[other]))
            turned = np.take_along_axis(vectors, PLACES[best], axis=1) @ self.axes
            difference = turned - self.points[other]
            square = np.einsum("ma,ma->m", difference, difference)
            orientations[block] = best
            distances[block] = np.sqrt(square / (self.scales[one] * self.scales[other]))
        return orientations, distances

    def neighbours(self, count: int) -> tuple[NDArray[np.int64], Vectors]:
        """The ten nearest neighbours of each of the first `count` images, and their distances."""
        own = np.arange(min(count, len(self.points)))
        return nearest_neighbours(self.points, self.scales, self.points[own], own=own)

    def turned_neighbours(self, count: int) -> tuple[Pairs, Orientations, Vectors]:
        """The ten nearest neighbours of each of the first `count` images in each turn, 1 to 7.

        Returns:
            (7M * 10, 2) pairs of an image and a neighbour, (7M * 10,) turns of the image, and
            (7M, 10) distances, nearest first.
        """
        vectors = coarse(self.thumbnails[:count])
        turns = np.arange(1, NUM_ORIENTATIONS)
        queries = (vectors[:, PLACES[turns]] @ self.axes).reshape(-1, self.axes.shape[1])
        own = np.repeat(np.arange(len(vectors)), len(turns))
        found, apart = nearest_neighbours(self.points, self.scales, queries, own=own)
        pairs = np.column_stack([np.repeat(own, found.shape[1]), found.ravel()])
        of_queries = np.tile(turns, len(vectors)).astype(np.uint8)
        return pairs, np.repeat(of_queries, found.shape[1]), apart
