"""The eight orientations of a square picture, and what is the same in all of them.

Orientation g transposes the picture if `g & TRANSPOSED`, then swaps top and bottom if `g & 2`, then
left and right if `g & 1`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.data.duplicates.distances import COARSE_PX, Thumbnails, Vectors, coarse

NUM_ORIENTATIONS = 8
TRANSPOSED = 4  # height and width change places
INVERSE = np.array([0, 1, 2, 3, 4, 6, 5, 7], dtype=np.uint8)
# What was done to a copy; which way round it was turned doesn't matter.
NAMES = (
    "",
    "mirrored",
    "upside down",
    "turned by 180 degrees",
    "mirrored and turned by 90 degrees",
    "turned by 90 degrees",
    "turned by 90 degrees",
    "mirrored and turned by 90 degrees",
)
HALF = COARSE_PX // 2
UPPER = np.triu_indices(HALF)


def oriented(pictures: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pictures (N, H, W, ...) in one orientation."""
    if orientation & TRANSPOSED:
        pictures = pictures.swapaxes(1, 2)
    if orientation & 2:
        pictures = pictures[:, ::-1]
    return pictures[:, :, ::-1] if orientation & 1 else pictures


def each_oriented(thumbnails: Thumbnails, orientations: NDArray[np.uint8]) -> Thumbnails:
    """Thumbnails (N, 32, 32), each in its own of N orientations."""
    turned = np.empty_like(thumbnails)
    for orientation in range(NUM_ORIENTATIONS):
        rows = np.flatnonzero(orientations == orientation)
        turned[rows] = oriented(thumbnails[rows], orientation)
    return turned


# (8, 256) where each value of a vector in an orientation comes from.
PLACES = np.concatenate(
    [
        oriented(np.arange(COARSE_PX**2).reshape(1, COARSE_PX, COARSE_PX), orientation)
        for orientation in range(NUM_ORIENTATIONS)
    ]
).reshape(NUM_ORIENTATIONS, -1)


def closest_orientations(vectors: Vectors, others: Vectors) -> NDArray[np.uint8]:
    """(M,) in which orientation, 1 to 7, each of M vectors is closest to the other one."""
    products = [
        np.einsum("mp,mp->m", vectors[:, PLACES[orientation]], others)
        for orientation in range(1, NUM_ORIENTATIONS)
    ]
    return np.asarray(1 + np.argmax(products, axis=0), dtype=np.uint8)


def signatures(thumbnails: Thumbnails) -> Vectors:
    """Vectors (N, 208) that are the same for a thumbnail (N, 32, 32) in all its orientations.

    The parts of a picture that are even or odd along each axis, and the same or opposite when it is
    transposed, keep their size in all orientations and at most change their sign. Odd along one
    axis alone, the parts of the two axes change places.

    Source: the irreducible representations of the symmetries of a square.
    """
    maps = coarse(thumbnails).reshape(-1, COARSE_PX, COARSE_PX)
    upper, lower = maps[:, :HALF], maps[:, : HALF - 1 : -1]
    parts = []
    for part in (upper + lower, upper - lower):
        left, right = part[:, :, :HALF], part[:, :, : HALF - 1 : -1]
        parts += [left + right, left - right]
    both_even, odd_columns, odd_rows, both_odd = parts
    kept = [both_even + both_even.swapaxes(1, 2)]
    kept += [np.abs(both_even - both_even.swapaxes(1, 2))]
    kept += [np.abs(both_odd + both_odd.swapaxes(1, 2))]
    kept += [np.abs(both_odd - both_odd.swapaxes(1, 2))]
    sizes = np.hypot(odd_columns, odd_rows.swapaxes(1, 2)).reshape(len(maps), -1)
    return np.hstack([*(part[:, *UPPER] for part in kept), sizes])
