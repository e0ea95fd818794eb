"""Class balance: how many images each class has, in each split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from convscope.audit.findings import Examined, Finding, finding
from convscope.text import counted

FEW = 20  # a class with fewer is reported as small
VERY_FEW = 5  # with fewer than that there is hardly one for each split
UNEQUAL = 3.0  # largest to smallest; up to here accuracy and the F1 of classes tell the same story
VERY_UNEQUAL = 10.0


def effective_classes(counts: NDArray[np.int64]) -> float:
    """The number of equally large classes that would be as varied: the exponential of the entropy.

    Source: Hill numbers of order 1 (Hill, "Diversity and Evenness", Ecology 54, 1973).
    """
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def train_counts(examined: Examined) -> NDArray[np.int64]:
    """(K,) number of readable images of each class in the train split, or in all without splits."""
    names = examined.split_names
    if "train" in names:
        return examined.counts[:, names.index("train")]
    totals: NDArray[np.int64] = examined.counts.sum(axis=1)
    return totals


def find_balance(examined: Examined) -> Iterator[Finding]:
    """Findings about classes that are missing, small, or far smaller than others."""
    yield from _missing(examined)
    counts = train_counts(examined)
    classes = examined.dataset.classes
    where = " to train on" if "train" in examined.split_names else ""
    if (counts > 0).sum() < 2 and len(examined.readable):
        details = [f"all are of `{classes[int(counts.argmax())]}`"]
        yield finding("one_class", severity="error", details=details, where=where)
    few = np.flatnonzero(counts < FEW)
    if len(few):
        fewest_first = few[np.argsort(counts[few], kind="stable")]
        yield finding(
            "few_images",
            severity="warning" if (counts < VERY_FEW).any() else "note",
            details=[
                f"`{classes[i]}` has {counted(int(counts[i]), 'image')}" for i in fewest_first
            ],
            limit=FEW,
            where=where,
        )
    present = counts[counts > 0]
    if len(present) > 1 and present.max() >= UNEQUAL * present.min():
        ratio = present.max() / present.min()
        smallest = int(np.flatnonzero(counts == present.min())[0])
        yield finding(
            "imbalance",
            severity="warning" if ratio >= VERY_UNEQUAL else "note",
            details=[
                f"as varied as {effective_classes(counts):.1f} classes of equal size "
                f"(there are {len(classes)})"
            ],
            largest=classes[int(counts.argmax())],
            smallest=classes[smallest],
            ratio=f"{ratio:.0f}" if ratio >= VERY_UNEQUAL else f"{ratio:.1f}",
            most=f"{present.max():,}",
            fewest=f"{present.min():,}",
        )


def _missing(examined: Examined) -> Iterator[Finding]:
    missing: dict[int, list[str]] = {}
    had = [
        np.bincount(
            examined.dataset.labels[examined.splits == split], minlength=len(examined.counts)
        )
        for split in examined.split_names
    ]
    for row, column in np.argwhere(examined.counts == 0).tolist():
        split = examined.split_names[column]
        had_some = had[column][row] > 0
        name = (split or "the data") + (" (all of them are unreadable)" if had_some else "")
        missing.setdefault(row, []).append(name)
    classes = examined.dataset.classes
    lines = [f"`{classes[row]}` has no images in {', '.join(of)}" for row, of in missing.items()]
    if lines:
        yield finding("missing_in_split", severity="warning", details=lines)
