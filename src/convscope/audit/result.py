"""The result of an audit, and the list of images that a training should leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from convscope.audit.appearance import Fitted, SizeRange
from convscope.audit.findings import LEAKS_AND_DAMAGE, SEVERITIES, Finding, FoundImage, Severity
from convscope.audit.messages import LABELS_NOT_JUDGED, VERDICTS
from convscope.data.split import SPLITS, Split
from convscope.files import write_csv
from convscope.short_repr import short_repr
from convscope.text import counted

FORMAT = 1  # of what `to_dict` gives
EXCLUSION_COLUMNS = ("image", "reason", "exclude", "finding")


@dataclass(frozen=True, slots=True)
class PlannedTraining:
    """What a training will do with the images, once those are left out that a list says.

    Attributes:
        split: The split of the images that are left, as the training will draw it.
        num_left_out: Number of images on the list.
    """

    split: Split
    num_left_out: int

    def to_dict(self) -> dict[str, Any]:
        """The numbers, ready for JSON."""
        counts = {f"num_{name}": len(getattr(self.split, name)) for name in SPLITS}
        return {**counts, "split": self.split.description, "num_left_out": self.num_left_out}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is in a data set, and what was found in it.

    Attributes:
        name: Name of the data set.
        num_images: Number of all images.
        num_readable: Number of images that can be decoded.
        classes: K names.
        splits: S names, in the order of their use; ("",) for data without splits.
        counts: K rows of S numbers of readable images.
        effective_classes: Number of equally large classes that would be as varied.
        findings: The most serious first.
        heights: Heights in pixels; like the next two, None if no image can be read.
        widths: Widths in pixels.
        aspect_ratios: Width divided by height.
        formats: Number of images of each file format.
        modes: Number of images of each colour mode in the file.
        fitted: What the network will see of the images.
        training: What a training will do with the images; None if it can't begin, or nobody asked.
        duplicates: How near-duplicates were told from different images, as a sentence; "" if they
            were not looked for.
        seconds: Duration of each part.
    """

    name: str
    num_images: int
    num_readable: int
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    effective_classes: float
    findings: tuple[Finding, ...]
    heights: SizeRange | None = None
    widths: SizeRange | None = None
    aspect_ratios: SizeRange | None = None
    formats: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    fitted: Fitted | None = None
    training: PlannedTraining | None = None
    duplicates: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    __repr__ = short_repr

    @property
    def is_clean(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(found.severity == "note" for found in self.findings)

    @property
    def has_leaks_or_damage(self) -> bool:
        """Whether images are unreadable, in several splits, or the same with different labels."""
        return any(found.kind in LEAKS_AND_DAMAGE for found in self.findings)

    @property
    def totals(self) -> tuple[int, ...]:
        """K numbers of readable images, over all splits."""
        return tuple(sum(row) for row in self.counts)

    @property
    def counts_text(self) -> str:
        """The numbers of images and classes, like `600 images, 5 classes of 118 to 122`."""
        sizes = self.totals
        spread = f"{min(sizes):,}"
        if min(sizes) != max(sizes):
            spread += f" to {max(sizes):,}"
        return f"{counted(self.num_readable, 'image')}, {counted(len(sizes), 'class')} of {spread}"

    @property
    def splits_text(self) -> str:
        """The sizes of the splits that the data came with; "" where there are none."""
        if not any(self.splits):
            return ""
        columns = zip(self.splits, zip(*self.counts, strict=True), strict=True)
        totals = [f"{sum(column):,} {split or 'in no split'}" for split, column in columns]
        return f"; given as {', '.join(totals)}"

    @property
    def seconds_per_thousand(self) -> float:
        """Duration of the check for a thousand images."""
        return 1000 * sum(self.seconds.values()) / max(1, self.num_images)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of this severity."""
        return tuple(found for found in self.findings if found.severity == severity)

    @property
    def verdict(self) -> str:
        """The overall result in a sentence, and whether labels were judged."""
        asked = [found for found in self.findings if found.kind != "labels_not_judged"]
        severities = {found.severity for found in asked}
        worst = next((s for s in SEVERITIES if s in severities), "nothing")
        names = [
            f"{found.title} ({found.count_text})" if found.images else found.title
            for found in self.of("error") or self.of("warning")
        ]
        verdict = VERDICTS[worst].format(names="; ".join(names), notes=counted(len(asked), "thing"))
        return verdict if len(asked) == len(self.findings) else f"{verdict} {LABELS_NOT_JUDGED}"

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "format": FORMAT,
            "name": self.name,
            "num_images": self.num_images,
            "num_readable": self.num_readable,
            "is_clean": self.is_clean,
            "has_leaks_or_damage": self.has_leaks_or_damage,
            "verdict": self.verdict,
            "splits": [split for split in self.splits if split],
            "classes": class_rows(self),
            "effective_classes": self.effective_classes,
            "findings": [found.to_dict() for found in self.findings],
            "heights": self.heights and asdict(self.heights),
            "widths": self.widths and asdict(self.widths),
            "aspect_ratios": self.aspect_ratios and asdict(self.aspect_ratios),
            "file_formats": dict(self.formats),
            "colour_modes": dict(self.modes),
            "fit": self.fitted and asdict(self.fitted),
            "training": self.training and self.training.to_dict(),
            "near_duplicates": self.duplicates or None,
            "seconds": dict(self.seconds),
        }


def class_rows(audit: Audit) -> list[dict[str, Any]]:
    """Each class with its number of images, in all and in each split where there are splits."""
    rows = []
    for name, counts in zip(audit.classes, audit.counts, strict=True):
        row: dict[str, Any] = {"name": name, "num_images": sum(counts)}
        if any(audit.splits):
            row["splits"] = dict(zip(audit.splits, counts, strict=True))
        rows.append(row)
    return rows


class ExclusionRow(NamedTuple):
    """One image of an exclusion list; `answer` is `yes` or `no`."""

    image: str
    reason: str
    answer: str
    finding: str


def exclusion_rows(findings: Iterable[Finding]) -> list[ExclusionRow]:
    """The rows of an exclusion list: one for each image of errors and warnings.

    An image of several findings is left out if one of them says so.
    """
    of_image: dict[str, list[tuple[FoundImage, str]]] = {}
    for found in findings:
        for image in found.images if found.severity != "note" else ():
            of_image.setdefault(image.name, []).append((image, found.title))
    return [
        ExclusionRow(
            name,
            "; ".join(dict.fromkeys(image.reason for image, _ in notes)),
            "yes" if any(image.exclude for image, _ in notes) else "no",
            "; ".join(dict.fromkeys(title for _, title in notes)),
        )
        for name, notes in of_image.items()
    ]


def earlier_rows(names: Iterable[str], said_by: str) -> list[ExclusionRow]:
    """The rows of images that an earlier list left out already: a new list keeps them out."""
    return [ExclusionRow(name, f"on the list `{said_by}`", "yes", "left out") for name in names]


def write_exclusions(path: Path, rows: Iterable[ExclusionRow]) -> Path | None:
    """Writes an exclusion list; an older list with other rows, perhaps edited, is kept.

    Returns:
        Where the older list went, or None if there was none.
    """
    kept = None
    if path.exists():
        numbered = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(1))
        kept = next(other for other in numbered if not other.exists())
        path.replace(kept)
    write_csv(path, EXCLUSION_COLUMNS, list(rows))
    if kept is not None and kept.read_bytes() == path.read_bytes():
        kept.unlink()
        return None
    return kept
