"""Everything that is looked for in a data set, and the short audit at the start of a training.

Findings come from the image statistics of the scan, so that no image is decoded again, but for the
100 on which the search for near-duplicates is calibrated.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.audit.appearance import SizeRange, find_appearance, find_shapes, fitted, sides
from convscope.audit.balance import effective_classes, find_balance, train_counts
from convscope.audit.copies import find_exact_copies, find_near_copies
from convscope.audit.findings import Examined, Finding, by_severity
from convscope.audit.labels import JudgedLabels, find_suspect_labels
from convscope.audit.oddities import (
    find_colour_mix,
    find_damage,
    find_odd_names,
    find_oddities,
    find_remarks,
    find_values,
)
from convscope.audit.result import Audit
from convscope.audit.shortcuts import find_shortcuts
from convscope.cache import Cache
from convscope.data.dataset import Dataset
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.data.duplicates.calibration import Calibration
from convscope.data.duplicates.near_duplicates import search_duplicates
from convscope.data.duplicates.thresholds import TAIL
from convscope.data.index.scan import Scan
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.paths import shell_word


def audit_dataset(
    examined: Examined,
    *,
    preprocessing: Preprocessing,
    decoding: Decoding = DEFAULT_DECODING,
    labels: JudgedLabels | None = None,
    cache: Cache | None = None,
    seconds_reading: float = 0.0,
) -> Audit:
    """Runs every detector on a data set.

    Args:
        examined: The data set with its scan.
        preprocessing: Its `fit` and size say how much of the images the network will see.
        decoding: How images are decoded.
        labels: What a trained classifier makes of the labels; None if none was asked.
        cache: Where near-duplicates are remembered, for the split of a training.
        seconds_reading: Duration of the scan.
    """
    seconds = {"reading": seconds_reading}
    with _timed(seconds, "duplicates"):
        near, duplicates = _near_copies(examined, decoding, cache)
    with _timed(seconds, "everything else"):
        findings = chain(
            find_damage(examined),
            find_exact_copies(examined),
            near,
            find_suspect_labels(examined, labels),
            find_shortcuts(examined),
            find_balance(examined),
            find_appearance(examined),
            find_shapes(examined, preprocessing),
            find_values(examined, decoding.value_range),
            find_oddities(examined),
            find_colour_mix(examined),
            find_odd_names(examined),
            find_remarks(examined),
        )
        found = by_severity(findings)
    return Audit(
        **_summary(examined),
        **_sizes_and_formats(examined),
        findings=found,
        fitted=fitted(examined, preprocessing),
        duplicates=duplicates,
        seconds=seconds,
    )


def cheap_audit(dataset: Dataset, scan: Scan) -> Audit:
    """The checks that take no time once images are scanned: damage, exact copies, balance."""
    examined = Examined(dataset, scan)
    found = chain(find_damage(examined), find_exact_copies(examined), find_balance(examined))
    return Audit(**_summary(examined), findings=by_severity(found))


def one_line(audit: Audit, *, data: str) -> str:
    """The result of a cheap audit in one line, for the start of a training.

    Args:
        audit: Audit of the data set.
        data: What the user called the data, for the command that says more.
    """
    about_images = [
        f"{found.title}: {found.count_text}" for found in audit.findings if found.images
    ]
    parts = [audit.counts_text, *about_images]
    return f"data: {'; '.join(parts)} (`convscope check {shell_word(data)}` says more)"


def _near_copies(
    examined: Examined, decoding: Decoding, cache: Cache | None
) -> tuple[list[Finding], str]:
    """Findings about near-duplicates, and how these were told from different images."""
    if len(examined.readable) < 2:
        return [], ""
    duplicates = search_duplicates(
        examined.dataset.images, examined.statistics, decoding, cache=cache
    )
    certain = _certain_below(duplicates.calibration)
    found = find_near_copies(
        examined,
        duplicates.pairs,
        duplicates.distances,
        orientations=duplicates.orientations,
        certain_below=certain,
    )
    return list(found), duplicates.calibration.description


def _certain_below(calibration: Calibration) -> float:
    """The distance below which fewer than one pair of different images is expected.

    Their number falls with the distance to the power of the calibrated dimension.
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
        "effective_classes": effective_classes(train_counts(examined)),
    }


def _sizes_and_formats(examined: Examined) -> dict[str, Any]:
    if not len(examined.readable):
        return {}
    heights, widths = sides(examined)
    rows = examined.statistics[examined.readable]
    return {
        "heights": SizeRange.of(heights),
        "widths": SizeRange.of(widths),
        "aspect_ratios": SizeRange.of(widths / heights),
        "formats": _by_frequency(rows["format"]),
        "modes": _by_frequency(rows["mode"]),
    }


def _by_frequency(values: NDArray[np.bytes_]) -> dict[str, int]:
    return {name.decode(): count for name, count in Counter(values.tolist()).most_common()}


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - start
