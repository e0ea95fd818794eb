"""Gallery: the readable images of a data set, what they are like, and their pixels at hand.

One look at the data decodes each image once; what is needed of it is kept on the way: facts in the
catalogue, prepared pixels in stores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.catalogue import open_catalogue
from convscope.data.dataset import Dataset, in_array
from convscope.data.decode import USUAL, DamagedImageError, Decoding, decode_content
from convscope.data.pixels import ArrayPixels, DecodedPixels, Geometry, Pixels, is_at_hand
from convscope.data.store import Store, StoredPixels, open_store
from convscope.data.survey import Survey, hash_contents, survey_images
from convscope.errors import DataError, counted, listed
from convscope.progress import SILENT, Reporter, in_words

MAX_DAMAGED_SHARE = 0.05
TIMED = 16  # images, for an estimate
LONG_SECONDS = 10.0  # from here on it is said before
MUCH_BYTES = 1e9

# For an image that was just decoded (its index and pixels): which of the sizes to keep it at.
Which = Callable[[int, NDArray[np.uint8]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The readable images of a data set with all that is known of them.

    Attributes:
        dataset: N images, all of which can be read.
        facts: (N,) of `FACTS`.
        contents: (N,) hashes of the images' contents.
        damaged: Name and reason of each image that is left out.
        source: The data set with the images that can't be read.
        survey: Of the source.
        decoding: How images are decoded.
        cache: Where prepared pixels are kept; None for nowhere.
        stores: Those that are open, by their geometry; None where the cache has no room.
        workers: Threads that decode; None for one a core.
    """

    dataset: Dataset
    facts: NDArray[np.void]
    contents: Sequence[bytes]
    damaged: tuple[tuple[str, str], ...]
    source: Dataset
    survey: Survey
    decoding: Decoding
    cache: Cache | None
    stores: dict[str, Store | None]
    workers: int | None

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) index of the class."""
        return self.dataset.labels

    @property
    def pixel_hashes(self) -> NDArray[np.uint64]:
        """(N,) of the decoded pixels before any resizing."""
        hashes: NDArray[np.uint64] = self.facts["pixels"]
        return hashes

    @property
    def fingerprint(self) -> str:
        """A hash of all pixels with their classes, whatever the order or the names."""
        return self.survey.fingerprint(self.source)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(N, 2) height and width of the images as they were."""
        return np.stack([self.facts["height"], self.facts["width"]], axis=1).astype(np.int64)

    @property
    def names(self) -> list[str]:
        """N names."""
        return [self.dataset.images.name(index) for index in range(len(self))]

    def pixels(self, geometry: Geometry) -> Pixels:
        """The images at one size: from memory, from a store, or decoded each time."""
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
        """Waits until all that was kept counts for other processes and the next start."""
        for store in filter(None, self.stores.values()):
            store.note()

    def _store(self, geometry: Geometry) -> Store | None:
        if geometry.geometry not in self.stores:
            _open(
                self.stores,
                geometry,
                dataset=self.source,
                contents=self.survey.contents,
                cache=self.cache,
                decoding=self.decoding,
            )
        return self.stores[geometry.geometry]


def look_at(
    dataset: Dataset,
    *,
    cache: Cache | None,
    decoding: Decoding = USUAL,
    workers: int | None = None,
    geometries: Sequence[Geometry] = (),
    which: Which = lambda index, pixels: 0,
    allow_damaged: bool = False,
    reporter: Reporter = SILENT,
) -> Gallery:
    """Reads and measures every image, or remembers what was found out about it before.

    Args:
        dataset: The images.
        cache: Where decoded images are kept and remembered; None for nowhere.
        decoding: How they are decoded.
        workers: Threads; None for one a core.
        geometries: Sizes that will be wanted.
        which: At which of them an image is kept that is decoded on the way.
        allow_damaged: Goes on although more than 5 % can't be read; these are left out anyway.
        reporter: Shows progress.

    Raises:
        DataError: No image can be read, or more than 5 % can't.
    """
    with open_catalogue(cache) as catalogue:
        with reporter.task("reading images", len(dataset)) as reading:
            contents, unread = hash_contents(
                dataset.images, catalogue, workers=workers, on_progress=reading.advance
            )
        stores: dict[str, Store | None] = {}
        for geometry in geometries:
            _open(
                stores,
                geometry,
                dataset=dataset,
                contents=contents,
                cache=cache,
                decoding=decoding,
            )
        _say_room(stores, geometries, cache, contents, reporter)
        kept = _kept(dataset, contents, geometries, stores, decoding)

        def keeper(index: int, pixels: NDArray[np.uint8]) -> None:
            stored = kept[which(index, pixels)]
            if stored is not None:
                stored.keep(index, pixels)

        with reporter.task("looking at images", len(dataset)) as task:
            survey = survey_images(
                dataset,
                decoding,
                catalogue=catalogue,
                hashed=(contents, unread),
                workers=workers,
                keeper=keeper if any(kept) else None,
                before=lambda indices: _announce(dataset, indices, decoding, workers, reporter),
                on_progress=task.advance,
            )
        for store in filter(None, stores.values()):
            store.note_soon()
    names = dataset.images.name
    damaged = tuple((names(index), reason) for index, reason in survey.damaged.items())
    _check_damaged(damaged, len(dataset), allow_damaged=allow_damaged)
    readable = survey.readable
    whole = len(readable) == len(dataset)
    return Gallery(
        dataset=dataset if whole else dataset.take(readable),
        facts=survey.facts[readable],
        contents=[survey.contents[index] for index in readable],
        damaged=damaged,
        source=dataset,
        survey=survey,
        decoding=decoding,
        cache=cache,
        stores=stores,
        workers=workers,
    )


