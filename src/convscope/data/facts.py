"""Facts: what one image is like, measured when it is decoded and remembered after that.

Everything that judges or sorts images (the split, the audit, mean and std) works on facts, so that
no image has to be decoded for it again.
"""

from __future__ import annotations

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from convscope.data.decode import Decoded

VERSION = 1  # remembered facts of another version are measured again
SAMPLED_PX = 64  # at most so many rows and columns are looked at for mean and std
THUMBNAIL_PX = 16

FACTS = np.dtype(
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
        ("thumbnail", "u1", (THUMBNAIL_PX, THUMBNAIL_PX)),  # grey, whatever the aspect ratio
    ]
)


def measure(decoded: Decoded) -> NDArray[np.void]:
    """One row of `FACTS` for an image."""
    pixels = decoded.pixels
    row = np.zeros((), dtype=FACTS)
    row["pixels"] = hash_pixels(pixels)
    row["height"], row["width"], row["channels"] = pixels.shape
    step = max(1, -(-max(pixels.shape[:2]) // SAMPLED_PX))
    sample = pixels[::step, ::step].reshape(-1, pixels.shape[2]) / np.float32(255)
    row["mean"], row["square"] = sample.mean(axis=0), (sample * sample).mean(axis=0)
    row["format"], row["mode"] = decoded.format.encode(), decoded.mode.encode()
    row["orientation"], row["num_frames"] = decoded.orientation, decoded.num_frames
    row["is_truncated"] = decoded.is_truncated
    row["thumbnail"] = _thumbnail(pixels)
    return row


def hash_pixels(pixels: NDArray[np.uint8]) -> int:
    """A 64-bit hash of an image's shape and pixels (H, W, C)."""
    digest = xxhash.xxh3_64(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return int(digest.intdigest())


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("L")
    return np.asarray(image.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX))
