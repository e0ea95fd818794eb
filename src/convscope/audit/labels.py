"""Labels: which of them a trained classifier contradicts, or that none was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convscope.audit.findings import Examined, Finding, finding
from convscope.text import counted


class SuspectLabel(NamedTuple):
    """An image whose label a classifier contradicts.

    Attributes:
        row: Index of the image in the data set.
        predicted: The class that it finds instead.
        probability: Probability of that class.
        label_probability: Probability of the image's own class.
        is_cross_validated: Whether these are of a linear classifier that was trained without the
            image; else they are of the classifier itself, which was not trained on it.
    """

    row: int
    predicted: str
    probability: float
    label_probability: float
    is_cross_validated: bool


class JudgedLabels(NamedTuple):
    """The labels of a data set, judged by a trained classifier.

    Attributes:
        run: The run that the classifier is from, as a user calls it.
        suspects: Images whose label it contradicts, the likeliest errors first.
        num_held_out: Number of images that it was not trained on.
        num_validation: Number of those that chose its epoch.
        num_cross_validated: Number of images that it was trained on.
        num_unjudged: Number of images whose class has too few others.
        are_features_trained: Whether layers before the last were trained on the labels too.
    """

    run: str
    suspects: Sequence[SuspectLabel]
    num_held_out: int
    num_validation: int
    num_cross_validated: int
    num_unjudged: int
    are_features_trained: bool


def find_suspect_labels(examined: Examined, judged: JudgedLabels | None) -> Iterator[Finding]:
    """The finding that lists suspect labels, or says that there are none or nobody looked."""
    if judged is None:
        yield finding("labels_not_judged", severity="note")
        return
    images = [
        examined.image(
            suspect.row,
            f"looks like `{suspect.predicted}` ({suspect.probability:.0%}; its own class "
            f"{suspect.label_probability:.0%}; {_source(suspect)})",
        )
        for suspect in judged.suspects
    ]
    kind = "suspect_labels" if images else "no_suspect_labels"
    yield finding(
        kind,
        severity="warning" if images else "note",
        images=images,
        details=list(_how_judged(judged)),
        run=judged.run,
    )


def _source(suspect: SuspectLabel) -> str:
    return "cross-validated" if suspect.is_cross_validated else "not trained on"


def _how_judged(judged: JudgedLabels) -> Iterator[str]:
    """Sentences on what the probabilities are from, and what of them is out of sample."""
    if judged.num_held_out:
        line = f"{counted(judged.num_held_out, 'image')} that `{judged.run}` was not trained on: "
        line += "by its classifier"
        if judged.num_validation:
            line += f" ({judged.num_validation:,} of them chose its epoch and temperature)"
        yield line
    if judged.num_cross_validated:
        yield (
            f"{counted(judged.num_cross_validated, 'image')} that it was trained on: by "
            "cross-validation, a linear classifier on the network's features, trained without the "
            "image"
        )
        if judged.are_features_trained:
            yield (
                "its features were trained on these labels as well, so that some wrong ones look "
                "right there"
            )
    if judged.num_unjudged:
        yield f"{counted(judged.num_unjudged, 'image')} not judged: too few others of the class"
