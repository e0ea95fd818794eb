"""Image index: the readable images of a data set, their statistics, and their prepared pixels.

The scan that builds it reads and decodes each new image once. What is needed of it is kept on the
way: statistics in the metadata cache, prepared pixels in stores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.dataset import Dataset, in_array
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.data.index.metadata_cache import open_metadata_cache
from convscope.data.index.scan import Scan, scan_images
from convscope.data.pixels.prepared import (
    ArrayPixels,
    DecodedPixels,
    Pixels,
    StoredPixels,
    is_at_hand,
)
from convscope.data.pixels.preprocessing import ResizeGeometry
from convscope.data.pixels.store import Store, open_store
from convscope.data.pixels.store_builder import StoreBuilder
from convscope.errors import DataError
from convscope.progress import SILENT, Reporter, Task
from convscope.short_repr import short_repr
from convscope.text import counted, duration_text, listed

MAX_DAMAGED_FRACTION = 0.05
TIMED_IMAGES, TIMED_SECONDS = 16, 1.0  # an estimate needs at least so much
LONG_SECONDS = 10.0  # a scan that takes longer is announced
MUCH_BYTES = 1e9

# For an image that was just decoded (its index and the hash of its pixels): at which of the sizes
# to keep it.
Which = Callable[[int, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """The readable images of a data set with all that is known about them.

    Attributes:
        dataset: N images, all of which can be read.
        statistics: (N,) of `STATISTICS`.
        contents: (N,) hashes of the images' contents.
        damaged: Name and reason of each image that is left out because it can't be read.
        source: The whole data set, with the images that can't be read.
        scan: The scan of `source`.
        decoding: How images are decoded.
        cache: Where prepared pixels are kept; None for nowhere.
        stores: The open stores by their geometry; None where the cache has no room.
        workers: Number of threads that decode; None for one per core.
        reporter: Told where kept pixels are damaged.
    """

    dataset: Dataset
    statistics: NDArray[np.void]
    contents: Sequence[bytes]
    damaged: tuple[tuple[str, str], ...]
    source: Dataset
    scan: Scan
    decoding: Decoding
    cache: Cache | None
    stores: dict[str, Store | None]
    workers: int | None
    reporter: Reporter = SILENT

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.statistics)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) index of each image's class."""
        return self.dataset.labels

    @property
    def pixel_hashes(self) -> NDArray[np.uint64]:
        """(N,) hash of each image's decoded pixels, before any resize."""
        hashes: NDArray[np.uint64] = self.statistics["pixels"]
        return hashes

    @property
    def fingerprint(self) -> str:
        """A hash of all pixels with their classes, whatever the order or the names."""
        return self.scan.fingerprint(self.source)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(N, 2) height and width of the decoded images, before any resize."""
        return np.stack([self.statistics["height"], self.statistics["width"]], axis=1).astype(
            np.int64
        )

    @property
    def names(self) -> list[str]:
        """The names of the N images."""
        return [self.dataset.images.name(index) for index in range(len(self))]

    def pixels(self, geometry: ResizeGeometry) -> Pixels:
        """The images resized to one size: from memory, from a store, or decoded each time."""
        in_memory = in_array(self.dataset.images)
        if in_memory is not None and is_at_hand(self.dataset.images, geometry):
            return ArrayPixels(*in_memory)
        decoded = DecodedPixels(
            self.dataset.images,
            geometry,
            decoding=self.decoding,
            pixel_hashes=self.pixel_hashes,
            workers=self.workers,
        )
        store = self._store(geometry)
        return decoded if store is None else StoredPixels(store, self.contents, decoded)

    def note(self) -> None:
        """Waits until all pixels that were kept count for other processes and the next start."""
        for store in filter(None, self.stores.values()):
            store.note()

    def _store(self, geometry: ResizeGeometry) -> Store | None:
        if geometry.geometry not in self.stores:
            self.stores[geometry.geometry] = _open_store(
                self.source, self.scan.contents, geometry, self.cache, self.decoding, self.stores
            )
        store = self.stores[geometry.geometry]
        if store is not None:
            store.say = self.reporter.say
        return store


def build_image_index(
    dataset: Dataset,
    *,
    cache: Cache | None,
    decoding: Decoding = DEFAULT_DECODING,
    workers: int | None = None,
    geometries: Sequence[ResizeGeometry] = (),
    which: Which = lambda index, pixel_hash: 0,
    reporter: Reporter = SILENT,
) -> ImageIndex:
    """Scans the images of a data set; what is known from earlier scans isn't found out again.

    Args:
        dataset: The images.
        cache: Where decoded images and their statistics are kept; None for nowhere.
        decoding: How images are decoded. If it allows truncated images, more than 5 % of the images
            may be damaged; damaged ones are left out in any case.
        workers: Number of threads; None for one per core.
        geometries: Sizes that will be needed.
        which: Gives the index of the size at which the scan keeps an image that it decodes.
        reporter: Shows progress.

    Raises:
        DataError: No image can be read, or more than 5 % can't.
        RunError: The settings of the cache are damaged.
    """
    builders = _store_builders(dataset, geometries, cache, decoding)
    limit_bytes = cache.limit_bytes if cache is not None and builders else 0

    def keep(index: int, content: bytes, pixels: NDArray[np.uint8], pixel_hash: int) -> None:
        if not any(builder.lacks(content) for builder in builders.values()):
            return
        geometry = geometries[which(index, pixel_hash)]
        builder = builders.get(geometry.geometry)
        if builder is not None and builder.lacks(content):
            builder.add(content, geometry.apply(pixels))

    try:
        with (
            open_metadata_cache(cache) as metadata_cache,
            reporter.task("scanning images", len(dataset)) as task,
        ):
            estimate = _TimeEstimate(len(dataset), reporter, task)
            scan = scan_images(
                dataset,
                decoding,
                metadata_cache=metadata_cache,
                workers=workers,
                keeper=keep if builders else None,
                on_progress=estimate.advance,
            )
        stores: dict[str, Store | None] = {}
        for geometry in geometries:
            builder = builders.get(geometry.geometry)
            _announce_size(scan.contents, geometry, builder, limit_bytes, reporter)
            stores[geometry.geometry] = _open_store(
                dataset, scan.contents, geometry, cache, decoding, stores, builder
            )
    finally:
        for builder in builders.values():
            builder.close()
    index = _readable_images(dataset, scan, decoding, cache, stores, workers)
    return replace(index, reporter=reporter)


def _readable_images(
    dataset: Dataset,
    scan: Scan,
    decoding: Decoding,
    cache: Cache | None,
    stores: dict[str, Store | None],
    workers: int | None,
) -> ImageIndex:
    name = dataset.images.name
    damaged = tuple((name(index), reason) for index, reason in scan.damaged.items())
    _check_damaged(damaged, len(dataset), allow_damaged=decoding.allow_truncated)
    readable = scan.readable
    return ImageIndex(
        dataset=dataset if len(readable) == len(dataset) else dataset.take(readable),
        statistics=scan.statistics[readable],
        contents=[scan.contents[index] for index in readable],
        damaged=damaged,
        source=dataset,
        scan=scan,
        decoding=decoding,
        cache=cache,
        stores=stores,
        workers=workers,
    )


class _TimeEstimate:
    """Says once how long a scan will take, where that is long."""

    def __init__(self, num_images: int, reporter: Reporter, task: Task) -> None:
        self._num_left, self._reporter, self._task = num_images, reporter, task
        self._num_read = 0
        self._started: float | None = None
        self._is_said = False

    def advance(self, count: int) -> None:
        """Notes that more images are done; the first are those that needn't be read."""
        self._task.advance(count)
        now = time.perf_counter()
        if self._started is None:
            self._started = now
            self._num_left -= count
            return
        self._num_read += count
        elapsed = now - self._started
        if self._is_said or self._num_read < TIMED_IMAGES or elapsed < TIMED_SECONDS:
            return
        self._is_said = True
        seconds = elapsed / self._num_read * self._num_left
        if seconds >= LONG_SECONDS:
            self._reporter.say(
                f"scanning {counted(self._num_left, 'image')} for the first time: "
                f"about {duration_text(seconds)}, once"
            )


