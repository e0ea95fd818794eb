"""Sizes and aspect ratios: what there is, what stands out, and what a network will see of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.findings import Examined, Finding, finding
from convscope.data.preprocessing import Preprocessing
from convscope.errors import counted

LONG = 5.0  # a panorama has 2 to 4
SMALL_SHARE = 0.25  # of the median shorter side
SMALL_PX = 64  # an image larger than that is never called very small
HUGE_PIXELS = 25_000_000
HUGE_TIMES = 16  # the median number of pixels
MUCH_CUT = 0.35  # of an image; a 3:2 photo loses a third of itself to a square, and that is usual
MANY_CUT = 0.1  # of the images


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity is spread over images: smallest, quarter points, largest."""

    smallest: float
    lower: float
    median: float
    upper: float
    largest: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Spread:
        """The spread of at least one value."""
        return cls(*(float(value) for value in np.quantile(values, (0, 0.25, 0.5, 0.75, 1))))


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the network will see of images.

    Attributes:
        fit: `crop`, `pad` or `stretch`.
        height: Of the input, in pixels.
        width: Of the input, in pixels.
        cut_off: Share of each image that is cut off, from none (0) to nearly all (1).
        enlarged: Share of the images that are smaller than the input in a direction.
    """

    fit: str
    height: int
    width: int
    cut_off: Spread
    enlarged: float


def sides(examined: Examined) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(M,) heights and widths of the M readable images."""
    rows = examined.facts[examined.readable]
    return rows["height"].astype(np.float64), rows["width"].astype(np.float64)


def shares_cut_off(
    heights: NDArray[np.float64], widths: NDArray[np.float64], preprocessing: Preprocessing
) -> NDArray[np.float64]:
    """(M,) share of each image that the network does not see."""
    pairs, inverse = np.unique(np.stack([heights, widths]), axis=1, return_inverse=True)
    shares = [preprocessing.share_cut_off(int(height), int(width)) for height, width in pairs.T]
    return np.array(shares)[inverse.reshape(-1)]


def fitted(examined: Examined, preprocessing: Preprocessing) -> Fitted | None:
    """What the network will see; None if no image can be read."""
    if not len(examined.readable):
        return None
    heights, widths = sides(examined)
    return Fitted(
        preprocessing.fit,
        preprocessing.height,
        preprocessing.width,
        Spread.of(shares_cut_off(heights, widths, preprocessing)),
        float(np.mean((heights < preprocessing.height) | (widths < preprocessing.width))),
    )


def find_shapes(examined: Examined, preprocessing: Preprocessing) -> Iterator[Finding]:
    """Images of extreme size or shape, and how much is cut off."""
    if not len(examined.readable):
        return
    heights, widths = sides(examined)
    longer, shorter = np.maximum(heights, widths), np.minimum(heights, widths)
    names = [
        f"has {height:.0f}x{width:.0f} pixels"
        for height, width in zip(heights, widths, strict=True)
    ]

    def chosen(mask: NDArray[np.bool_]) -> dict[int, str]:
        return {int(examined.readable[i]): names[i] for i in np.flatnonzero(mask)}

    if (long := longer > LONG * shorter).any():
        images = examined.images(chosen(long))
        yield finding("long", severity="warning", images=images, limit=f"{LONG:.0f}")
    usual = float(np.median(shorter))
    if (small := (shorter < SMALL_SHARE * usual) & (shorter < SMALL_PX)).any():
        images = examined.images(chosen(small))
        yield finding("small", severity="warning", images=images, usual=f"{usual:.0f}")
    pixels = heights * widths
    huge = (pixels > HUGE_PIXELS) & (pixels > HUGE_TIMES * np.median(pixels))
    if huge.any():
        yield finding("huge", severity="note", images=examined.images(chosen(huge)))
    cut = shares_cut_off(heights, widths, preprocessing)
    much = cut > MUCH_CUT
    if much.mean() > MANY_CUT:
        order = np.argsort(-cut, kind="stable")[: int(much.sum())]
        yield finding(
            "cut_off",
            severity="note",
            images=[
                examined.image(examined.readable[i], f"{names[i]}, {cut[i]:.0%} is cut off")
                for i in order
            ],
            size=f"{preprocessing.height}x{preprocessing.width}",
            limit=f"{MUCH_CUT:.0%}",
            count=counted(int(much.sum()), "image"),
            median=f"{np.median(cut[much]):.0%}",
        )
