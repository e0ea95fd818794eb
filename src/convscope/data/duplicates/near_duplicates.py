"""Near-duplicates: images that show the same picture, whatever was done to the file.

The thresholds are calibrated for each data set, as digits are more alike than photos:

1. Variants of some of its images (saved again, resized, cropped) give a metric in which copies are
   near and different images far (`distances.fit_metric`).
2. Distances are divided by the typical distance of other images (`distances.local_scales`).
3. Thresholds follow from the dimension that the images fill (`calibration`).
4. Pairs that are nearly near enough are shifted and scaled onto each other, and judged again.

Every step works on images in the order of their pixels' hashes, so that the order and the names of
the files change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.dataset import Images
from convscope.data.decoding.content import Decoding
from convscope.data.decoding.decode import decode_content
from convscope.data.duplicates.calibration import Duplicates, calibrated_copies, fixed_copies
from convscope.data.duplicates.orientations import INVERSE, TRANSPOSED
from convscope.data.duplicates.thresholds import EPSILON
from convscope.data.index.metadata_cache import open_metadata_cache
from convscope.data.index.statistics import LUMA, is_grey
from convscope.data.index.statistics import VERSION as STATISTICS_VERSION
from convscope.data.split import connected
from convscope.progress import Reporter
from convscope.rng import hash64

VERSION = 2  # pairs that another version found are searched again
SAMPLE = 100  # images of which variants are made
MIN_CALIBRATED = 20  # different images; fewer say nothing about typical distances
FLAT = 0.008  # two levels of 255; an image of less contrast shows nothing that could be compared
MAX_COLOUR_CHANGE = 0.15  # between copies: of any channel's mean, of 1
MAX_CONTRAST_CHANGE = 0.3  # between copies: of its logarithm
MAX_ASPECT_CHANGE = 0.2  # between copies: of the ratio of width and height, as a logarithm
MUCH_NEARER = 0.7  # than copies have to be: the same changes may then be up to
MAX_BRIGHTNESS_CHANGE, MAX_CONTRAST_OF_NEAR, MAX_ASPECT_OF_NEAR = 0.35, 0.7, 0.7
ANNOUNCED_FROM = 20_000  # images: some seconds
COMPARED_AT_MOST = 300_000  # images: some minutes


def search_duplicates(
    images: Images,
    statistics: NDArray[np.void],
    decoding: Decoding,
    *,
    cache: Cache | None = None,
) -> Duplicates:
    """The duplicates among N images with statistics (N,); decodes a sample to calibrate on.

    The pairs are remembered in the cache, where `group_images` finds them.
    """
    chosen = choose_sample(statistics)
    found = find_duplicates(
        statistics,
        sample_indices=chosen,
        sample_pixels=[decode_content(images.content(int(i)), decoding).pixels for i in chosen],
    )
    unique = np.unique(statistics["pixels"][np.flatnonzero(statistics["height"])])
    with open_metadata_cache(cache) as metadata_cache:
        metadata_cache.remember(
            _key_of_pairs(unique), _hashes_of(found.pairs, statistics).tobytes()
        )
    return found


def choose_sample(statistics: NDArray[np.void], *, count: int = SAMPLE) -> NDArray[np.int64]:
    """Indices of the images of which `find_duplicates` makes variants; the same in any order."""
    unique = _comparable(statistics)
    keys = hash64("variants", statistics["pixels"][unique])
    return np.asarray(unique[np.argsort(keys, kind="stable")][:count])


def find_duplicates(
    statistics: NDArray[np.void],
    *,
    sample_indices: NDArray[np.int64] | Sequence[int],
    sample_pixels: Sequence[NDArray[np.uint8]],
) -> Duplicates:
    """Finds images that show the same picture though their pixels differ.

    Pairs are sorted, the smaller index first.

    Args:
        statistics: (N,) of `STATISTICS`; images without a height are left out.
        sample_indices: Indices from `choose_sample`.
        sample_pixels: Pixels (H, W, C) of these images.

    Raises:
        ValueError: There are enough images to calibrate on, but no sample of them is given.
    """
    unique = _comparable(statistics)
    thumbnails = statistics["thumbnail"][unique]
    if len(unique) < MIN_CALIBRATED:
        found = fixed_copies(thumbnails)
    else:
        hashes = statistics["pixels"][np.asarray(sample_indices, dtype=np.int64)]
        sample = [sample_pixels[int(row)] for row in np.argsort(hashes, kind="stable")]
        if not sample:
            raise ValueError("near-duplicates can't be told apart without a sample of the images")
        found = calibrated_copies(thumbnails, statistics["pixels"][unique], sample)
    pairs = unique[found.pairs]
    is_swapped = pairs[:, 0] > pairs[:, 1]
    found = found._replace(
        pairs=np.sort(pairs, axis=1),
        orientations=np.where(is_swapped, INVERSE[found.orientations], found.orientations),
    )
    possible = np.flatnonzero(_could_be_copies(statistics, found))
    chosen = possible[np.lexsort(found.pairs[possible].T[::-1])]
    return Duplicates(
        pairs=found.pairs[chosen],
        distances=found.distances[chosen],
        orientations=found.orientations[chosen],
        calibration=found.calibration,
    )


def _comparable(statistics: NDArray[np.void]) -> NDArray[np.int64]:
    """Indices of readable images that aren't flat, one for each set of same pixels, by hash."""
    rows = np.flatnonzero(statistics["height"])
    _, first = np.unique(statistics["pixels"][rows], return_index=True)
    unique = rows[first]
    return np.asarray(unique[statistics["contrast"][unique] >= FLAT])


