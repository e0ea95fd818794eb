"""Audit: what is wrong with a data set before anything is trained on it.

Everything but the labels is judged by the survey's facts, so that no image is decoded again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.appearance import find_appearance
from convscope.data.audit.balance import effective_classes, find_balance, learned_from
from convscope.data.audit.copies import find_exact_copies, find_near_copies
from convscope.data.audit.findings import Examined, Finding, by_severity
from convscope.data.audit.mislabelled import find_suspicious_labels
from convscope.data.audit.oddities import (
    find_colour_mix,
    find_damage,
    find_odd_names,
    find_oddities,
    find_remarks,
)
from convscope.data.audit.result import Audit
from convscope.data.audit.shapes import Spread, find_shapes, fitted, sides
from convscope.data.audit.shortcuts import find_shortcuts
from convscope.data.dataset import Dataset
from convscope.data.decode import USUAL, Decoding, decode_content
from convscope.data.duplicates import TAIL, Calibration, choose_sample, find_duplicates
from convscope.data.preprocessing import Preprocessing
from convscope.data.survey import Survey
from convscope.errors import counted
from convscope.progress import SILENT, Reporter


def audit_dataset(
    examined: Examined,
    *,
    preprocessing: Preprocessing,
    decoding: Decoding = USUAL,
    judge_labels: bool = True,
    seconds_reading: float = 0.0,
    reporter: Reporter = SILENT,
) -> Audit:
    """Looks for everything that this package knows to look for.

    Args:
        examined: The data, and what its images are like.
        preprocessing: Of which `fit` and size matter here: how much of the images will be seen.
        decoding: How they are decoded.
        judge_labels: Whether to look for wrong labels, which takes the longest.
        seconds_reading: What the survey took.
        reporter: Shows progress.
    """
    seconds = {"reading": seconds_reading}

    def pixels_of(index: int) -> NDArray[np.uint8]:
        return decode_content(examined.dataset.images.content(index), decoding).pixels

    with _timed(seconds, "duplicates"):
        near, duplicates = _near_copies(examined, pixels_of)
    labels, about_labels = list[Finding](), ""
    if judge_labels:
        with (
            _timed(seconds, "labels"),
            reporter.task("judging labels", len(examined.readable)) as task,
        ):
            labels, about_labels = find_suspicious_labels(
                examined, pixels_of, on_progress=task.advance
            )
    with _timed(seconds, "everything else"):
        findings = chain(
            find_damage(examined),
            find_exact_copies(examined),
            near,
            labels,
            find_shortcuts(examined),
            find_balance(examined),
            find_appearance(examined),
            find_shapes(examined, preprocessing),
            find_oddities(examined),
            find_colour_mix(examined),
            find_odd_names(examined),
            find_remarks(examined),
        )
        found = by_severity(findings)
    return Audit(
        **_summary(examined),
        **_looks(examined),
        findings=found,
        fitted=fitted(examined, preprocessing),
        duplicates=duplicates,
        labels=about_labels,
        seconds=seconds,
    )


def cheap_audit(dataset: Dataset, survey: Survey) -> Audit:
    """What costs next to nothing once images are surveyed: damage, exact copies, balance."""
    examined = Examined(dataset, survey)
    found = chain(find_damage(examined), find_exact_copies(examined), find_balance(examined))
    return Audit(**_summary(examined), findings=by_severity(found))


def one_line(audit: Audit, *, data: str) -> str:
    """What a cheap audit found, in one line, for those who are about to train.

    Args:
        audit: Of a data set.
        data: What the user called it, for the command that says more.
    """
    parts = [audit.counts_in_words]
    left_out = {
        found.kind: sum(image.exclude for image in found.images) for found in audit.findings
    }
    unreadable = left_out.get("unreadable", 0)
    across = left_out.get("exact_leak", 0)
    copies = left_out.get("exact_duplicates", 0) + across
    conflicts = left_out.get("label_conflict", 0)
    if unreadable:
        parts.append(f"{unreadable:,} unreadable")
    if copies:
        where = f", {across:,} across splits" if across else ""
        parts.append(f"{counted(copies, 'exact duplicate')}{where}")
    if conflicts:
        parts.append(f"{counted(conflicts, 'image')} whose copies have other labels")
    return f"data: {'; '.join(parts)} (`convscope check {data}` says more)"


def _near_copies(
    examined: Examined, pixels_of: Callable[[int], NDArray[np.uint8]]
) -> tuple[list[Finding], str]:
    if len(examined.readable) < 2:
        return [], ""
    chosen = choose_sample(examined.facts)
    duplicates = find_duplicates(
        examined.facts,
        sample_indices=chosen,
        sample_pixels=[pixels_of(int(index)) for index in chosen],
    )
    found = find_near_copies(
        examined,
        duplicates.pairs,
        duplicates.distances,
        certain_below=_certain_below(duplicates.calibration),
    )
    return list(found), duplicates.calibration.words


def _certain_below(calibration: Calibration) -> float:
    """The distance below which less than one pair of different images is to be expected.

    Their number falls with the distance to the power that the calibration goes by.
    """
    if not calibration.expected_false_pairs > 1:  # also where it is NaN
        return 1.0
    power = TAIL * calibration.dimension
    return float((1 / calibration.expected_false_pairs) ** (1 / power))


def _summary(examined: Examined) -> dict[str, Any]:
    return {
        "name": examined.dataset.name,
        "num_images": len(examined.dataset),
        "num_readable": len(examined.readable),
        "classes": examined.dataset.classes,
        "splits": examined.split_names,
        "counts": tuple(tuple(row) for row in examined.counts.tolist()),
        "effective_classes": effective_classes(learned_from(examined)),
    }


def _looks(examined: Examined) -> dict[str, Any]:
    if not len(examined.readable):
        return {}
    heights, widths = sides(examined)
    rows = examined.facts[examined.readable]
    return {
        "heights": Spread.of(heights),
        "widths": Spread.of(widths),
        "aspect_ratios": Spread.of(widths / heights),
        "formats": _counted(rows["format"]),
        "modes": _counted(rows["mode"]),
    }


def _counted(values: NDArray[np.bytes_]) -> dict[str, int]:
    return {name.decode(): count for name, count in Counter(values.tolist()).most_common()}


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start
