"""Finding: something wrong or odd about a data set, with the images and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convscope.audit.messages import FINDINGS
from convscope.data.dataset import Dataset
from convscope.data.index.scan import Scan
from convscope.short_repr import short_repr
from convscope.text import counted

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

LEAKS_AND_DAMAGE = ("unreadable", "truncated", "exact_leak", "near_leak", "label_conflict")


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that a finding is about.

    Attributes:
        index: Index in the data set.
        name: What a user calls it.
        label: Name of its class.
        split: `train`, `validation`, `test`, or "" where the data has no splits.
        reason: What was noticed, as the predicate of a sentence.
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
    """Something that is wrong or odd about a data set.

    Attributes:
        kind: A name for programs, for instance `exact_leak`.
        severity: `error` for what makes results wrong, `warning` for what may make them worse,
            `note` for what is good to know.
        title: A few words.
        sentence: What it is and why it matters.
        advice: What to do about it.
        images: The images concerned, the worst first, members of a group together.
        details: Lines about classes or the whole data set.
    """

    kind: str
    severity: Severity
    title: str
    sentence: str
    advice: str
    images: tuple[FoundImage, ...] = ()
    details: tuple[str, ...] = ()

    __repr__ = short_repr

    @property
    def groups(self) -> tuple[tuple[FoundImage, ...], ...]:
        """The images that belong together; one group for each where nothing does."""
        together: dict[object, list[FoundImage]] = {}
        for number, image in enumerate(self.images):
            together.setdefault(image.group if image.group >= 0 else (number,), []).append(image)
        return tuple(tuple(images) for images in together.values())

    @property
    def is_grouped(self) -> bool:
        """Whether its images belong together in groups."""
        return bool(self.images) and self.images[0].group >= 0

    @property
    def num_groups(self) -> int | None:
        """Number of groups of images that belong together; None where nothing does."""
        return len(self.groups) if self.is_grouped else None

    @property
    def count_text(self) -> str:
        """The numbers of images and of groups; "" where it is not about single images.

        All texts, pages and reports count in this way.
        """
        if not self.images:
            return ""
        images = counted(len(self.images), "image")
        return f"{images} in {counted(self.num_groups, 'group')}" if self.num_groups else images

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        images = [asdict(image) for image in self.images]
        for fields in images:
            fields["group"] = fields["group"] if fields["group"] >= 0 else None
        return {
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "sentence": self.sentence,
            "advice": self.advice,
            "num_images": len(images),
            "num_groups": self.num_groups,
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
    """A finding with the texts of its kind, filled with `values`."""
    messages = FINDINGS[kind]
    return Finding(
        kind=kind,
        severity=severity,
        title=messages.title.format(**values),
        sentence=messages.sentence.format(**values),
        advice=messages.advice.format(**values),
        images=tuple(images),
        details=tuple(details),
    )


class Examined:
    """A data set with its scan: the input of all detectors.

    Args:
        dataset: N images.
        scan: The scan of the data set.
    """

    def __init__(self, dataset: Dataset, scan: Scan) -> None:
        self.dataset = dataset
        self.scan = scan
        self.statistics = scan.statistics
        self.readable = scan.readable

    @cached_property
    def splits(self) -> NDArray[np.object_]:
        """(N,) split of each image."""
        return np.array(list(self.dataset.given_splits), dtype=object)

    @cached_property
    def split_names(self) -> tuple[str, ...]:
        """The splits of the data set, in the order of their use; ("",) for data without splits."""
        present = set(self.dataset.given_splits)
        return tuple(s for s in ("train", "validation", "test", "") if s in present)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(K, S) numbers of readable images of each class in each split."""
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
        """An image for a finding."""
        split = str(self.dataset.given_splits[int(index)])
        name, label = self.name(index), self.label(index)
        return FoundImage(int(index), name, label, split, reason, exclude, group)

    def images(self, reasons: Mapping[int, str]) -> list[FoundImage]:
        """Images for a finding, with their reasons; a training needn't leave them out."""
        return [self.image(index, reason) for index, reason in reasons.items()]


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, the most serious first; equally serious ones stay in their order."""
    return tuple(sorted(findings, key=lambda found: SEVERITIES.index(found.severity)))