def exact_groups(statistics: NDArray[np.void], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Groups of images with the same pixels, of two and more, among the images (M,) of `rows`."""
    hashes = statistics["pixels"][rows]
    order = np.argsort(hashes, kind="stable")
    groups = np.split(rows[order], np.flatnonzero(np.diff(hashes[order])) + 1)
    return sorted((g for g in groups if len(g) > 1), key=lambda group: int(group[0]))


def _could_be_copies(statistics: NDArray[np.void], found: Duplicates) -> NDArray[np.bool_]:
    """(M,) whether colour, contrast and shape of pairs agree, which the metric doesn't see.

    Pairs that are much nearer than they have to be may differ more: one may be grey, brighter, or
    stretched to another shape.
    """
    one, other = (statistics[indices] for indices in found.pairs.T)
    colour = np.abs(one["mean"] - other["mean"]).max(axis=1, initial=0)
    tint = np.abs(_tint(one) - _tint(other)).max(axis=1, initial=0)
    tint[is_grey(one) | is_grey(other)] = 0
    brightness = np.abs(one["mean"] @ LUMA - other["mean"] @ LUMA)
    contrasts = [np.log(np.maximum(row["contrast"], EPSILON)) for row in (one, other)]
    contrast = np.abs(contrasts[0] - contrasts[1])
    aspects = [np.log(row["width"] / np.maximum(1, row["height"])) for row in (one, other)]
    is_transposed = (found.orientations & TRANSPOSED) > 0
    aspect = np.abs(np.where(is_transposed, -aspects[0], aspects[0]) - aspects[1])
    is_alike = (
        (colour <= MAX_COLOUR_CHANGE)
        & (contrast <= MAX_CONTRAST_CHANGE)
        & (aspect <= MAX_ASPECT_CHANGE)
    )
    is_similar = (
        (tint <= MAX_COLOUR_CHANGE)
        & (brightness <= MAX_BRIGHTNESS_CHANGE)
        & (contrast <= MAX_CONTRAST_OF_NEAR)
        & (aspect <= MAX_ASPECT_OF_NEAR)
    )
    return np.asarray(is_alike | (is_similar & (found.distances < MUCH_NEARER)))


def _tint(statistics: NDArray[np.void]) -> NDArray[np.float32]:
    """(N, 3) mean of each channel beside the brightness."""
    return np.asarray(statistics["mean"] - (statistics["mean"] @ LUMA)[:, np.newaxis])


def group_images(
    images: Images,
    statistics: NDArray[np.void],
    decoding: Decoding,
    *,
    cache: Cache | None,
    reporter: Reporter,
) -> NDArray[np.int64]:
    """(N,) group labels: images of one group have the same pixels or are near-duplicates.

    They are found once for the same images, whatever their order or names, and remembered.

    Args:
        images: N images, all of which can be read.
        statistics: (N,) of `STATISTICS`.
        decoding: How images are decoded.
        cache: Where pairs that were found are remembered; None for nowhere.
        reporter: Says what takes long.
    """
    unique, labels = np.unique(statistics["pixels"], return_inverse=True)
    if len(unique) > COMPARED_AT_MOST:
        reporter.say(
            f"note: of {len(unique):,} images only those with the same pixels are kept in one "
            "split; comparing so many for near-duplicates would take too long"
        )
        return labels
    with open_metadata_cache(cache) as metadata_cache:
        remembered = metadata_cache.recall(_key_of_pairs(unique))
    if remembered is not None:
        pairs = np.frombuffer(remembered, dtype=np.uint64).reshape(-1, 2)
    else:
        if len(images) > ANNOUNCED_FROM:
            reporter.say(f"comparing {len(images):,} images with each other, once")
        found = search_duplicates(images, statistics, decoding, cache=cache)
        pairs = _hashes_of(found.pairs, statistics)
    return connected(labels, np.searchsorted(unique, pairs))


def _hashes_of(pairs: NDArray[np.int64], statistics: NDArray[np.void]) -> NDArray[np.uint64]:
    """(M, 2) hashes of the pixels of pairs of images (M, 2)."""
    hashes: NDArray[np.uint64] = statistics["pixels"][pairs.reshape(-1)].reshape(-1, 2)
    return hashes


def _key_of_pairs(unique: NDArray[np.uint64]) -> str:
    """The name under which the pairs among images with these sorted hashes are remembered."""
    digest = hashlib.sha256(unique.tobytes()).hexdigest()
    return f"near pairs {VERSION} {STATISTICS_VERSION} {digest}"
