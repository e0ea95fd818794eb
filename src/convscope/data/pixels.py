"""Prepared images as uint8 arrays: from memory, from a store on the disk, or decoded each time.

All three give the same bytes: what `Geometry.apply` makes of what the one decoder gives.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convscope.data.dataset import Images, in_array
from convscope.data.decode import DamagedImageError, Decoding, decode_content
from convscope.data.facts import hash_pixels
from convscope.errors import DataError

GROUP = 8  # images a thread takes at a time

Shape = tuple[int, int, int]


class Geometry(Protocol):
    """What images are brought to: `Preprocessing`, or `Canvas` for those that are learned from."""

    @property
    def height(self) -> int:
        """In pixels."""
        ...

    @property
    def width(self) -> int:
        """In pixels."""
        ...

    @property
    def channels(self) -> int:
        """1 or 3."""
        ...

    @property
    def geometry(self) -> str:
        """What decides the pixels that `apply` gives."""
        ...

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width, channels) of an image (H, W, C), both 0 to 255."""
        ...

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Whether images of this shape (H, W, C) stay as they are."""
        ...


class Pixels(Protocol):
    """N images of one size."""

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        ...

    @property
    def is_at_hand(self) -> bool:
        """Whether taking images is a matter of copying; False where they have to be decoded."""
        ...

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """Some of the images (n, H, W, C), uint8, 0 to 255.

        Raises:
            DataError: An image can't be read any more, or has become another one.
        """
        ...


class ArrayPixels:
    """Images that are in memory and have the right size already.

    Args:
        pixels: (M, H, W, C) uint8.
        places: (N,) where each image lies among them; None for all in their order.
    """

    is_at_hand = True

    def __init__(self, pixels: NDArray[np.uint8], places: NDArray[np.int64] | None = None) -> None:
        self._pixels = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
        self._places = np.arange(len(pixels)) if places is None else places

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        height, width, channels = self._pixels.shape[1:]
        return height, width, channels

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """Some of the images (n, H, W, C)."""
        return self._pixels[torch.from_numpy(self._places[indices])]


def is_at_hand(images: Images, geometry: Geometry) -> bool:
    """Whether images are in memory at just this size, so that nothing has to be done to them."""
    found = in_array(images)
    return found is not None and found[0].dtype == np.uint8 and geometry.keeps(found[0].shape[1:])


class DecodedPixels:
    """Images that are decoded whenever they are asked for.

    Args:
        images: N of them.
        geometry: What they are brought to; mean and std are not applied.
        decoding: How they are decoded.
        pixel_hashes: (N,) of what was decoded when the images were surveyed.
        workers: Threads; None for one a core.
    """

    is_at_hand = False

    def __init__(
        self,
        images: Images,
        geometry: Geometry,
        *,
        decoding: Decoding,
        pixel_hashes: NDArray[np.uint64],
        workers: int | None = None,
    ) -> None:
        self._images, self.geometry, self.decoding = images, geometry, decoding
        self._hashes = pixel_hashes
        self._pool = ThreadPoolExecutor(workers or os.cpu_count(), "decoding")

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        return self.geometry.height, self.geometry.width, self.geometry.channels

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """Some of the images (n, H, W, C)."""
        pixels = np.empty((len(indices), *self.shape), dtype=np.uint8)

        def put(place: int, prepared: NDArray[np.uint8]) -> None:
            pixels[place] = prepared

        self.each(indices, put)
        return torch.from_numpy(pixels)

    def each(
        self, indices: NDArray[np.int64], use: Callable[[int, NDArray[np.uint8]], None]
    ) -> None:
        """Hands over the place among `indices` and the pixels (H, W, C) of each, from any thread.

        Raises:
            DataError: As for `take`.
        """

        def several(start: int) -> None:
            for place in range(start, min(start + GROUP, len(indices))):
                use(place, self._prepared(int(indices[place])))

        list(self._pool.map(several, range(0, len(indices), GROUP)))

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An image (H, W, C) that was decoded already, at the size of the others."""
        return self.geometry.apply(pixels)

    def _prepared(self, index: int) -> NDArray[np.uint8]:
        try:
            pixels = decode_content(self._images.content(index), self.decoding).pixels
        except DamagedImageError as error:
            raise DataError(
                f"`{self._images.name(index)}` was read before and can't be now: it "
                f"{error.message}",
                hint="data must stay as it is while it is used; begin again",
            ) from error
        if hash_pixels(pixels) != self._hashes[index]:
            raise DataError(
                f"`{self._images.name(index)}` has become another image since it was looked at",
                hint="data must stay as it is while it is used; begin again",
            )
        return self.prepare(pixels)
