"""Audit: what was found about a data set, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from convscope.data.audit.findings import (
    CONFLICTS,
    DAMAGE,
    LEAKS,
    SEVERITIES,
    Finding,
    Severity,
)
from convscope.data.audit.shapes import Fitted, Spread
from convscope.data.audit.words import VERDICTS
from convscope.errors import counted

FORMAT = 1  # of what `to_dict` gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found, and what there is.

    Attributes:
        name: Of the data set.
        num_images: All of them.
        num_readable: Those that can be decoded.
        classes: K names.
        splits: S names, in the order of their use; ("",) for data without splits.
        counts: K rows of S numbers of readable images.
        effective_classes: How many classes of equal size would be as varied.
        findings: The most serious first.
        heights: In pixels; None if no image can be read, as for the next two.
        widths: In pixels.
        aspect_ratios: Width by height.
        formats: Number of images by file format.
        modes: Number of images by colour mode in the file.
        fitted: What the network will see of the images.
        duplicates: How near-duplicates were told from others, in words; "" if not looked for.
        labels: How labels were judged, in words; "" if they were not.
        seconds: How long each part took.
    """

    name: str
    num_images: int
    num_readable: int
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    effective_classes: float
    findings: tuple[Finding, ...]
    heights: Spread | None = None
    widths: Spread | None = None
    aspect_ratios: Spread | None = None
    formats: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    fitted: Fitted | None = None
    duplicates: str = ""
    labels: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(found.severity == "note" for found in self.findings)

    @property
    def has_leaks_or_damage(self) -> bool:
        """Whether images are unreadable, in several splits, or the same with different labels."""
        return any(found.kind in (*DAMAGE, *LEAKS, *CONFLICTS) for found in self.findings)

    @property
    def totals(self) -> tuple[int, ...]:
        """K numbers of readable images, over all splits."""
        return tuple(sum(row) for row in self.counts)

    @property
    def counts_in_words(self) -> str:
        """For instance `600 images, 5 classes of 118 to 122`."""
        sizes = self.totals
        spread = f"{min(sizes):,}"
        if min(sizes) != max(sizes):
            spread += f" to {max(sizes):,}"
        return f"{counted(self.num_readable, 'image')}, {counted(len(sizes), 'class')} of {spread}"

    @property
    def sides_in_words(self) -> str:
        """For instance `; 480 train, 120 test`; nothing where the data has no splits."""
        if not any(self.splits):
            return ""
        columns = zip(self.splits, zip(*self.counts, strict=True), strict=True)
        sides = [f"{sum(column):,} {split or 'in no split'}" for split, column in columns]
        return f"; {', '.join(sides)}"

    @property
    def seconds_per_thousand(self) -> float:
        """How long the check took for a thousand images."""
        return 1000 * sum(self.seconds.values()) / max(1, self.num_images)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of this severity."""
        return tuple(found for found in self.findings if found.severity == severity)

    @property
    def verdict(self) -> str:
        """What it comes to, in a sentence."""
        worst = next((s for s in SEVERITIES if self.of(s)), "nothing")
        names = [
            f"{found.title} ({len(found.groups):,})" if found.images else found.title
            for found in self.of("error") or self.of("warning")
        ]
        return VERDICTS[worst].format(
            names="; ".join(names), notes=counted(len(self.of("note")), "thing")
        )

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
            "near_duplicates": self.duplicates or None,
            "labels": self.labels or None,
            "seconds": dict(self.seconds),
        }


def class_rows(audit: Audit) -> list[dict[str, Any]]:
    """Each class with its number of images, and those of each split where there are splits."""
    rows = []
    for name, counts in zip(audit.classes, audit.counts, strict=True):
        row: dict[str, Any] = {"name": name, "num_images": sum(counts)}
        if any(audit.splits):
            row["splits"] = dict(zip(audit.splits, counts, strict=True))
        rows.append(row)
    return rows
