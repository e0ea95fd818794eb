"""Scan: every image of a data set read once, hashed, decoded and measured.

What earlier scans found out comes from the metadata cache: of an unchanged data set no image is
read, and a content that is known by its hash isn't decoded again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.dataset import Dataset, Images
from convscope.data.decoding.content import (
    DEFAULT_DECODING,
    Content,
    DamagedImageError,
    Decoded,
    Decoding,
    PassingError,
)
from convscope.data.decoding.decode import decode_content
from convscope.data.index.array_rows import ArrayRows, MeasuredRows, hashes_of_arrays
from convscope.data.index.metadata_cache import MetadataCache, open_metadata_cache
from convscope.data.index.statistics import STATISTICS, measure_all
from convscope.data.parallel import in_parallel
from convscope.short_repr import short_repr

HASH_BYTES = 16  # of a content
REMEMBERED_AT_ONCE = 1024  # images; what a killed scan found out before is not lost
GROUP = 16  # images a thread takes at a time: handing over one by one costs more than a digit
GROUPS_AHEAD = 16  # groups that are worked on before their results are asked for
HELD_BYTES = 8 << 20  # of encoded images, which a thread reads before it decodes them
MEASURED_BYTES = 1 << 20  # of decoded images, which a thread measures together
PROBED = 100

# Takes an image that was just decoded, from any thread: its index, the hash of its content, its
# pixels and their hash.
Keeper = Callable[[int, bytes, NDArray[np.uint8], int], None]


@dataclass(frozen=True, slots=True)
class Scan:
    """Result of a scan of N images.

    Attributes:
        statistics: (N,) of `STATISTICS`; zeros where an image can't be read.
        damaged: Why images can't be read, by their index.
        contents: (N,) hash of each image's content; b"" where the content can't be read.
    """

    statistics: NDArray[np.void]
    damaged: Mapping[int, str]
    contents: Sequence[bytes]

    __repr__ = short_repr

    @property
    def readable(self) -> NDArray[np.int64]:
        """Indices of the images that can be read."""
        is_readable = np.ones(len(self.statistics), dtype=bool)
        is_readable[list(self.damaged)] = False
        return np.flatnonzero(is_readable)

    def fingerprint(self, dataset: Dataset) -> str:
        """A hash of all readable pixels with their classes, whatever the order or the names."""
        rows = self.readable
        labels = dataset.labels[rows].astype(np.uint64)
        marked = np.sort(self.statistics["pixels"][rows] * np.uint64(2_654_435_761) + labels)
        return hashlib.sha256(marked.tobytes()).hexdigest()[:16]


def scan_images(
    dataset: Dataset,
    decoding: Decoding = DEFAULT_DECODING,
    *,
    metadata_cache: MetadataCache | None = None,
    workers: int | None = None,
    keeper: Keeper | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Scan:
    """Measures every image; reads and decodes those about which nothing is known, once each.

    Args:
        dataset: N images.
        decoding: How they are decoded.
        metadata_cache: What is known from earlier scans; new results are added to it.
        workers: Number of threads; None for one per core.
        keeper: Is handed each image that is decoded.
        on_progress: Called with the number of images just done, the first time with the number of
            those that needn't be read.
    """
    array = ArrayRows.of(dataset.images, decoding)
    if array is not None:
        return _scan_array(array, workers=workers, keeper=keeper, on_progress=on_progress)
    return _scan_encoded(
        dataset,
        decoding,
        metadata_cache=metadata_cache or MetadataCache(None),
        workers=workers,
        keeper=keeper,
        on_progress=on_progress,
    )


def _scan_encoded(
    dataset: Dataset,
    decoding: Decoding,
    *,
    metadata_cache: MetadataCache,
    workers: int | None,
    keeper: Keeper | None,
    on_progress: Callable[[int], None],
) -> Scan:
    """Reads and decodes those images about which nothing is known."""
    stamps = [dataset.images.stamp(index) for index in range(len(dataset))]
    contents, key = _remembered(stamps, metadata_cache)
    known = metadata_cache.statistics([content for content in set(contents) if content], decoding)
    first = {content: i for i, content in reversed(list(enumerate(contents))) if content}
    new = {index for index, content in enumerate(contents) if not content}
    new |= {index for content, index in first.items() if content not in known}
    on_progress(len(dataset) - len(new))

    reader = _ImageReader(dataset.images, tuple(contents), decoding, metadata_cache, keeper)
    unread: dict[int, str] = {}
    stamped: list[tuple[str, bytes]] = []
    measured: list[tuple[bytes, bytes | str]] = []
    order = np.array(sorted(new), dtype=np.int64)
    groups = (order[start : start + GROUP] for start in range(0, len(order), GROUP))
    for results in in_parallel(reader.read, groups, ahead=GROUPS_AHEAD, workers=workers):
        for index, content, found, is_new in results:
            if not content:
                unread[index] = str(found)
                continue
            if not contents[index]:
                stamped.append((stamps[index], content))
                contents[index] = content
            if isinstance(found, PassingError):
                known[content] = found.message
            elif found is not None:
                known[content] = found
                measured += [(content, found)] if is_new else []
        on_progress(len(results))
        if len(stamped) + len(measured) >= REMEMBERED_AT_ONCE:
            metadata_cache.remember_contents(stamped)
            metadata_cache.remember_statistics(measured, decoding)
            stamped, measured = [], []
    metadata_cache.remember_contents(stamped)
    metadata_cache.remember_statistics(measured, decoding)
    if key and all(contents):
        metadata_cache.remember(key, b"".join(contents))
    return _assembled(contents, known, unread)


def _remembered(stamps: Sequence[str], cache: MetadataCache) -> tuple[list[bytes], str]:
    """The hashes of contents that are known by their stamps, b"" for others.

    Returns:
        N hashes, and the key by which all of them are to be remembered at once; "" if there is none
        or they are already.
    """
    # The same stamps as the last time: one answer instead of one for each image.
    joined = "|".join(stamps).encode(errors="surrogateescape")
    key = f"contents {xxhash.xxh3_128_hexdigest(joined)}" if all(stamps) else ""
    together = cache.recall(key) if key else None
    if together is not None:
        return cut_hashes(together), ""
    return [content or b"" for content in cache.contents(stamps)], key


def _scan_array(
    array: ArrayRows,
    *,
    workers: int | None,
    keeper: Keeper | None,
    on_progress: Callable[[int], None],
) -> Scan:
    """Measures all images of an array, by blocks."""

    def measured(start: int) -> MeasuredRows:
        found = array.measure(np.arange(start, min(start + array.block_size, len(array.rows))))
        if keeper is not None:
            for number, content in enumerate(found.contents):
                pixel_hash = int(found.statistics["pixels"][number])
                keeper(start + number, content, found.pixels[number], pixel_hash)
        return found

    statistics = np.zeros(len(array.rows), dtype=STATISTICS)
    contents: list[bytes] = []
    on_progress(0)
    starts = range(0, len(statistics), array.block_size)
    for found in in_parallel(measured, starts, ahead=GROUPS_AHEAD, workers=workers):
        statistics[len(contents) : len(contents) + len(found.contents)] = found.statistics
        contents += found.contents
        on_progress(len(found.contents))
    return Scan(statistics, {}, contents)


class ImageKind(NamedTuple):
    """What a data set's images are like.

    Attributes:
        channels: 1 if all probed images are grey, else 3.
        shorter_side_px: Median of the shorter sides.
    """

    channels: int
    shorter_side_px: int


def probe_images(
    dataset: Dataset, *, cache: Cache | None = None, decoding: Decoding = DEFAULT_DECODING
) -> ImageKind:
    """Scans up to 100 images, evenly spread; those that can't be read don't count here.

    If none of them can be read, the result is colour and a side of 0: the full scan will name them.
    """
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(PROBED, len(dataset))).astype(np.int64))
    with open_metadata_cache(cache) as metadata_cache:
        scan = scan_images(dataset.take(chosen), decoding, metadata_cache=metadata_cache)
    statistics = scan.statistics[scan.readable]
    channels = 1 if len(statistics) and bool((statistics["channels"] == 1).all()) else 3
    sides = np.minimum(statistics["height"], statistics["width"])
    return ImageKind(channels, int(np.median(sides)) if len(statistics) else 0)


def cut_hashes(hashes: bytes) -> list[bytes]:
    """The hashes of contents that were written one after the other."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def hash_content(content: Content) -> bytes:
    """A 128-bit hash of encoded bytes, or of the shape, type and values of an array."""
    if isinstance(content, bytes):
        return xxhash.xxh3_128_digest(content)
    return hashes_of_arrays(content[np.newaxis])[0]


