"""Survey: every image of a data set looked at once; what could be read, and what it is like.

What was found out before is taken from the catalogue: on an unchanged data set no image is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from convscope.data.catalogue import Catalogue
from convscope.data.dataset import Dataset, Images
from convscope.data.decode import (
    USUAL,
    Content,
    DamagedImageError,
    Decoding,
    PassingError,
    decode_content,
)
from convscope.data.facts import FACTS, measure
from convscope.data.parallel import in_parallel

HASH_BYTES = 16  # of a content
REMEMBERED_AT_ONCE = 1024  # images; what a killed survey found out before is not lost

# Takes the index of an image that was just decoded, and its pixels (H, W, C).
Keeper = Callable[[int, NDArray[np.uint8]], None]


@dataclass(frozen=True, slots=True)
class Survey:
    """What the images of a data set are like.

    Attributes:
        facts: (N,) of `FACTS`; zeros where an image can't be read.
        damaged: Why images can't be read, by their index.
        contents: (N,) hash of each image's content; b"" where there is none.
    """

    facts: NDArray[np.void]
    damaged: Mapping[int, str]
    contents: Sequence[bytes]

    @property
    def readable(self) -> NDArray[np.int64]:
        """Indices of the images that can be read."""
        is_readable = np.ones(len(self.facts), dtype=bool)
        is_readable[list(self.damaged)] = False
        return np.flatnonzero(is_readable)

    def fingerprint(self, dataset: Dataset) -> str:
        """A hash of all readable pixels with their classes, whatever the order or the names."""
        rows = self.readable
        labels = dataset.labels[rows].astype(np.uint64)
        marked = np.sort(self.facts["pixels"][rows] * np.uint64(2_654_435_761) + labels)
        return hashlib.sha256(marked.tobytes()).hexdigest()[:16]


def survey_images(
    dataset: Dataset,
    decoding: Decoding = USUAL,
    *,
    catalogue: Catalogue | None = None,
    hashed: tuple[list[bytes], dict[int, str]] | None = None,
    workers: int | None = None,
    keeper: Keeper | None = None,
    before: Callable[[NDArray[np.int64]], None] = lambda indices: None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Survey:
    """Measures every image; decodes those of which nothing is known.

    Args:
        dataset: N images.
        decoding: How they are decoded.
        catalogue: What is known from before, and is added to.
        hashed: What `hash_contents` gave, where it was called already.
        workers: Threads; None for one a core.
        keeper: Is handed each image that is decoded on the way, from any thread.
        before: Called with the indices of the images that will be decoded.
        on_progress: Called with the number of images just done.
    """
    catalogue = catalogue or Catalogue(None)
    images = dataset.images
    contents, unread = hashed or hash_contents(images, catalogue, workers=workers)
    known = catalogue.facts([content for content in set(contents) if content], decoding)
    first = {content: i for i, content in reversed(list(enumerate(contents))) if content}
    unknown = np.array(
        sorted(index for content, index in first.items() if content not in known), dtype=np.int64
    )
    before(unknown)
    on_progress(len(dataset) - len(unknown))

    def look(index: int) -> bytes | str | PassingError:
        return _looked_at(images, index, contents[index], decoding, keeper)

    fresh: list[tuple[bytes, bytes | str]] = []
    for index, found in in_parallel(look, unknown, workers=workers, on_progress=on_progress):
        if isinstance(found, PassingError):
            known[contents[index]] = found.message
            continue
        known[contents[index]] = found
        fresh.append((contents[index], found))
        if len(fresh) >= REMEMBERED_AT_ONCE:
            catalogue.remember_facts(fresh, decoding)
            fresh.clear()
    catalogue.remember_facts(fresh, decoding)
    return _assembled(contents, known, unread)


def _looked_at(
    images: Images, index: int, expected: bytes, decoding: Decoding, keeper: Keeper | None
) -> bytes | str | PassingError:
    """One row of facts, why the image can't be read, or what is the matter just now."""
    try:
        content = images.content(index)
    except DamagedImageError as error:
        return PassingError(error.message)
    if hash_content(content) != expected:
        # What would be found out now would be remembered of another content.
        return PassingError("became another image while it was looked at")
    try:
        decoded = decode_content(content, decoding)
    except PassingError as error:
        return error
    except DamagedImageError as error:
        return error.message
    if keeper is not None:
        keeper(index, decoded.pixels)
    return measure(decoded).tobytes()


def _assembled(
    contents: Sequence[bytes], known: Mapping[bytes, bytes | str], unread: Mapping[int, str]
) -> Survey:
    """Image by image what is known of its content."""
    damaged = dict(unread)
    rows: list[bytes] = []
    for index, content in enumerate(contents):
        found = known[content] if content else unread[index]
        if isinstance(found, str):
            damaged[index], found = found, bytes(FACTS.itemsize)
        rows.append(found)
    facts = np.frombuffer(b"".join(rows), dtype=FACTS)
    return Survey(facts, dict(sorted(damaged.items())), contents)


def hash_contents(
    images: Images,
    catalogue: Catalogue,
    *,
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[bytes], dict[int, str]]:
    """The hash of each image's content, and why some have none.

    Only images whose stamp (path, size, time) isn't known are read.
    """
    stamps = [images.stamp(index) for index in range(len(images))]
    # The same stamps as the last time: one answer instead of one for each image.
    words = (
        f"contents {xxhash.xxh3_128_hexdigest('|'.join(stamps).encode(errors='surrogateescape'))}"
    )
    remembered = catalogue.recall(words) if all(stamps) else None
    if remembered is not None:
        on_progress(len(images))
        return cut_hashes(remembered), {}
    hashes = [content or b"" for content in catalogue.contents(stamps)]
    unread: dict[int, str] = {}

    def read(index: int) -> bytes | str:
        try:
            return hash_content(images.content(index))
        except DamagedImageError as error:
            return error.message

    unknown = np.array([i for i, content in enumerate(hashes) if not content], dtype=np.int64)
    on_progress(len(images) - len(unknown))
    fresh: list[tuple[str, bytes]] = []
    for index, found in in_parallel(read, unknown, workers=workers, on_progress=on_progress):
        if isinstance(found, bytes):
            hashes[index] = found
            fresh.append((stamps[index], found))
        else:
            unread[index] = found
        if len(fresh) >= REMEMBERED_AT_ONCE:
            catalogue.remember_contents(fresh)
            fresh.clear()
    catalogue.remember_contents(fresh)
    if all(stamps) and not unread:
        catalogue.remember(words, b"".join(hashes))
    return hashes, unread


def cut_hashes(hashes: bytes) -> list[bytes]:
    """The hashes of contents that were written one after the other."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def hash_content(content: Content) -> bytes:
    """A 128-bit hash of encoded bytes, or of the shape, type and values of an array."""
    if isinstance(content, bytes):
        return xxhash.xxh3_128_digest(content)
    digest = xxhash.xxh3_128(f"{content.shape} {content.dtype.str}".encode())
    digest.update(np.ascontiguousarray(content).data)
    return digest.digest()
