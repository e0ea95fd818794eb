"""Appearance: pictures that are empty, dark, light, flat or blurry, and images of odd sizes.

A picture is reported only if it is out of bounds in itself and far from the others of the data set:
X-rays may all be dark, and digits all flat. Bounds were set on photos (flowers, hymenoptera), on
these blurred with a Gaussian of 2 to 12 pixels, and on MNIST: of these 71,000 images
one is reported, the placeholder of a failed download.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.audit.findings import Examined, Finding, finding
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.text import counted

EMPTY_CONTRAST = 0.004  # a standard deviation of one step of 255
DARK = 0.25  # all but a twentieth of the picture is darker
LIGHT = 0.75  # all but a twentieth of the picture is lighter
DARK_CONTRAST = 0.06  # a lone flower before black has 0.07, thin white digits have 0.125
LIGHT_CONTRAST = 0.10  # a line of text on white has 0.07
LOW_CONTRAST = 0.04
BLURRY = 0.05  # photos have 0.07 to 0.9, blurred by 3 pixels 0.006 to 0.04
TYPICALLY_SHARP = 0.1  # where the median is below, smooth pictures are nothing unusual
FAR_BELOW = 0.25  # of the data set's median
FAR_FROM = 0.25  # in brightness, from the data set's median

LONG = 5.0  # a panorama has 2 to 4
SMALL_FRACTION = 0.25  # of the median shorter side
SMALL_PX = 64  # an image larger than that is never called very small
HUGE_PIXELS = 25_000_000
HUGE_TIMES = 16  # the median number of pixels
MUCH_CUT = 0.35  # of an image; cutting a square out of a 3:2 photo removes a third, which is common
MANY_CUT = 0.1  # of the images


@dataclass(frozen=True, slots=True)
class SizeRange:
    """The distribution of a quantity over images: smallest, quartiles, largest."""

    smallest: float
    lower: float
    median: float
    upper: float
    largest: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> SizeRange:
        """The range of at least one value."""
        return cls(*(float(value) for value in np.quantile(values, (0, 0.25, 0.5, 0.75, 1))))


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the network will see of images.

    Attributes:
        fit: `crop`, `pad` or `stretch`.
        height: Height of the input in pixels.
        width: Width of the input in pixels.
        cut_off: Fraction of each image that is cut off, from none (0) to nearly all (1).
        enlarged: Fraction of the images that are smaller than the input in one direction.
    """

    fit: str
    height: int
    width: int
    cut_off: SizeRange
    enlarged: float


def find_appearance(examined: Examined) -> Iterator[Finding]:
    """Findings about pictures in which little can be seen; each is reported for its first fault."""
    rows = examined.readable
    if not len(rows):
        return
    statistics = examined.statistics[rows]
    left = np.ones(len(rows), dtype=bool)
    for kind, (mask, measure, reason) in _faults(statistics).items():
        chosen = np.flatnonzero(mask & left)
        left[chosen] = False
        if len(chosen):
            worst_first = chosen[np.argsort(measure[chosen], kind="stable")]
            reasons = {int(rows[i]): reason.format(abs(float(measure[i]))) for i in worst_first}
            yield finding(kind, severity="warning", images=examined.images(reasons))


def _faults(
    statistics: NDArray[np.void],
) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.float32], str]]:
    """For each kind: which images have it, a measure (the least is the worst), and the reason."""
    contrast, sharpness = statistics["contrast"], statistics["sharpness"]
    brightness = statistics["mean"].mean(axis=1)
    typical = float(np.median(brightness))
    known = sharpness[~np.isnan(sharpness)]
    typical_sharpness = float(np.median(known)) if len(known) else 0.0
    return {
        "empty_pictures": (contrast < EMPTY_CONTRAST, contrast, "has one colour only"),
        "dark": (
            (contrast < DARK_CONTRAST)
            & (statistics["lightest"] < DARK)
            & (brightness < typical - FAR_FROM / 2),
            brightness,
            "has a mean brightness of {:.0%}",
        ),
        "light": (
            (contrast < LIGHT_CONTRAST)
            & (statistics["darkest"] > LIGHT)
            & (brightness > typical + FAR_FROM),
            -brightness,
            "has a mean brightness of {:.0%}",
        ),
        "low_contrast": (
            (contrast < LOW_CONTRAST) & (contrast < FAR_BELOW * np.median(contrast)),
            contrast,
            "has a contrast of {:.1%}",
        ),
        "blurry": (
            (typical_sharpness > TYPICALLY_SHARP)
            & (sharpness < BLURRY)
            & (sharpness < FAR_BELOW * typical_sharpness),
            sharpness,
            "has a sharpness of {:.3f}",
        ),
    }


def sides(examined: Examined) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(M,) heights and (M,) widths of the M readable images."""
    rows = examined.statistics[examined.readable]
    return rows["height"].astype(np.float64), rows["width"].astype(np.float64)


def fractions_cut_off(
    heights: NDArray[np.float64], widths: NDArray[np.float64], preprocessing: Preprocessing
) -> NDArray[np.float64]:
    """(M,) fraction of each image that the network does not see."""
    pairs, inverse = np.unique(np.stack([heights, widths]), axis=1, return_inverse=True)
    fractions = [
        preprocessing.fraction_cut_off(int(height), int(width)) for height, width in pairs.T
    ]
    return np.array(fractions)[inverse.reshape(-1)]


def fitted(examined: Examined, preprocessing: Preprocessing) -> Fitted | None:
    """What the network will see of the images; None if none can be read."""
    if not len(examined.readable):
        return None
    heights, widths = sides(examined)
    return Fitted(
        preprocessing.fit,
        preprocessing.height,
        preprocessing.width,
        SizeRange.of(fractions_cut_off(heights, widths, preprocessing)),
        float(np.mean((heights < preprocessing.height) | (widths < preprocessing.width))),
    )


def find_shapes(examined: Examined, preprocessing: Preprocessing) -> Iterator[Finding]:
    """Findings about images of extreme size or shape, and about how much is cut off."""
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
    typical = float(np.median(shorter))
    if (small := (shorter < SMALL_FRACTION * typical) & (shorter < SMALL_PX)).any():
        images = examined.images(chosen(small))
        yield finding("small", severity="warning", images=images, typical=f"{typical:.0f}")
    pixels = heights * widths
    huge = (pixels > HUGE_PIXELS) & (pixels > HUGE_TIMES * np.median(pixels))
    if huge.any():
        yield finding("huge", severity="note", images=examined.images(chosen(huge)))
    cut = fractions_cut_off(heights, widths, preprocessing)
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
