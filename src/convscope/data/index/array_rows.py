"""Images that came decoded, hashed and measured by blocks: no work of Python's for each of them.

What is found out isn't remembered: to look it up would take longer than to measure it again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from convscope.data.dataset import Images, in_array
from convscope.data.decoding.content import Decoding
from convscope.data.index.statistics import hashers_of, measure_pixels

BLOCK_BYTES = 1 << 18  # whose intermediate values stay in the processor's cache


class ArrayRows(NamedTuple):
    """Images in an array whose values are pixels as they are: nothing has to be decoded.

    Attributes:
        pixels: (M, H, W, C) uint8.
        rows: (N,) row of each image.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, images: Images, decoding: Decoding) -> ArrayRows | None:
        """The array that images are in; None where they have to be decoded or refused."""
        found = in_array(images)
        if found is None or found[0].dtype != np.uint8 or found[0].ndim != 4:
            return None
        _, height, width, channels = found[0].shape
        is_allowed = 0 < height * width <= decoding.max_pixels
        return cls(*found) if is_allowed and channels in (1, 3) else None

    @property
    def block_size(self) -> int:
        """Number of images that are measured at once."""
        return max(1, BLOCK_BYTES // self.pixels[:1].nbytes)

    def measure(self, indices: NDArray[np.int64]) -> MeasuredRows:
        """What some of the images are like."""
        pixels = self.pixels[self.rows[indices]]
        statistics = measure_pixels(pixels)
        statistics["format"], statistics["mode"] = b"array", self.pixels.dtype.name.encode()
        statistics["orientation"] = statistics["num_frames"] = 1
        return MeasuredRows(hashes_of_arrays(pixels), pixels, statistics)


class MeasuredRows(NamedTuple):
    """Images that were measured together.

    Attributes:
        contents: (n,) hashes of their contents.
        pixels: (n, H, W, C).
        statistics: (n,) of `STATISTICS`.
    """

    contents: list[bytes]
    pixels: NDArray[np.uint8]
    statistics: NDArray[np.void]


def hashes_of_arrays(arrays: NDArray[Any]) -> list[bytes]:
    """(N,) 128-bit hashes of the shape, type and values of each of N arrays."""
    begun = xxhash.xxh3_128(f"{arrays.shape[1:]} {arrays.dtype.str}".encode())
    return [each.digest() for each in hashers_of(arrays, begun)]
