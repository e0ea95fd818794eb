"""Labels that look wrong, as a finding: a list to look through, never a verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.findings import Examined, Finding, finding


def find_suspicious_labels(
    examined: Examined,
    pixels_of: Callable[[int], NDArray[np.uint8]],
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[Finding], str]:
    """Labels that a simple classifier doubts, and how it was done in words.

    Args:
        examined: The data.
        pixels_of: Gives the pixels (H, W, C) of an image.
        on_progress: Called with the number of images just done.
    """
    from convscope.data.audit.labels import suspicious_labels  # brings torch

    dataset = examined.dataset
    judged = suspicious_labels(
        pixels_of, dataset.labels, dataset.classes, examined.readable, on_progress
    )
    if not judged.suspicions or judged.accuracy is None:
        return [], judged.words
    images = [
        examined.image(
            suspicion.index,
            f"labelled `{dataset.classes[suspicion.label]}`, looks like "
            f"`{dataset.classes[suspicion.suggested]}` (the probe says "
            f"{suspicion.probability_of_label:.0%} against "
            f"{suspicion.probability_of_suggested:.0%})",
        )
        for suspicion in judged.suspicions
    ]
    accuracy = f"{judged.accuracy:.0%}"
    found = finding("suspicious_labels", severity="warning", images=images, accuracy=accuracy)
    return [found], judged.words