def _announce(
    dataset: Dataset,
    indices: NDArray[np.int64],
    decoding: Decoding,
    workers: int | None,
    reporter: Reporter,
) -> None:
    """Says how long it will take to look at images, where that is long."""
    if len(indices) < TIMED:
        return
    began = time.perf_counter()
    for index in indices[:: len(indices) // TIMED][:TIMED]:
        with suppress(DamagedImageError):
            decode_content(dataset.images.content(int(index)), decoding)
    each = (time.perf_counter() - began) / TIMED
    seconds = each * len(indices) / (workers or os.cpu_count() or 1)
    if seconds >= LONG_SECONDS:
        reporter.say(
            f"looking at {counted(len(indices), 'image')} for the first time: "
            f"about {in_words(seconds)}, once"
        )


def _say_room(
    stores: Mapping[str, Store | None],
    geometries: Sequence[Geometry],
    cache: Cache | None,
    contents: Sequence[bytes],
    reporter: Reporter,
) -> None:
    """Says what the disk will hold, where that is much, and what it can't hold."""
    if cache is None:
        return
    for geometry in geometries:
        store = stores[geometry.geometry]
        size = len(set(contents)) * geometry.height * geometry.width * geometry.channels
        if store is not None and not store.filled.all() and size >= MUCH_BYTES:
            reporter.say(f"up to {size / 1e9:,.1f} GB of decoded images are kept in {cache.folder}")
        elif store is None and size > cache.limit_bytes:
            reporter.say(
                f"decoded images would take {size / 1e9:,.1f} GB, more than the "
                f"{cache.limit_bytes / 1e9:,.1f} GB that `convscope cache` may hold: "
                "they are decoded in each epoch"
            )


def _kept(
    dataset: Dataset,
    contents: Sequence[bytes],
    geometries: Sequence[Geometry],
    stores: Mapping[str, Store | None],
    decoding: Decoding,
) -> list[StoredPixels | None]:
    """For each size what takes the images that are decoded on the way."""
    unused = np.zeros(len(dataset), dtype=np.uint64)
    kept: list[StoredPixels | None] = []
    for geometry in geometries:
        store = stores[geometry.geometry]
        decoded = DecodedPixels(dataset.images, geometry, decoding=decoding, pixel_hashes=unused)
        kept.append(None if store is None else StoredPixels(store, contents, decoded))
    return kept


def _open(
    stores: dict[str, Store | None],
    geometry: Geometry,
    *,
    dataset: Dataset,
    contents: Sequence[bytes],
    cache: Cache | None,
    decoding: Decoding,
) -> None:
    """Adds the store for a size; None without a cache or room, or where images need no store."""
    stores[geometry.geometry] = None
    if cache is None or is_at_hand(dataset.images, geometry):
        return
    table = _table(contents)
    stores[geometry.geometry] = open_store(
        cache,
        table,
        geometry,
        decoding=decoding,
        words=f"{dataset.name}, {counted(len(table), 'image')}",
        keep=[store.folder for store in stores.values() if store is not None],
    )


def _table(contents: Sequence[bytes]) -> list[bytes]:
    return sorted(content for content in set(contents) if content)


def _check_damaged(damaged: Sequence[tuple[str, str]], total: int, *, allow_damaged: bool) -> None:
    lines = listed([f"`{name}` {reason}" for name, reason in damaged])
    if len(damaged) == total:
        raise DataError(f"none of the {total} images can be read\n{lines}")
    if len(damaged) > MAX_DAMAGED_SHARE * total and not allow_damaged:
        raise DataError(
            f"{len(damaged)} of {total} images can't be read, more than "
            f"{MAX_DAMAGED_SHARE:.0%}\n{lines}",
            hint="repair or remove them, or leave them out with `--allow-damaged`",
        )
