"""Prepared images as uint8 arrays: from memory, from a store on disk, or decoded each time.

All three give the same bytes: `ResizeGeometry.apply` of what the decoder gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convscope.data.dataset import Images, in_array
from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode_content
from convscope.data.index.statistics import hash_pixels
from convscope.data.parallel import num_threads
from convscope.data.pixels.preprocessing import Preprocessing, ResizeGeometry, with_channels
from convscope.data.pixels.store import Store
from convscope.data.pixels.store_files import Shape, shape_of
from convscope.errors import DataError

GROUP = 8  # images a thread takes at a time
# Times the input's size: a crop then has about the detail of the centre crop of a resized photo,
# for which 256 px is common at an input of 224.
MARGIN = 8 / 7


class Pixels(Protocol):
    """N prepared images of one size."""

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        ...

    @property
    def is_at_hand(self) -> bool:
        """Whether taking images only copies them; False where they have to be decoded."""
        ...

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """The images (n, H, W, C) of some indices, uint8, 0 to 255.

        Raises:
            DataError: An image can't be read any more, or has become another one.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PreCrop:
    """The resize of training images before random crops are cut out of them.

    The aspect ratio is given up here and restored by the crop, which knows the image's own size.
    Resized by torch, several times as fast as Pillow: training images needn't have the pixels that
    prediction would give them, as the crop changes them anyway.

    Attributes:
        height: Height in pixels.
        width: Width in pixels.
        channels: 1 or 3.
    """

    height: int
    width: int
    channels: int

    @classmethod
    def around(cls, preprocessing: Preprocessing) -> PreCrop:
        """The pre-crop resize for a network's input."""
        height, width = round(preprocessing.height * MARGIN), round(preprocessing.width * MARGIN)
        return cls(height=height, width=width, channels=preprocessing.channels)

    @property
    def geometry(self) -> str:
        """Everything that decides the pixels."""
        return f"{self.height}x{self.width}x{self.channels} canvas, torch {torch.__version__}"

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width, channels) of an image (H, W, C), both 0 to 255."""
        pixels = with_channels(pixels, self.channels)
        source = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
        resized = F.interpolate(
            source[None].permute(0, 3, 1, 2),  # in this order torch sees channels-last memory
            size=(self.height, self.width),
            mode="bilinear",
            antialias=True,
        )
        return resized[0].permute(1, 2, 0).numpy()

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Whether images of this shape (H, W, C) stay as they are."""
        return shape == (self.height, self.width, self.channels)


class ArrayPixels:
    """Images that are in memory and have the right size already.

    Args:
        pixels: (M, H, W, C) uint8.
        rows: (N,) row of each image; None for all rows in their order.
    """

    is_at_hand = True

    def __init__(self, pixels: NDArray[np.uint8], rows: NDArray[np.int64] | None = None) -> None:
        self._pixels = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
        self._rows = np.arange(len(pixels)) if rows is None else rows

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        height, width, channels = self._pixels.shape[1:]
        return height, width, channels

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """The images (n, H, W, C) of some indices."""
        return self._pixels[torch.from_numpy(self._rows[indices])]


def is_at_hand(images: Images, geometry: ResizeGeometry) -> bool:
    """Whether images are in memory at just this size, so that nothing has to be done to them."""
    found = in_array(images)
    return found is not None and found[0].dtype == np.uint8 and geometry.keeps(found[0].shape[1:])


class DecodedPixels:
    """Images that are decoded whenever they are asked for.

    Args:
        images: N images.
        geometry: What they are resized to; mean and std are not applied.
        decoding: How they are decoded.
        pixel_hashes: (N,) hashes of the pixels that were decoded when the images were scanned.
        workers: Number of threads; None for one per core.
    """

    is_at_hand = False

    def __init__(
        self,
        images: Images,
        geometry: ResizeGeometry,
        *,
        decoding: Decoding,
        pixel_hashes: NDArray[np.uint64],
        workers: int | None = None,
    ) -> None:
        self._images, self.geometry, self.decoding = images, geometry, decoding
        self._hashes = pixel_hashes
        self.workers = num_threads(workers)
        self._pool = ThreadPoolExecutor(self.workers, "decoding")

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        return shape_of(self.geometry)

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """The images (n, H, W, C) of some indices."""
        pixels = np.empty((len(indices), *self.shape), dtype=np.uint8)

        def put(position: int, prepared: NDArray[np.uint8]) -> None:
            pixels[position] = prepared

        self.each(indices, put)
        return torch.from_numpy(pixels)

    def each(
        self, indices: NDArray[np.int64], use: Callable[[int, NDArray[np.uint8]], None]
    ) -> None:
        """Calls `use` with the position in `indices` and the pixels (H, W, C) of each image.

        It is called from several threads.

        Raises:
            DataError: An image can't be read any more, or has become another one.
        """

        def several(start: int) -> None:
            for position in range(start, min(start + GROUP, len(indices))):
                use(position, self._prepared(int(indices[position])))

        list(self._pool.map(several, range(0, len(indices), GROUP)))

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
                f"`{self._images.name(index)}` has become another image since it was scanned",
                hint="data must stay as it is while it is used; begin again",
            )
        return self.geometry.apply(pixels)


class StoredPixels:
    """Images in a store; those that aren't there yet are decoded, and kept if the disk takes them.

    Args:
        store: The store, with a row for each content.
        contents: (N,) hashes of the images' contents.
        decoded: Where missing rows come from.
    """

    def __init__(self, store: Store, contents: Sequence[bytes], decoded: DecodedPixels) -> None:
        self.store = store
        self._decoded = decoded
        row_of = store.row_of
        self._rows = np.array([row_of.get(content, -1) for content in contents], dtype=np.int64)

    @property
    def shape(self) -> Shape:
        """(H, W, C) of each."""
        return self._decoded.shape

    @property
    def workers(self) -> int:
        """Number of threads that decode what isn't in the store."""
        return self._decoded.workers

    @property
    def is_at_hand(self) -> bool:
        """Whether all images are in the store."""
        return bool(self.store.filled[self._rows].all())

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """The images (n, H, W, C) of some indices."""
        rows = self._rows[indices]
        taken, are_there = self.store.read(rows)
        if not are_there.all():
            positions = np.flatnonzero(~are_there)
            fresh = taken.numpy()

            def use(position: int, pixels: NDArray[np.uint8]) -> None:
                fresh[positions[position]] = pixels
                self.store.write(int(rows[positions[position]]), pixels)

            self._decoded.each(indices[positions], use)
        return taken
