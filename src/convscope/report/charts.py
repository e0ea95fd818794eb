"""Small charts as plain numbers, which templates draw as SVG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BARS = 32
LOGARITHMIC_FROM = 8.0  # largest to smallest; beyond that, equal steps are equal ratios


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: from `low` to `high` there are `count`; `height` is 0 to 1."""

    low: float
    high: float
    count: int
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values occur.

    Attributes:
        bars: From the smallest value to the largest, of equal width on the page.
        ticks: Values with their places, 0 (left) to 1 (right).
        is_logarithmic: Whether equal steps are equal ratios.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, float], ...]
    is_logarithmic: bool


def histogram(values: NDArray[np.float64]) -> Histogram | None:
    """A histogram of positive values; None where all are the same."""
    smallest, largest = float(values.min()), float(values.max())
    if smallest == largest:
        return None
    is_logarithmic = smallest > 0 and largest / smallest > LOGARITHMIC_FROM
    space = np.geomspace if is_logarithmic else np.linspace
    edges = space(smallest, largest, BARS + 1)
    edges[0], edges[-1] = smallest, largest
    counts, _ = np.histogram(values, bins=edges)
    bars = tuple(
        Bar(float(low), float(high), int(count), float(count / counts.max()))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    places = np.linspace(0, 1, 5)
    ticks = space(smallest, largest, 5)
    return Histogram(
        bars,
        tuple((float(tick), float(place)) for tick, place in zip(ticks, places, strict=True)),
        is_logarithmic,
    )
