"""Image statistics: what one image is like, measured when it is decoded and remembered after that.

Everything that judges or sorts images (the split, the audit, mean and std) works on statistics, so
that no image has to be decoded for it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from convscope.data.decoding.content import Decoded

VERSION = 2  # remembered statistics of another version are measured again
SAMPLED_PX = 64  # at most so many rows and columns are sampled for mean and std
GREY_PX = 128  # at least so many rows and columns (if it has them) make thumbnail and sharpness
THUMBNAIL_PX = 32
EXTREME_SHARE = 0.05
SAME_CHANNELS = 5e-4  # difference of channels' means and mean squares, of 1
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns colours grey

Hasher = TypeVar("Hasher", xxhash.xxh3_64, xxhash.xxh3_128)

STATISTICS = np.dtype(
    [
        ("pixels", "<u8"),  # hash of the decoded pixels and their shape
        ("height", "<u4"),  # upright
        ("width", "<u4"),
        ("channels", "u1"),
        ("mean", "<f4", (3,)),  # of each channel, 0 to 1; a grey image has three times the same
        ("square", "<f4", (3,)),  # mean of the squares
        ("format", "S8"),
        ("mode", "S8"),
        ("orientation", "u1"),
        ("num_frames", "<u4"),
        ("is_truncated", "?"),
        ("darkest", "<f4"),  # grey, 0 to 1, that a twentieth of the thumbnail does not exceed
        ("lightest", "<f4"),  # grey, 0 to 1, that a twentieth of the thumbnail exceeds
        ("contrast", "<f4"),  # standard deviation of grey, 0 to 0.5
        ("sharpness", "<f4"),  # 0 (nothing but smooth) to 1 (noise); NaN where nothing changes
        ("span", "<f8", (4,)),  # of more than 8 bits: smallest, largest value, black, white
        ("thumbnail", "u1", (THUMBNAIL_PX, THUMBNAIL_PX)),  # grey, whatever the aspect ratio
    ]
)


def measure(decoded: Decoded) -> NDArray[np.void]:
    """One row of `STATISTICS` for an image."""
    return measure_all([decoded]).reshape(())


def measure_all(images: Sequence[Decoded]) -> NDArray[np.void]:
    """(N,) rows of `STATISTICS` for images; those of one size at once, which is faster."""
    rows = np.zeros(len(images), dtype=STATISTICS)
    of_size: dict[tuple[int, ...], list[int]] = {}
    for number, decoded in enumerate(images):
        of_size.setdefault(decoded.pixels.shape, []).append(number)
    for numbers in of_size.values():
        pixels = [images[number].pixels for number in numbers]
        rows[numbers] = measure_pixels(np.stack(pixels) if len(pixels) > 1 else pixels[0][None])
    for row, decoded in zip(rows, images, strict=True):
        row["format"], row["mode"] = decoded.format.encode(), decoded.mode.encode()
        row["orientation"], row["num_frames"] = decoded.orientation, decoded.num_frames
        row["is_truncated"] = decoded.is_truncated
        row["span"] = decoded.span
    return rows


def measure_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.void]:
    """(N,) rows of `STATISTICS` for images (N, H, W, C), without what their files say of them.

    A row is the same to the bit whatever else is measured with it.
    """
    rows = np.zeros(len(pixels), dtype=STATISTICS)
    rows["pixels"] = hashes_of_pixels(pixels)
    rows["height"], rows["width"], rows["channels"] = pixels.shape[1:]
    rows["mean"], rows["square"] = _moments(pixels)
    grey = _small_grey(pixels)
    thumbnails = _shrunk(grey)
    rows["thumbnail"] = thumbnails
    flat = thumbnails.reshape(len(pixels), -1)
    cut = int(EXTREME_SHARE * flat.shape[1])
    ordered = np.partition(flat, (cut, flat.shape[1] - 1 - cut), axis=1)
    rows["darkest"], rows["lightest"] = ordered[:, cut] / 255, ordered[:, -1 - cut] / 255
    values = grey.astype(np.float32)
    rows["contrast"] = _deviation(values) / 255
    rows["sharpness"] = _sharpness(values)
    return rows


def hash_pixels(pixels: NDArray[np.uint8]) -> int:
    """A 64-bit hash of an image's shape and pixels (H, W, C)."""
    return hashes_of_pixels(pixels[np.newaxis])[0]


def hashes_of_pixels(pixels: NDArray[np.uint8]) -> list[int]:
    """`hash_pixels` of images (N, H, W, C)."""
    begun = xxhash.xxh3_64(repr(pixels.shape[1:]).encode())
    return [each.intdigest() for each in hashers_of(pixels, begun)]


def hashers_of(arrays: NDArray[Any], begun: Hasher) -> Iterator[Hasher]:
    """Copies of a hash that was begun, each with the values of one of N arrays."""
    for array in np.ascontiguousarray(arrays):
        hasher = begun.copy()
        hasher.update(array.data)
        yield hasher


