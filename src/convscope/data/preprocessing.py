"""Preprocessing: from an image of any size to the network's input. Needs numpy and Pillow only.

It is part of the classifier, so that training, evaluation and prediction prepare an image through
the same code. Geometry gives uint8 pixels; `mean` and `std` are applied to them on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_ASPECT_RATIO = 100

Fit = Literal["crop", "pad", "stretch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How an image becomes the network's input.

    Attributes:
        height: Of the input, in pixels.
        width: Of the input, in pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        fit: `crop` resizes the shorter side and cuts the centre, `pad` resizes the longer side
            and adds black borders, `stretch` changes the aspect ratio.
        resize: With `crop`: the shorter side in pixels before the cut; None for just the input's
            size.
        mean: Per channel, on a scale of 0 to 1, subtracted after the division by 255.
        std: Per channel, on a scale of 0 to 1, divided by after that.
    """

    height: int
    width: int
    channels: int
    fit: Fit = "crop"
    resize: int | None = None
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width, channels) of an image (H, W, C), both 0 to 255."""
        pixels = self._with_channels(pixels)
        if pixels.shape[:2] == (self.height, self.width) and self.resize is None:
            return pixels
        image = Image.fromarray(pixels[:, :, 0] if self.channels == 1 else pixels)
        fitted = np.asarray(_FITS[self.fit](self, image))
        return fitted.reshape(self.height, self.width, self.channels)

    def describe(self) -> str:
        """The preprocessing in one sentence."""
        size = f"{self.height}x{self.width}"
        geometry = {
            "crop": f"shorter side resized to {self._shorter_side()} px, centre cut to {size}",
            "pad": f"longer side resized into {size}, black borders added",
            "stretch": f"resized to {size} whatever the aspect ratio",
        }[self.fit]
        colours = "grey" if self.channels == 1 else "RGB"
        mean = ", ".join(f"{value:.4g}" for value in self.mean)
        std = ", ".join(f"{value:.4g}" for value in self.std)
        return (
            f"{colours}, {geometry} (bilinear, antialiased), divided by 255, "
            f"mean {mean} subtracted, divided by {std}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """What `to_dict` gave."""
        fields = dict(values)
        fields["mean"], fields["std"] = tuple(fields["mean"]), tuple(fields["std"])
        return cls(**fields)

    def _with_channels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        found = pixels.shape[2]
        if found == self.channels:
            return pixels
        if self.channels == 1:
            grey = np.asarray(Image.fromarray(pixels).convert("L"))
            return grey[:, :, np.newaxis]
        return np.repeat(pixels, 3, axis=2)

    def _shorter_side(self) -> int:
        return self.resize or max(self.height, self.width)

    def _crop(self, image: Image.Image) -> Image.Image:
        shorter = self._shorter_side()
        image = _without_far_ends(image)
        # The longer side is rounded down and the corner rounded half to even, like the resizing
        # that published ImageNet weights were trained with; another rounding moves every pixel.
        if image.width <= image.height:
            size = (shorter, int(shorter * image.height / image.width))
        else:
            size = (int(shorter * image.width / image.height), shorter)
        resized = _resize(image, size)
        left = round((resized.width - self.width) / 2.0)
        top = round((resized.height - self.height) / 2.0)
        return resized.crop((left, top, left + self.width, top + self.height))

    def _pad(self, image: Image.Image) -> Image.Image:
        ratio = min(self.width / image.width, self.height / image.height)
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        canvas = Image.new(image.mode, (self.width, self.height))
        canvas.paste(
            _resize(image, size), ((self.width - size[0]) // 2, (self.height - size[1]) // 2)
        )
        return canvas

    def _stretch(self, image: Image.Image) -> Image.Image:
        return _resize(image, (self.width, self.height))


_FITS = {
    "crop": Preprocessing._crop,
    "pad": Preprocessing._pad,
    "stretch": Preprocessing._stretch,
}


def _without_far_ends(image: Image.Image) -> Image.Image:
    """The middle of an image that is extremely long, whose whole would be resized to gigabytes."""
    longest = MAX_ASPECT_RATIO * min(image.size)
    if max(image.size) <= longest:
        return image
    left, top = max(0, image.width - longest) // 2, max(0, image.height - longest) // 2
    return image.crop((left, top, image.width - left, image.height - top))


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR)
