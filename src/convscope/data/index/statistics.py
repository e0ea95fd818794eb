"""Image statistics: what one image is like, measured when it is decoded and remembered after that.

Everything that judges or sorts images (the split, the audit, mean and std) works on statistics, so
that no image has to be decoded for it again.
"""

from __future__ import annotations

import math

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
    pixels = decoded.pixels
    row = np.zeros((), dtype=STATISTICS)
    row["pixels"] = hash_pixels(pixels)
    row["height"], row["width"], row["channels"] = pixels.shape
    row["mean"], row["square"] = _moments(pixels)
    row["format"], row["mode"] = decoded.format.encode(), decoded.mode.encode()
    row["orientation"], row["num_frames"] = decoded.orientation, decoded.num_frames
    row["is_truncated"] = decoded.is_truncated
    row["span"] = decoded.span
    grey = _small_grey(pixels)
    thumbnail = _shrunk(grey)
    row["thumbnail"] = thumbnail
    ordered = np.sort(thumbnail, axis=None)
    cut = int(EXTREME_SHARE * ordered.size)
    row["darkest"], row["lightest"] = ordered[cut] / 255, ordered[-1 - cut] / 255
    values = grey.astype(np.float32)
    row["contrast"] = _deviation(values) / 255
    row["sharpness"] = _sharpness(values)
    return row


def hash_pixels(pixels: NDArray[np.uint8]) -> int:
    """A 64-bit hash of an image's shape and pixels (H, W, C)."""
    digest = xxhash.xxh3_64(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return int(digest.intdigest())


def thumbnail_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The thumbnail in the statistics of an image (H, W, C)."""
    return _shrunk(_small_grey(pixels))


def _moments(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (C,) and mean of squares (C,) of the channels, 0 to 1."""
    step = max(1, -(-max(pixels.shape[:2]) // SAMPLED_PX))
    sample = pixels[::step, ::step].reshape(-1, pixels.shape[2]).astype(np.float32)
    square = np.einsum("nc,nc->c", sample, sample)  # many times as fast as `mean` along few columns
    return np.einsum("nc->c", sample) / (len(sample) * 255), square / (len(sample) * 255**2)


def _small_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image in grey (H, W); of a large one every so many-th pixel, so that size costs no time.

    Source: the weights of ITU-R BT.601, in 256ths.
    """
    step = max(1, min(pixels.shape[:2]) // GREY_PX)
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels[::step, ::step, 0])
    # Whole pixels at a time, lines first: twice as fast as a slice along three axes.
    lines = np.ascontiguousarray(pixels[::step]).view("V3")[:, ::step]
    small = np.ascontiguousarray(lines).view(np.uint8)
    grey = small[:, :, 0] * np.uint16(77)
    grey += small[:, :, 1] * np.uint16(150)
    grey += small[:, :, 2] * np.uint16(29)
    grey >>= 8
    return grey.astype(np.uint8)


def _shrunk(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The thumbnail: antialiased, and smooth where it is larger than the image.

    The thumbnails of one photo at different sizes must agree.
    """
    image = Image.fromarray(grey)
    return np.asarray(image.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR))


def _deviation(values: NDArray[np.float32]) -> float:
    """Standard deviation of values (H, W), without the temporaries of `numpy.std`."""
    flat = values.ravel()
    mean = float(flat.sum()) / flat.size
    return math.sqrt(max(0.0, float(flat @ flat) / flat.size - mean * mean))


def _sharpness(grey: NDArray[np.float32]) -> float:
    """The change of grey (H, W) from a pixel to the next, relative to that to the next but one.

    The mean squared change over one pixel is a quarter of that over two where everything is smooth,
    and the same where neighbours know nothing of each other. Contrast and size cancel out, and the
    strongest edges count most, so that a blurred background does not make a photo blurred.
    """
    if min(grey.shape) < 3:
        return float("nan")
    next_one = _change(grey[1:], grey[:-1]) + _change(grey[:, 1:], grey[:, :-1])
    next_but_one = _change(grey[2:], grey[:-2]) + _change(grey[:, 2:], grey[:, :-2])
    if not next_but_one:
        return float("nan")
    return min(1.0, max(0.0, (next_one / next_but_one - 0.25) / 0.75))


def _change(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean squared difference."""
    difference = (one - other).ravel()
    return float(difference @ difference) / difference.size


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