def thumbnail_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The thumbnail in the statistics of an image (H, W, C)."""
    thumbnail: NDArray[np.uint8] = _shrunk(_small_grey(pixels[np.newaxis]))[0]
    return thumbnail


def _moments(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (N, C) and mean of squares (N, C) of the channels, 0 to 1."""
    step = max(1, -(-max(pixels.shape[1:3]) // SAMPLED_PX))
    chosen = pixels[:, ::step, ::step]
    values = np.empty(chosen.shape, dtype=np.float32)
    for channel in range(chosen.shape[3]):  # twice as fast as all of them at once
        values[..., channel] = chosen[..., channel]
    sample: NDArray[np.float32] = values.reshape(len(pixels), -1, chosen.shape[3])
    size = sample.shape[1] * 255
    mean = np.ones(sample.shape[1], dtype=np.float32) @ sample  # exact: sums are below 2 ** 24
    return mean / size, np.einsum("npc,npc->nc", sample, sample) / (size * 255)


def _small_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images in grey (N, H, W); of large ones every so many-th pixel, so that size costs no time.

    Source: the weights of ITU-R BT.601, in 256ths.
    """
    step = max(1, min(pixels.shape[1:3]) // GREY_PX)
    chosen = pixels[:, ::step, ::step]
    if pixels.shape[3] == 1:
        return np.ascontiguousarray(chosen[..., 0])
    grey = np.zeros(chosen.shape[:3], dtype=np.uint16)
    for channel, weight in enumerate((77, 150, 29)):
        weighted = chosen[..., channel].astype(np.uint16)
        weighted *= weight
        grey += weighted
    grey >>= 8
    return grey.astype(np.uint8)


def _shrunk(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Thumbnails of images (N, H, W): antialiased, and smooth where they are larger than these.

    The thumbnails of one photo at different sizes must agree.
    """
    count, height, width = grey.shape
    if count == 1 or height > width:
        return np.stack([_resized(image, THUMBNAIL_PX) for image in grey])
    # Pillow resizes lines, then columns (of images that are not higher than wide): it gets the
    # lines of all images at once, then their columns as lines, and gives the same bytes.
    lines = _resized(grey.reshape(-1, width), count * height).reshape(count, height, -1)
    columns = np.ascontiguousarray(lines.transpose(0, 2, 1)).reshape(-1, height)
    shrunk = _resized(columns, len(columns)).reshape(count, THUMBNAIL_PX, THUMBNAIL_PX)
    return np.ascontiguousarray(shrunk.transpose(0, 2, 1))


def _resized(grey: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """An image (H, W) resized to a height, and to the width of a thumbnail."""
    size = (THUMBNAIL_PX, height)
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))


def _deviation(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) standard deviations of values (N, H, W), without the temporaries of `numpy.std`."""
    flat = values.reshape(len(values), -1)
    mean = flat.sum(axis=1).astype(np.float64) / flat.shape[1]
    return np.asarray(np.sqrt(np.maximum(0.0, _mean_square(flat) - mean * mean)))


def _sharpness(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) changes of grey (N, H, W) to the next pixel, relative to those to the next but one.

    The mean squared change over one pixel is a quarter of that over two where everything is smooth,
    and the same where neighbours know nothing of each other. Contrast and size cancel out, and the
    strongest edges count most, so that a blurred background does not make a photo blurred. NaN
    where nothing changes.
    """
    if min(grey.shape[1:]) < 3:
        return np.full(len(grey), np.nan)
    next_one = _mean_square(grey[:, 1:] - grey[:, :-1])
    next_one += _mean_square(grey[:, :, 1:] - grey[:, :, :-1])
    next_but_one = _mean_square(grey[:, 2:] - grey[:, :-2])
    next_but_one += _mean_square(grey[:, :, 2:] - grey[:, :, :-2])
    next_but_one[next_but_one == 0] = np.nan
    return np.clip((next_one / next_but_one - 0.25) / 0.75, 0.0, 1.0)


def _mean_square(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) means of the squares of values (N, ...)."""
    flat = values.reshape(len(values), -1)
    return np.asarray(np.vecdot(flat, flat).astype(np.float64) / flat.shape[1])


def is_grey(statistics: NDArray[np.void]) -> NDArray[np.bool_]:
    """(N,) whether images have no colour, also where their file has three channels."""
    apart = np.ptp(statistics["mean"], axis=1) + np.ptp(statistics["square"], axis=1)
    return np.asarray((statistics["channels"] == 1) | (apart < SAME_CHANNELS))


def channel_moments(
    statistics: NDArray[np.void], channels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (C,) and mean of squares (C,) over images with equal weights, 0 to 1.

    Args:
        statistics: (N,) image statistics.
        channels: 1 for the images in grey, 3 for the images in colour.
    """
    mean, square = statistics["mean"].astype(np.float64), statistics["square"].astype(np.float64)
    if channels == 3:
        return mean.mean(axis=0), square.mean(axis=0)
    is_grey = statistics["channels"] == 1
    grey = np.where(is_grey, mean[:, 0], mean @ LUMA)
    contrast = statistics["contrast"].astype(np.float64)
    grey_square = np.where(is_grey, square[:, 0], contrast**2 + grey**2)
    return np.array([grey.mean()]), np.array([grey_square.mean()])