class _Result(NamedTuple):
    """What was found out about one image: a row of `STATISTICS`, or why there is none."""

    image: int
    content: bytes  # its hash; b"" if it can't be read
    found: bytes | str | PassingError | None  # None: the same content is measured elsewhere
    is_new: bool = False  # whether the metadata cache doesn't have it


class _Decoded(NamedTuple):
    """An image of which nothing was known."""

    image: int
    content: bytes  # its hash
    decoded: Decoded


class _ImageReader:
    """Reads images and decodes those whose content is new, from several threads at once."""

    def __init__(
        self,
        images: Images,
        expected: Sequence[bytes],  # (N,) hashes as remembered, b"" for unknown
        decoding: Decoding,
        metadata_cache: MetadataCache,
        keeper: Keeper | None,
    ) -> None:
        self._images, self._expected, self._decoding = images, expected, decoding
        self._metadata_cache, self._keeper = metadata_cache, keeper
        self._lock = threading.Lock()
        self._taken: set[bytes] = set()

    def read(self, indices: NDArray[np.int64]) -> list[_Result]:
        """Reads a group of images; holds no more encoded bytes at once than `HELD_BYTES`."""
        results: list[_Result] = []
        held: list[tuple[int, Content]] = []
        num_bytes = 0
        for index in indices.tolist():
            try:
                content = self._images.content(index)
            except DamagedImageError as error:
                expected = self._expected[index]
                reason = PassingError(error.message) if expected else error.message
                results.append(_Result(index, expected, reason))
                continue
            held.append((index, content))
            num_bytes += content.nbytes if isinstance(content, np.ndarray) else len(content)
            if num_bytes >= HELD_BYTES:
                results += self._measured(held)
                held, num_bytes = [], 0
        return results + self._measured(held)

    def _measured(self, held: Sequence[tuple[int, Content]]) -> list[_Result]:
        hashes = [hash_content(content) for _, content in held]
        known = self._metadata_cache.statistics(hashes, self._decoding)
        results: list[_Result] = []
        decoded: list[_Decoded] = []
        num_bytes = 0
        for (index, content), hashed in zip(held, hashes, strict=True):
            expected = self._expected[index]
            if expected and hashed != expected:
                # What would be found out now would be remembered for another content.
                error = PassingError("became another image while it was scanned")
                results.append(_Result(index, expected, error))
            elif hashed in known or not self._take(hashed):
                results.append(_Result(index, hashed, known.get(hashed)))
            elif isinstance(found := self._decoded(content), Decoded):
                decoded.append(_Decoded(index, hashed, found))
                num_bytes += found.pixels.nbytes
                if num_bytes >= MEASURED_BYTES:
                    results += self._kept(decoded)
                    decoded, num_bytes = [], 0
            else:
                results.append(_Result(index, hashed, found, is_new=True))
        return results + self._kept(decoded)

    def _kept(self, images: Sequence[_Decoded]) -> list[_Result]:
        """Measures decoded images and hands them to the keeper."""
        rows = measure_all([found for _, _, found in images])
        if self._keeper is not None:
            for (index, hashed, found), row in zip(images, rows, strict=True):
                self._keeper(index, hashed, found.pixels, int(row["pixels"]))
        return [
            _Result(index, hashed, row.tobytes(), is_new=True)
            for (index, hashed, _), row in zip(images, rows, strict=True)
        ]

    def _take(self, hashed: bytes) -> bool:
        """Whether this content is decoded here: nobody else decodes it."""
        with self._lock:
            is_first = hashed not in self._taken
            self._taken.add(hashed)
        return is_first

    def _decoded(self, content: Content) -> Decoded | str | PassingError:
        try:
            return decode_content(content, self._decoding)
        except PassingError as error:
            return error
        except DamagedImageError as error:
            return error.message


def _assembled(
    contents: Sequence[bytes], known: Mapping[bytes, bytes | str], unread: Mapping[int, str]
) -> Scan:
    """Image by image what is known of its content."""
    damaged = dict(unread)
    rows: list[bytes] = []
    for index, content in enumerate(contents):
        found = known[content] if content else unread[index]
        if isinstance(found, str):
            damaged[index], found = found, bytes(STATISTICS.itemsize)
        rows.append(found)
    statistics = np.frombuffer(b"".join(rows), dtype=STATISTICS)
    return Scan(statistics, dict(sorted(damaged.items())), contents)
