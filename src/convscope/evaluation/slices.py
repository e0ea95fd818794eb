"""Slices: groups of images for which a classifier is worse than for the others.

Groups come from the columns of a table, or from what the images are like. Many groups are looked
at, so that some look worse by chance: p-values are adjusted for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.comparison import holm
from convscope.evaluation.intervals import CONFIDENCE, Estimate, named, proportion

FEWEST_IMAGES = 10  # of a group, and outside of it
MOST_VALUES = 50  # of a column; one with more names images rather than groups


@dataclass(frozen=True, slots=True)
class Slice:
    """A group of images.

    Attributes:
        grouped_by: What groups them: a column of the data's table, or one of `image_properties`.
        value: What they share: a word, or a range of numbers.
        accuracy: Among them.
        rest_accuracy: Among all others.
        num_images: Of the group.
        p_value: How likely a difference as large is by chance, adjusted for the number of groups.
    """

    grouped_by: str
    value: str
    accuracy: Estimate
    rest_accuracy: float
    num_images: int
    p_value: float

    @property
    def is_worse(self) -> bool:
        """Whether the classifier is significantly worse here."""
        return self.accuracy.value < self.rest_accuracy and self.p_value < 1 - CONFIDENCE

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "grouped_by": self.grouped_by,
            "value": self.value,
            **named("accuracy", self.accuracy),
            "rest_accuracy": self.rest_accuracy,
            "num_images": self.num_images,
            "p_value": self.p_value,
            "is_worse": self.is_worse,
        }


def find_slices(
    is_correct: NDArray[np.bool_], properties: Mapping[str, Sequence[str] | NDArray[np.float64]]
) -> tuple[Slice, ...]:
    """All groups that are large enough, the significantly worse ones first.

    Args:
        is_correct: (N,) whether each image is right.
        properties: (N,) words, or numbers, which are cut into quarters; by name.
    """
    groups = [
        (name, value, chosen)
        for name, values in properties.items()
        for value, chosen in _groups(values)
        if FEWEST_IMAGES <= chosen.sum() <= len(is_correct) - FEWEST_IMAGES
    ]
    adjusted = holm([_fisher(is_correct, chosen) for _, _, chosen in groups])
    found = [
        Slice(
            name,
            value,
            proportion(int(is_correct[chosen].sum()), int(chosen.sum())),
            float(is_correct[~chosen].mean()),
            int(chosen.sum()),
            p_value,
        )
        for (name, value, chosen), p_value in zip(groups, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: (not each.is_worse, each.accuracy.value)))


def image_properties(facts: NDArray[np.void]) -> dict[str, Sequence[str] | NDArray[np.float64]]:
    """What images are like, by name: those properties in which they differ.

    Args:
        facts: (N,) of `data.facts.FACTS`.
    """
    heights, widths = facts["height"].astype(np.float64), facts["width"].astype(np.float64)
    found: dict[str, Sequence[str] | NDArray[np.float64]] = {
        "shorter_side_px": np.minimum(heights, widths),
        "aspect_ratio": widths / heights,
        "brightness": facts["mean"].mean(axis=1).astype(np.float64),
        "contrast": facts["contrast"].astype(np.float64),
        "sharpness": facts["sharpness"].astype(np.float64),
        "colour_mode": [mode.decode() for mode in facts["mode"]],
        "file_format": [name.decode() for name in facts["format"]],
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _groups(
    values: Sequence[str] | NDArray[np.float64],
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The groups of one property, with which images belong to each."""
    if isinstance(values, np.ndarray):
        yield from _quarters(values)
        return
    words = np.array(values, dtype=object)
    present = sorted(set(values))
    if 1 < len(present) <= MOST_VALUES:
        for value in present:
            yield value, words == value


def _quarters(values: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Low, middle and high values, as far as they differ."""
    known = values[np.isfinite(values)]
    if not len(known):
        return
    lower, upper = np.quantile(known, [0.25, 0.75])
    if lower == upper:  # at least half of the images have the same value
        yield f"< {_short(lower)}", values < lower
        yield f"> {_short(upper)}", values > upper
        return
    yield f"≤ {_short(lower)}", values <= lower
    yield f"{_short(lower)} – {_short(upper)}", (values > lower) & (values < upper)
    yield f"≥ {_short(upper)}", values >= upper


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"  # not 1.02e+03 pixels


def _fisher(is_correct: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    """How likely a difference as large between a group and the rest is by chance."""
    from scipy.stats import fisher_exact

    right = [int(is_correct[chosen].sum()), int(is_correct[~chosen].sum())]
    totals = [int(chosen.sum()), int((~chosen).sum())]
    table = [right, [total - count for total, count in zip(totals, right, strict=True)]]
    return float(fisher_exact(table).pvalue)
