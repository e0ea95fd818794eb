"""Compare: several classifiers on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convscope.arithmetic import layer_table
from convscope.classifier import Classifier
from convscope.errors import DataError, UsageError, listed
from convscope.evaluation.comparison import Difference, differences
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.intervals import Estimate, named, proportion
from convscope.evaluation.outputs import Outputs
from convscope.progress import SILENT, Reporter
from convscope.run import Run
from convscope.workflows.measured_data import Synonyms, open_measured
from convscope.workflows.using import Loaded, load_with_run

DISAGREEMENTS = 50  # images that are named, of each pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One of the classifiers that were compared.

    Attributes:
        name: What a user calls it.
        accuracy: On the images of the comparison.
        log_loss: Mean, in nats.
        num_parameters: Of its network.
        macs: Multiply-accumulates for one image.
        images_per_second: Prepared, moved and classified, measured here.
    """

    name: str
    accuracy: Estimate
    log_loss: float
    num_parameters: int
    macs: int
    images_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "name": self.name,
            **named("accuracy", self.accuracy),
            "log_loss": self.log_loss,
            "num_parameters": self.num_parameters,
            "macs": self.macs,
            "images_per_second": self.images_per_second,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An image that only one of two classifiers gets right.

    Attributes:
        name: What a user calls it.
        label: Its class.
        first: What the first takes it for.
        second: What the second takes it for.
    """

    name: str
    label: str
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two of the classifiers.

    Attributes:
        first: Name of one.
        second: Name of the other.
        difference: Of their accuracies.
        disagreements: Images that only one gets right, at most `DISAGREEMENTS`.
    """

    first: str
    second: str
    difference: Difference
    disagreements: tuple[Disagreement, ...]

    @property
    def words(self) -> str:
        """Which one is better, if that can be told."""
        better = {"first": self.first, "second": self.second}.get(self.difference.verdict)
        if better is None:
            return f"can't tell {self.first} and {self.second} apart"
        return f"{better} is better than {self.second if better == self.first else self.first}"

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            **self.difference.to_dict(),
            "words": self.words,
            "disagreements": [
                {name: getattr(each, name) for name in Disagreement.__slots__}
                for each in self.disagreements
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Several classifiers on the same images.

    Attributes:
        images: Which images, in words.
        num_images: How many.
        classifiers: One by one, in the order given.
        pairs: Each two of them.
    """

    images: str
    num_images: int
    classifiers: tuple[Compared, ...]
    pairs: tuple[Pairing, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "images": self.images,
            "num_images": self.num_images,
            "classifiers": [each.to_dict() for each in self.classifiers],
            "pairs": [pair.to_dict() for pair in self.pairs],
        }


def compare(
    *classifiers: Classifier | Run | str | Path,
    data: str | Path | None = None,
    split: str | None = None,
    synonyms: Synonyms = None,
    workers: int | None = None,
    device: str = "auto",
    reporter: Reporter = SILENT,
    **source: Any,
) -> Comparison:
    """Compares classifiers on the same images: which is better, and can it be told?

    It compares these classifiers, not the recipes that they come from: `compare_recipes` does that.

    Args:
        classifiers: At least two runs, their folders, classifier folders or classifiers.
        data: See `open_dataset`; None for the data that the first run was trained on.
        split: `train`, `val`, `test` or `all`; None for images that none of their trainings saw.
        synonyms: As for `evaluate`.
        workers: Threads that decode images; None for one a core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        source: As for `evaluate`.

    Raises:
        DataError: As for `evaluate`, or the classifiers know different classes, or there is no
            image that none of them saw.
        UsageError: There are fewer than two, or as for `evaluate`.
    """
    loaded = _named_apart([load_with_run(each, device=device) for each in classifiers])
    if len(loaded) < 2:
        raise UsageError("there is nothing to compare with", hint="give at least two runs")
    _check_same_classes(loaded)
    measured = open_measured(
        loaded,
        data,
        split=split,
        synonyms=synonyms,
        workers=workers,
        reporter=reporter,
        source=source,
    )
    collected = [
        collect_outputs(each.classifier, measured.gallery, measured.part, reporter=reporter)
        for each in loaded
    ]
    outputs = [each.outputs for each in collected]
    names = [measured.gallery.dataset.images.name(int(index)) for index in measured.part.indices]
    found = differences([each.is_correct for each in outputs])
    return Comparison(
        images=measured.part.words,
        num_images=len(names),
        classifiers=tuple(
            _compared(each, *result) for each, result in zip(loaded, collected, strict=True)
        ),
        pairs=tuple(
            Pairing(
                first=loaded[first].name,
                second=loaded[second].name,
                difference=difference,
                disagreements=_disagreements(outputs[first], outputs[second], names),
            )
            for (first, second), difference in found.items()
        ),
    )


def _named_apart(loaded: Sequence[Loaded]) -> list[Loaded]:
    """With whole paths as names where the last parts of two are the same."""
    names = [each.name for each in loaded]
    if len(set(names)) == len(names):
        return list(loaded)
    return [
        each._replace(name=f"{each.run.path if each.run else each.name} ({number})")
        for number, each in enumerate(loaded, 1)
    ]


def _check_same_classes(loaded: Sequence[Loaded]) -> None:
    first = loaded[0]
    lines = []
    for other in loaded[1:]:
        odd = sorted(set(first.classifier.classes) ^ set(other.classifier.classes))
        lines += [
            f"`{name}` is known to `{(first if name in first.classifier.classes else other).name}` "
            "alone"
            for name in odd
        ]
    if lines:
        raise DataError(
            f"the classifiers know different classes\n{listed(lines)}",
            hint="classifiers of the same classes can be compared",
        )


def _compared(loaded: Loaded, outputs: Outputs, seconds: float) -> Compared:
    choice = loaded.classifier.choice
    table = layer_table(loaded.classifier.network, (1, choice.in_channels, *choice.input_size))
    return Compared(
        name=loaded.name,
        accuracy=proportion(int(outputs.is_correct.sum()), len(outputs)),
        log_loss=float(outputs.losses.mean()),
        num_parameters=table.parameters,
        macs=table.macs,
        images_per_second=len(outputs) / seconds,
    )


def _disagreements(
    first: Outputs, second: Outputs, names: Sequence[str]
) -> tuple[Disagreement, ...]:
    """Images that only one gets right; those on which the two are surest come first."""
    apart = np.flatnonzero(first.is_correct != second.is_correct)
    sure = np.minimum(first.confidences[apart], second.confidences[apart])
    return tuple(
        Disagreement(
            name=names[index],
            label=first.classes[first.targets[index]],
            first=first.classes[first.predicted[index]],
            second=second.classes[second.predicted[index]],
        )
        for index in apart[np.argsort(-sure, kind="stable")][:DISAGREEMENTS]
    )
