"""Preprocessing: from an image of any size to the network's input. Needs numpy and Pillow only.

It is part of the classifier, so that training, evaluation and prediction prepare an image with the
same code. The resize gives uint8 pixels; `mean` and `std` are applied to them on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.data.decoding.content import DEFAULT_DECODING, Decoding

if TYPE_CHECKING:  # prediction with an exported file needs no pydantic
    from convscope.recipe import Fit

MAX_ASPECT_RATIO = 100


class ResizeGeometry(Protocol):
    """A resize to a fixed size: `Preprocessing`, or `PreCrop` for images that are then cropped."""

    @property
    def height(self) -> int:
        """Height in pixels."""
        ...

    @property
    def width(self) -> int:
        """Width in pixels."""
        ...

    @property
    def channels(self) -> int:
        """Number of channels, 1 or 3."""
        ...

    @property
    def geometry(self) -> str:
        """Everything besides decoding that decides the pixels that `apply` gives."""
        ...

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width, channels) of an image (H, W, C), both 0 to 255."""
        ...

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Whether images of this shape (H, W, C) stay as they are."""
        ...


def with_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, channels) of an image (H, W, C): colours made grey, or grey repeated."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 1:
        return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, np.newaxis]
    return np.repeat(pixels, 3, axis=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How an image becomes the network's input.

    Attributes:
        height: Height of the input in pixels.
        width: Width of the input in pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        fit: `crop` resizes the shorter side and cuts the centre, `pad` resizes the longer side
            and adds black borders, `stretch` changes the aspect ratio.
        resize: Shorter side in pixels before the cut of `crop`; None for as little as
            covers the input, which is also the least.
        mean: Mean of each channel, on a scale of 0 to 1, subtracted after the division by 255.
        std: Standard deviation of each channel, which is then divided by.
        value_range: The values of 12-, 16- and 32-bit and float images that become 0 and 255; None
            for the range of their type. See `Decoding`.
    """

    height: int
    width: int
    channels: int
    fit: Fit = "crop"
    resize: int | None = None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: tuple[float, float] | None = None

    def decoding(self, others: Decoding = DEFAULT_DECODING) -> Decoding:
        """The decoding options for images that are prepared in this way.

        Args:
            others: Options for limits and formats, which are no part of the preprocessing.
        """
        return replace(others, value_range=self.value_range)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width, channels) of an image (H, W, C), both 0 to 255."""
        pixels = with_channels(pixels, self.channels)
        if self.keeps(pixels.shape):
            return pixels
        if self.fit == "crop":
            pixels = _without_far_ends(pixels)
        image = Image.fromarray(pixels[:, :, 0] if self.channels == 1 else pixels)
        if self.fit == "crop":
            fitted = self._crop(image)
        elif self.fit == "pad":
            fitted = self._pad(image)
        else:
            fitted = _resize(image, (self.width, self.height))
        return np.asarray(fitted).reshape(self.height, self.width, self.channels)

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Whether images of this shape (H, W, C) stay as they are."""
        return shape == (self.height, self.width, self.channels) and self.resize is None

    def fraction_cut_off(self, height: int, width: int) -> float:
        """The fraction of the area of an image of this size that `fit` cuts away, 0 to 1."""
        if self.fit != "crop" or self.keeps((height, width, self.channels)):
            return 0.0
        inner_height, inner_width = (min(side, _longest(height, width)) for side in (height, width))
        resized_width, resized_height = self._covering_size(inner_width, inner_height)
        kept = self.height * self.width / (resized_height * resized_width)
        return 1 - kept * (inner_height * inner_width) / (height * width)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the network's input."""
        return self.channels, self.height, self.width

    @property
    def geometry(self) -> str:
        """Everything besides decoding that decides prepared pixels; not mean and std."""
        return f"{self.height}x{self.width}x{self.channels} {self.fit} {self.resize or ''}".rstrip()

    def describe(self) -> str:
        """The preprocessing in one sentence."""
        size = f"{self.height}x{self.width}"
        shorter = self.resize or (self.width if self.width == self.height else None)
        resized = f"shorter side resized to {shorter} px" if shorter else f"resized to cover {size}"
        geometry = {
            "crop": f"{resized}, centre cut to {size}",
            "pad": f"longer side resized into {size}, black borders added",
            "stretch": f"resized to {size} whatever the aspect ratio",
        }[self.fit]
        colours = "grey" if self.channels == 1 else "RGB"
        mean = ", ".join(f"{value:.4g}" for value in self.mean)
        std = ", ".join(f"{value:.4g}" for value in self.std)
        span = ""
        if self.value_range is not None:
            low, high = self.value_range
            span = f"values of more than 8 bits from {low:g} to {high:g} brought to 0 to 255, "
        return (
            f"{span}{colours}, {geometry} (bilinear, antialiased), divided by 255, "
            f"mean {mean} subtracted, divided by {std}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        span = None if self.value_range is None else list(self.value_range)
        lists = {"mean": list(self.mean), "std": list(self.std), "value_range": span}
        return {**asdict(self), **lists}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The preprocessing that `to_dict` described."""
        fields = dict(values)
        for name in ("mean", "std", "value_range"):
            if fields.get(name) is not None:
                fields[name] = tuple(fields[name])
        return cls(**fields)

    def _covering_size(self, width: int, height: int) -> tuple[int, int]:
        """The width and height that an image of this size is resized to before the cut.

        The longer side is rounded down, like the resizing that published ImageNet weights were
        trained with; another rounding moves every pixel.
        """
        if width <= height:
            shorter = max(self.resize or 0, self.width, -(-self.height * width // height))
            return shorter, int(shorter * height / width)
        shorter = max(self.resize or 0, self.height, -(-self.width * height // width))
        return int(shorter * width / height), shorter

    def _crop(self, image: Image.Image) -> Image.Image:
        resized = _resize(image, self._covering_size(image.width, image.height))
        # The corner is rounded half to even, as above.
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


def _longest(height: int, width: int) -> int:
    return MAX_ASPECT_RATIO * min(height, width)


def _without_far_ends(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of an image that is extremely long, whose whole would be resized to gigabytes."""
    height, width = pixels.shape[:2]
    longest = _longest(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return pixels[top : top + min(height, longest), left : left + min(width, longest)]


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR)
