"""The criteria for two images to be copies, calibrated by how near different images come.

How rarely different images come near each other follows from the dimension that they fill: within a
fraction r of the typical distance lie r to the power of the dimension as many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convscope.data.duplicates.distances import LOCAL_NEIGHBOURS, Vectors

TAIL = 0.75  # of the dimension: regions differ, so that near pairs are commoner than it says
MIDDLE = LOCAL_NEIGHBOURS // 2  # neighbour; nearer ones may be copies
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Gauge:
    """The criteria for two images to be copies, in units of the local scale.

    Attributes:
        threshold: Distance below which two images are copies.
        aligned_threshold: The same for images that are shifted and scaled onto each other.
        limit: Distance up to which pairs are aligned.
        dimension: Dimension of the images, estimated from their distances.
    """

    threshold: float
    aligned_threshold: float
    limit: float
    dimension: float

    def stricter(self, other: Gauge) -> Gauge:
        """The gauge with the smaller one of each two thresholds."""
        return replace(
            self,
            threshold=min(self.threshold, other.threshold),
            aligned_threshold=min(self.aligned_threshold, other.aligned_threshold),
        )

    def with_fraction(self, false_fraction: float, *, of: float) -> Gauge:
        """The gauge for another fraction of images with a false copy, `of` being its own."""
        ratio = (false_fraction / of) ** (1 / (TAIL * self.dimension))
        return replace(
            self,
            threshold=self.threshold * ratio,
            aligned_threshold=self.aligned_threshold * ratio,
        )

    def is_copy(self, distances: Vectors, aligned: Vectors) -> NDArray[np.bool_]:
        """(M,) whether pairs at these distances, before and after aligning, are copies."""
        is_near = distances < self.threshold
        return is_near | ((distances < self.limit) & (aligned < self.aligned_threshold))

    def relative(self, distances: Vectors, aligned: Vectors) -> Vectors:
        """(M,) distances in units of the thresholds: below 1 for copies."""
        nearest = np.minimum(distances / self.threshold, aligned / self.aligned_threshold)
        return np.asarray(nearest, dtype=np.float32)


def calibrate(
    apart: Vectors, aligned: Vectors, *, false_fraction: float, limit: float = 0.0
) -> Gauge:
    """The thresholds, from the distances of neighbours.

    The fifth and the tenth neighbour are used, as nearer ones may be copies.

    Source: the number of neighbours within a distance grows with it to the power of the dimension
    (Levina and Bickel 2004); so the fifth distance, in tenths, to that power is Beta(5, 5).

    Args:
        apart: (N, 10) distances of the nearest neighbours of some images, nearest first.
        aligned: (M, 10) the same for some of these, after aligning.
        false_fraction: Fraction of the images that may have a false copy, for each threshold.
        limit: Distance up to which pairs are aligned, if it isn't below the threshold.
    """
    middle, last = apart[:, MIDDLE - 1], apart[:, -1]
    ratio = float(np.median(middle / np.maximum(last, EPSILON)))
    dimension = math.log(0.5) / math.log(min(0.99, max(0.1, ratio)))
    fraction = (false_fraction / MIDDLE) ** (1 / (TAIL * dimension))
    threshold = max(EPSILON, float(np.median(middle)) * fraction)
    return Gauge(
        threshold=threshold,
        aligned_threshold=max(EPSILON, float(np.median(aligned[:, MIDDLE - 1])) * fraction),
        limit=max(limit, threshold),
        dimension=dimension,
    )