def _announce_size(
    contents: Sequence[bytes],
    geometry: ResizeGeometry,
    builder: StoreBuilder | None,
    limit_bytes: int,
    reporter: Reporter,
) -> None:
    """Says what the disk will hold, where that is much, and what it can't hold."""
    if builder is None:
        return
    size = len(set(contents)) * geometry.height * geometry.width * geometry.channels
    if size > limit_bytes:
        reporter.say(
            f"decoded images would take {size / 1e9:,.1f} GB, more than the "
            f"{limit_bytes / 1e9:,.1f} GB that `convscope cache` may hold: "
            "they are decoded in each epoch"
        )
    elif builder.has_rows and size >= MUCH_BYTES:
        reporter.say(
            f"up to {size / 1e9:,.1f} GB of decoded images are kept in {builder.cache_folder}"
        )


def _store_builders(
    dataset: Dataset, geometries: Sequence[ResizeGeometry], cache: Cache | None, decoding: Decoding
) -> dict[str, StoreBuilder]:
    """The builders of stores for a scan, by geometry; none for sizes that need no store."""
    if cache is None or not len(dataset):
        return {}
    name = f"{dataset.name} {len(dataset)} {dataset.images.stamp(0)}"
    builders = {
        geometry.geometry: StoreBuilder(
            cache, geometry, decoding=decoding, name=name, max_rows=len(dataset)
        )
        for geometry in geometries
        if not is_at_hand(dataset.images, geometry)
    }
    for builder in builders.values():
        builder.keep = [other.folder for other in builders.values()]
    return builders


def _open_store(
    dataset: Dataset,
    contents: Sequence[bytes],
    geometry: ResizeGeometry,
    cache: Cache | None,
    decoding: Decoding,
    others: Mapping[str, Store | None],
    builder: StoreBuilder | None = None,
) -> Store | None:
    """The store at one size; None without a cache or room, or where images need no store."""
    if cache is None or is_at_hand(dataset.images, geometry):
        return None
    table = sorted({content for content in contents if content})
    return open_store(
        cache,
        table,
        geometry,
        decoding=decoding,
        description=f"{dataset.name}, {counted(len(table), 'image')}",
        keep=[store.folder for store in others.values() if store is not None],
        builder=builder,
    )


def _check_damaged(damaged: Sequence[tuple[str, str]], total: int, *, allow_damaged: bool) -> None:
    lines = listed([f"`{name}` {reason}" for name, reason in damaged])
    if len(damaged) == total:
        raise DataError(f"none of the {total} images can be read\n{lines}")
    if len(damaged) > MAX_DAMAGED_FRACTION * total and not allow_damaged:
        raise DataError(
            f"{len(damaged)} of {total} images can't be read, more than "
            f"{MAX_DAMAGED_FRACTION:.0%}\n{lines}",
            hint="repair or remove them, or leave them out with `--allow-damaged`",
        )
