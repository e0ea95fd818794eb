"""Error analysis: wrong predictions, suspected labels, and slices of the data that do worse.

A slice is a group of images, by a column of a table or by what the images are like. Many slices are
tested, so that some look worse by chance: p-values are adjusted for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.evaluation.comparison import holm
from convscope.evaluation.intervals import CONFIDENCE, Estimate, Record, proportion
from convscope.evaluation.outputs import Outputs

KEPT = 50  # images or pairs of classes of each kind
FEWEST_IMAGES = 10  # in a slice, and outside of it
MOST_VALUES = 50  # of a column; one with more identifies images rather than groups them


@dataclass(frozen=True, slots=True)
class ConfusedPair(Record):
    """Two classes of which one was predicted as the other.

    Attributes:
        label: The true class.
        predicted: The predicted class.
        num_images: Number of images.
        share: Fraction of the images of `label`.
    """

    label: str
    predicted: str
    num_images: int
    share: float


@dataclass(frozen=True, slots=True)
class ClassifiedImage(Record):
    """An evaluated image with its prediction.

    Attributes:
        index: Index among the evaluated images.
        name: What a user calls it.
        label: The true class.
        predicted: The predicted class.
        probability: Probability of `predicted`.
        label_probability: Probability of `label`.
        loss: Negative log of `label_probability`, in nats.
    """

    index: int
    name: str
    label: str
    predicted: str
    probability: float
    label_probability: float
    loss: float

    @property
    def is_right(self) -> bool:
        """Whether the predicted class is the true one."""
        return self.label == self.predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes(Record):
    """The mistakes of a classifier, the worst first, at most `KEPT` of each kind.

    Attributes:
        num_wrong: Number of images that are classified wrongly.
        pairs: Pairs of classes that are confused most often.
        worst: Wrong images with the highest losses.
        unsure: Images with the lowest confidence, right or wrong.
        suspects: Images whose label is likely wrong.
    """

    num_wrong: int
    pairs: tuple[ConfusedPair, ...]
    worst: tuple[ClassifiedImage, ...]
    unsure: tuple[ClassifiedImage, ...]
    suspects: tuple[ClassifiedImage, ...]


def find_mistakes(outputs: Outputs, names: Sequence[str]) -> Mistakes:
    """The mistakes of a classifier.

    Args:
        outputs: Outputs for N images.
        names: Names of the N images.
    """
    wrong = np.flatnonzero(~outputs.is_correct)
    return Mistakes(
        num_wrong=len(wrong),
        pairs=_confused_pairs(outputs),
        worst=classified_images(
            outputs, names, wrong[np.argsort(-outputs.losses[wrong], kind="stable")]
        ),
        unsure=classified_images(outputs, names, np.argsort(outputs.confidences, kind="stable")),
        suspects=classified_images(outputs, names, suspected_labels(outputs)),
    )


def suspected_labels(outputs: Outputs) -> NDArray[np.int64]:
    """Indices of images whose label is likely wrong, the likeliest first.

    An image is suspected if another class is at least as probable as it is on average for images
    of that class, and its own class less probable than on average. Source: confident joint,
    Northcutt, Jiang, Chuang 2021, section 3.1; the order is that of the normalised margin there.
    """
    targets = outputs.target_probabilities
    sums = np.bincount(outputs.targets, weights=targets, minlength=len(outputs.classes))
    counts = np.bincount(outputs.targets, minlength=len(outputs.classes))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    is_suspect = (
        ~outputs.is_correct
        & (outputs.confidences >= means[outputs.predicted])
        & (targets < means[outputs.targets])
    )
    found = np.flatnonzero(is_suspect)
    margin = outputs.confidences[found] - targets[found]
    return found[np.argsort(-margin, kind="stable")]


def _confused_pairs(outputs: Outputs) -> tuple[ConfusedPair, ...]:
    num_classes = len(outputs.classes)
    support = np.bincount(outputs.targets, minlength=num_classes)
    wrong = ~outputs.is_correct
    cells = outputs.targets[wrong] * num_classes + outputs.predicted[wrong]
    present, counts = np.unique(cells, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:KEPT]
    return tuple(
        ConfusedPair(
            outputs.classes[label], outputs.classes[predicted], int(count), float(count / total)
        )
        for label, predicted, count, total in zip(
            present[order] // num_classes,
            present[order] % num_classes,
            counts[order],
            support[present[order] // num_classes],
            strict=True,
        )
    )


def classified_images(
    outputs: Outputs, names: Sequence[str], indices: NDArray[np.int64]
) -> tuple[ClassifiedImage, ...]:
    """The first `KEPT` of some images, given by their indices."""
    return tuple(
        ClassifiedImage(
            index=int(index),
            name=names[index],
            label=outputs.classes[outputs.targets[index]],
            predicted=outputs.classes[outputs.predicted[index]],
            probability=float(outputs.confidences[index]),
            label_probability=float(outputs.target_probabilities[index]),
            loss=float(outputs.losses[index]),
        )
        for index in indices[:KEPT]
    )


@dataclass(frozen=True, slots=True)
class Slice(Record):
    """A group of images, with the accuracy on it.

    Attributes:
        grouped_by: Name of the property: a column of the data's table, or one of
            `image_properties`.
        value: Value of the property that the images share: a text, or a range of numbers.
        accuracy: Accuracy on the group.
        rest_accuracy: Accuracy on all other images.
        num_images: Number of images in the group.
        p_value: The p-value of Fisher's exact test, adjusted for the number of groups.
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
        return {**Record.to_dict(self), "is_worse": self.is_worse}


def find_slices(
    is_correct: NDArray[np.bool_], properties: Mapping[str, Sequence[str] | NDArray[np.float64]]
) -> tuple[Slice, ...]:
    """All groups that are large enough, those that do significantly worse first.

    Args:
        is_correct: (N,) whether each image is classified correctly.
        properties: (N,) texts, or numbers, which are cut into quartiles; by name.
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


def image_properties(
    statistics: NDArray[np.void],
) -> dict[str, Sequence[str] | NDArray[np.float64]]:
    """The properties in which images differ, by name.

    Args:
        statistics: (N,) image statistics, of `data.index.statistics`.
    """
    heights, widths = (statistics[name].astype(np.float64) for name in ("height", "width"))
    found: dict[str, Sequence[str] | NDArray[np.float64]] = {
        "shorter_side_px": np.minimum(heights, widths),
        "aspect_ratio": widths / heights,
        "brightness": statistics["mean"].mean(axis=1).astype(np.float64),
        "contrast": statistics["contrast"].astype(np.float64),
        "sharpness": statistics["sharpness"].astype(np.float64),
        "colour_mode": [mode.decode() for mode in statistics["mode"]],
        "file_format": [name.decode() for name in statistics["format"]],
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _groups(
    values: Sequence[str] | NDArray[np.float64],
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The groups of one property: value, and which images belong to it."""
    if isinstance(values, np.ndarray):
        yield from _quartiles(values)
        return
    texts = np.array(values, dtype=object)
    present = sorted(set(values))
    if 1 < len(present) <= MOST_VALUES:
        for value in present:
            yield value, texts == value


def _quartiles(values: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Lowest quartile, middle half and highest quartile, as far as they differ."""
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
    """The p-value of Fisher's exact test between a group and the rest."""
    from scipy.stats import fisher_exact

    right = [int(is_correct[chosen].sum()), int(is_correct[~chosen].sum())]
    totals = [int(chosen.sum()), int((~chosen).sum())]
    table = [right, [total - count for total, count in zip(totals, right, strict=True)]]
    return float(fisher_exact(table).pvalue)
