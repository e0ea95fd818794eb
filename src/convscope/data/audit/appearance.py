"""Appearance: pictures that are empty, dark, light, flat or blurry, judged by the survey's facts.

A picture is only reported if it is out of bounds in itself and far from the others of the data set:
X-rays may all be dark, and digits all flat. Bounds were set on photos (flowers, hymenoptera), on
these blurred with a Gaussian of 2 to 12 pixels, and on MNIST: of these 71,000 images
one is reported, the placeholder of a failed download.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.findings import Examined, Finding, finding

EMPTY_CONTRAST = 0.004  # a standard deviation of one step of 255
DARK = 0.25  # all but a twentieth of the picture is darker
LIGHT = 0.75  # all but a twentieth of the picture is lighter
DARK_CONTRAST = 0.06  # a lone flower before black has 0.07, thin white digits have 0.125
LIGHT_CONTRAST = 0.10  # a line of text on white has 0.07
LOW_CONTRAST = 0.04
BLURRY = 0.05  # photos have 0.07 to 0.9, blurred by 3 pixels 0.006 to 0.04
USUALLY_SHARP = 0.1  # where the median is below, smooth pictures are nothing unusual
FAR_BELOW = 0.25  # share of the data set's median
FAR_FROM = 0.25  # in brightness, from the data set's median


def find_appearance(examined: Examined) -> Iterator[Finding]:
    """Pictures in which little can be seen; each is reported for its first fault alone."""
    rows = examined.readable
    if not len(rows):
        return
    facts = examined.facts[rows]
    left = np.ones(len(rows), dtype=bool)
    for kind, (mask, measure, words) in _faults(facts).items():
        chosen = np.flatnonzero(mask & left)
        left[chosen] = False
        if len(chosen):
            worst_first = chosen[np.argsort(measure[chosen], kind="stable")]
            reasons = {int(rows[i]): words.format(abs(float(measure[i]))) for i in worst_first}
            yield finding(kind, severity="warning", images=examined.images(reasons))


def _faults(
    facts: NDArray[np.void],
) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.float32], str]]:
    """For each kind: who has it, by what (the least is the worst), and the words for that."""
    contrast, sharpness = facts["contrast"], facts["sharpness"]
    brightness = facts["mean"].mean(axis=1)
    usual = float(np.median(brightness))
    known = sharpness[~np.isnan(sharpness)]
    usual_sharpness = float(np.median(known)) if len(known) else 0.0
    return {
        "empty_pictures": (contrast < EMPTY_CONTRAST, contrast, "has one colour only"),
        "dark": (
            (contrast < DARK_CONTRAST)
            & (facts["lightest"] < DARK)
            & (brightness < usual - FAR_FROM / 2),
            brightness,
            "has a mean brightness of {:.0%}",
        ),
        "light": (
            (contrast < LIGHT_CONTRAST)
            & (facts["darkest"] > LIGHT)
            & (brightness > usual + FAR_FROM),
            -brightness,
            "has a mean brightness of {:.0%}",
        ),
        "low_contrast": (
            (contrast < LOW_CONTRAST) & (contrast < FAR_BELOW * np.median(contrast)),
            contrast,
            "has a contrast of {:.1%}",
        ),
        "blurry": (
            (usual_sharpness > USUALLY_SHARP)
            & (sharpness < BLURRY)
            & (sharpness < FAR_BELOW * usual_sharpness),
            sharpness,
            "has a sharpness of {:.3f}",
        ),
    }
