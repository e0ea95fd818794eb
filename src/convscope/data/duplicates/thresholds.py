"""The thresholds below which two images are copies, calibrated by how near different images come.

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
class CopyThresholds:
    """The distances below which two images are copies, in units of the local scale.

    Attributes:
        unaligned: Distance below which two images are copies.
        aligned: The same for images that are shifted and scaled onto each other.
        limit: Distance up to which pairs are aligned.
        dimension: Dimension of the images, estimated from their distances.
    """

    unaligned: float
    aligned: float
    limit: float
    dimension: float

    def stricter(self, other: CopyThresholds) -> CopyThresholds:
        """The smaller ones of two pairs of thresholds."""
        return replace(
            self,
            unaligned=min(self.unaligned, other.unaligned),
            aligned=min(self.aligned, other.aligned),
        )

    def with_fraction(self, false_fraction: float, *, of: float) -> CopyThresholds:
        """The thresholds for another fraction of images with a false copy, `of` being its own."""
        ratio = (false_fraction / of) ** (1 / (TAIL * self.dimension))
        return replace(
            self,
            unaligned=self.unaligned * ratio,
            aligned=self.aligned * ratio,
        )

    def is_copy(self, distances: Vectors, aligned: Vectors) -> NDArray[np.bool_]:
        """(M,) whether pairs at these distances, before and after aligning, are copies."""
        is_near = distances < self.unaligned
        return is_near | ((distances < self.limit) & (aligned < self.aligned))

    def relative(self, distances: Vectors, aligned: Vectors) -> Vectors:
        """(M,) distances in units of the thresholds: below 1 for copies."""
        nearest = np.minimum(distances / self.unaligned, aligned / self.aligned)
        return np.asarray(nearest, dtype=np.float32)


def calibrate(
    apart: Vectors, aligned: Vectors, *, false_fraction: float, limit: float = 0.0
) -> CopyThresholds:
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
    return CopyThresholds(
        unaligned=threshold,
        aligned=max(EPSILON, float(np.median(aligned[:, MIDDLE - 1])) * fraction),
        limit=max(limit, threshold),
        dimension=dimension,
    )
