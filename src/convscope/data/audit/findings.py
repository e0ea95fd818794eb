"""Finding: one thing that is wrong, or odd, about a data set; which images, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.words import FINDINGS
from convscope.data.dataset import Dataset
from convscope.data.survey import Survey
from convscope.errors import counted

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

DAMAGE = ("unreadable", "truncated")
LEAKS = ("exact_leak", "near_leak")
CONFLICTS = ("label_conflict",)


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that a finding is about.

    Attributes:
        index: In the data set.
        name: What a user calls it.
        label: The name of its class.
        split: `train`, `validation`, `test`, or "" where the data has no splits.
        reason: What was noticed, as the end of a sentence.
        exclude: Whether a training should leave it out.
        group: Images with the same number belong together; -1 where nothing belongs together.
    """

    index: int
    name: str
    label: str
    split: str
    reason: str
    exclude: bool = False
    group: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or odd.

    Attributes:
        kind: For programs: `exact_leak`.
        severity: `error` for what makes results wrong, `warning` for what may make them worse,
            `note` for what is good to know.
        title: A few words.
        sentence: What it is and why it matters.
        advice: What to do about it.
        images: Which, the worst first, members of a group together.
        details: Lines about classes or the whole data set.
    """

    kind: str
    severity: Severity
    title: str
    sentence: str
    advice: str
    images: tuple[FoundImage, ...] = ()
    details: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[tuple[FoundImage, ...], ...]:
        """The images that belong together; one group for each where nothing does."""
        together: dict[object, list[FoundImage]] = {}
        for place, image in enumerate(self.images):
            together.setdefault(image.group if image.group >= 0 else (place,), []).append(image)
        return tuple(tuple(images) for images in together.values())

    @property
    def is_grouped(self) -> bool:
        """Whether its images belong together in groups."""
        return bool(self.images) and self.images[0].group >= 0

    @property
    def count_in_words(self) -> str:
        """How many images, and in how many groups; "" where it is not about single images."""
        if not self.images:
            return ""
        images = counted(len(self.images), "image")
        return f"{images} in {counted(len(self.groups), 'group')}" if self.is_grouped else images

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        images = []
        for image in self.images:
            fields = asdict(image)
            if image.group < 0:
                fields["group"] = None
            images.append(fields)
        return {
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "sentence": self.sentence,
            "advice": self.advice,
            "num_images": len(images),
            "images": images,
            "details": list(self.details),
        }


def finding(
    kind: str,
    *,
    severity: Severity,
    images: Sequence[FoundImage] = (),
    details: Sequence[str] = (),
    **values: object,
) -> Finding:
    """A finding in its kind's words, into which `values` are put."""
    words = FINDINGS[kind]
    return Finding(
        kind=kind,
        severity=severity,
        title=words.title.format(**values),
        sentence=words.sentence.format(**values),
        advice=words.advice.format(**values),
        images=tuple(images),
        details=tuple(details),
    )


class Examined:
    """A data set with its survey: what all detectors look at.

    Args:
        dataset: N images.
        survey: What they are like.
    """

    def __init__(self, dataset: Dataset, survey: Survey) -> None:
        self.dataset = dataset
        self.survey = survey
        self.facts = survey.facts
        self.readable = survey.readable

    @cached_property
    def splits(self) -> NDArray[np.object_]:
        """(N,) split of each image."""
        return np.array(list(self.dataset.given_splits), dtype=object)

    @cached_property
    def split_names(self) -> tuple[str, ...]:
        """The splits that there are, in the order of their use; ("",) for data without."""
        present = set(self.dataset.given_splits)
        return tuple(s for s in ("train", "validation", "test", "") if s in present)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(K, S) readable images of each class in each split."""
        table = np.zeros((len(self.dataset.classes), len(self.split_names)), dtype=np.int64)
        for column, split in enumerate(self.split_names):
            rows = self.readable[self.splits[self.readable] == split]
            table[:, column] = np.bincount(self.dataset.labels[rows], minlength=len(table))
        return table

    def label(self, index: int | np.integer[Any]) -> str:
        """The name of an image's class."""
        return self.dataset.classes[int(self.dataset.labels[index])]

    def name(self, index: int | np.integer[Any]) -> str:
        """What a user calls an image."""
        return self.dataset.images.name(int(index))

    def image(
        self, index: int | np.integer[Any], reason: str, *, exclude: bool = False, group: int = -1
    ) -> FoundImage:
        """An image as it stands in a finding."""
        number = int(index)
        return FoundImage(
            number,
            self.name(number),
            self.label(number),
            str(self.dataset.given_splits[number]),
            reason,
            exclude,
            group,
        )

    def images(self, reasons: Mapping[int, str]) -> list[FoundImage]:
        """Images with their reasons, none of which a training should leave out."""
        return [self.image(index, reason) for index, reason in reasons.items()]


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The most serious first; among equals in the order they came."""
    return tuple(sorted(findings, key=lambda found: SEVERITIES.index(found.severity)))
