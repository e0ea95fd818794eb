"""Shortcuts: properties of files that give the class away, whatever the picture shows.

If all cats came as PNG and all dogs as JPEG, a network can learn the traces of compression and
look excellent. For each class and each plain property of a file, the best one-step rule (a set of
values, or a threshold) is searched that tells the class from the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.audit.findings import Examined, Finding, finding
from convscope.data.index.statistics import is_grey

MIN_IMAGES = 20  # of a class and of the others; among fewer, chance makes perfect rules
GIVEN_AWAY = 0.95  # balanced accuracy of a rule about the file
GIVEN_AWAY_BY_LIGHT = 0.98  # brightness and colour may well belong to the class
COMMON_VALUES = 20  # categories that are told apart; the rest counts as one
THRESHOLDS = 256  # numbers are told apart by so many

_FILE_ADVICE = (
    "Bring all pictures into the same form before training, and test on pictures from elsewhere."
)
_LIGHT_ADVICE = (
    "Make sure that this belongs to the class and not to how its pictures were taken; "
    "test on pictures from elsewhere."
)


class Feature(NamedTuple):
    """A plain property of M images.

    Attributes:
        codes: (M,) code of each image's value.
        categories: Name of each code; empty for numbers, whose order means something.
        edges: Thresholds between each number and the next; empty for categories.
    """

    codes: NDArray[np.int64]
    categories: tuple[str, ...]
    edges: NDArray[np.float64]


class Rule(NamedTuple):
    """A one-step rule that tells one class from the others.

    Attributes:
        description: The rule, for instance `is PNG`, `is above 640`.
        score: Balanced accuracy of the rule.
        inside: Fraction of the class that it holds for.
        outside: Fraction of the others that it holds for.
    """

    description: str
    score: float
    inside: float
    outside: float


def find_shortcuts(examined: Examined) -> Iterator[Finding]:
    """Findings about properties that nearly give a class away; of related ones, the clearest."""
    classes = examined.dataset.classes
    labels = examined.dataset.labels[examined.readable]
    counts = np.bincount(labels, minlength=len(classes))
    large = np.flatnonzero((counts >= MIN_IMAGES) & (len(labels) - counts >= MIN_IMAGES))
    if len(classes) == 2:
        large = large[:1]  # what tells one from the other tells the other from the one
    if not len(large):
        return
    for family, features in _features(examined).items():
        is_light = family in ("brightness", "colour")
        least = GIVEN_AWAY_BY_LIGHT if is_light else GIVEN_AWAY
        rules = {name: best_rules(feature, labels, counts) for name, feature in features.items()}
        lines = []
        for c in large:
            name = max(rules, key=lambda name: rules[name][c].score)
            rule = rules[name][c]
            if rule.score >= least:
                lines.append(
                    f"{name} {rule.description}: {rule.inside:.1%} of `{classes[c]}`, "
                    f"{rule.outside:.1%} of the others"
                )
        if lines:
            advice = _LIGHT_ADVICE if is_light else _FILE_ADVICE
            yield finding(
                "shortcut", severity="warning", details=lines, feature=family, advice=advice
            )


def best_rules(
    feature: Feature, labels: NDArray[np.int64], counts: NDArray[np.int64]
) -> list[Rule]:
    """For each class, the rule that best tells its images from the others.

    Args:
        feature: A property of M images.
        labels: (M,) class index of each image.
        counts: (K,) number of images of each class.
    """
    num_values = max(len(feature.categories), len(feature.edges) + 1)
    cells = np.bincount(labels * num_values + feature.codes, minlength=len(counts) * num_values)
    table = cells.reshape(len(counts), num_values)
    inside = table / np.maximum(1, counts)[:, np.newaxis]
    outside = (table.sum(axis=0) - table) / np.maximum(1, len(labels) - counts)[:, np.newaxis]
    if feature.categories:
        return [
            _set(feature.categories, mine, rest) for mine, rest in zip(inside, outside, strict=True)
        ]
    return [
        _threshold(feature.edges, mine, rest)
        for mine, rest in zip(inside.cumsum(axis=1), outside.cumsum(axis=1), strict=True)
    ]


def of_categories(values: Sequence[str]) -> Feature:
    """A feature of M category names; rare ones count as one, as they would make rules by chance."""
    known, codes, counts = np.unique(
        np.array(values, dtype=str), return_inverse=True, return_counts=True
    )
    common = np.sort(np.argsort(-counts, kind="stable")[:COMMON_VALUES])
    code = np.full(len(known), len(common))
    code[common] = np.arange(len(common))
    names = tuple(str(known[i]) or "none" for i in common)
    return Feature(code[codes].astype(np.int64), (*names, "another"), np.zeros(0))


def of_numbers(values: NDArray[np.float64]) -> Feature:
    """A feature of M numbers, told apart by at most `THRESHOLDS` thresholds."""
    known = np.unique(values)
    edges = (known[1:] + known[:-1]) / 2
    if len(edges) > THRESHOLDS:
        edges = np.unique(np.quantile(edges, np.linspace(0, 1, THRESHOLDS)))
    return Feature(np.searchsorted(edges, values).astype(np.int64), (), edges)


def _set(names: tuple[str, ...], inside: NDArray[np.float64], outside: NDArray[np.float64]) -> Rule:
    members = inside > outside
    mine, others = float(inside[members].sum()), float(outside[members].sum())
    chosen = " or ".join(name for name, member in zip(names, members, strict=True) if member)
    return Rule(f"is {chosen}", (mine + 1 - others) / 2, mine, others)


def _threshold(
    edges: NDArray[np.float64], inside: NDArray[np.float64], outside: NDArray[np.float64]
) -> Rule:
    """The rule of the best threshold, from the fractions below each edge."""
    if not len(edges):
        return Rule("is the same everywhere", 0.5, 1.0, 1.0)
    inside, outside = inside.clip(0, 1), outside.clip(0, 1)  # sums of fractions, rounded
    gains = (inside - outside)[:-1]
    cut = int(np.abs(gains).argmax())
    mine, others = float(inside[cut]), float(outside[cut])
    if gains[cut] >= 0:
        return Rule(f"is below {edges[cut]:.4g}", (mine + 1 - others) / 2, mine, others)
    return Rule(f"is above {edges[cut]:.4g}", (1 - mine + others) / 2, 1 - mine, 1 - others)


def _features(examined: Examined) -> dict[str, dict[str, Feature]]:
    """What a network could learn instead of the picture; related properties stand together."""
    rows = examined.statistics[examined.readable]
    heights, widths = rows["height"].astype(np.float64), rows["width"].astype(np.float64)
    sizes = [f"{width:.0f}x{height:.0f}" for height, width in zip(heights, widths, strict=True)]
    colours = np.where(is_grey(rows), "grey", "in colour").tolist()
    suffixes = [PurePosixPath(examined.name(i)).suffix for i in examined.readable]
    return {
        "file format": {
            "the format": of_categories(rows["format"].astype(str).tolist()),
            "the colour mode": of_categories(rows["mode"].astype(str).tolist()),
            "the file extension": of_categories(suffixes),
        },
        "colour": {"the picture": of_categories(colours)},
        "size": {
            "width x height": of_categories(sizes),
            "the height": of_numbers(heights),
            "the width": of_numbers(widths),
            "width / height": of_numbers(widths / np.maximum(1, heights)),
        },
        "brightness": {
            "the mean brightness": of_numbers(rows["mean"].mean(axis=1).astype(np.float64))
        },
    }
