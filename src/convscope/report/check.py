"""The page of `convscope check`: the findings of an audit, with pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope import __version__
from convscope.audit.appearance import SizeRange, fractions_cut_off, sides
from convscope.audit.findings import Examined, Finding, FoundImage
from convscope.audit.result import Audit
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.report.page import Pictures, render
from convscope.report.translations import translations_of
from convscope.rng import permutation

PICTURES_SHOWN = 12  # for a finding
GROUPS_SHOWN = 8
GROUP_SHOWN = 4  # images of a group
NAMES_LISTED = 200  # for a finding; exclude.csv has all
CLASSES_IN_TABLE = 60
ENDS_IN_TABLE = 20  # classes from either end of a longer table
SAMPLES = 8  # of a class
CLASSES_SAMPLED = 50
FINDINGS_BYTES = 2_400_000  # of pictures; with the rest the page is to stay below 5 MB
SAMPLES_BYTES = 1_400_000
EXAMPLE_PX = 200
SAMPLE_PX, LARGE_SAMPLE_PX = 112, 192
FINDING_PX, LARGE_FINDING_PX = 176, 352
LARGE_SAMPLES, LARGE_FINDINGS = 100, 60  # pictures of these sizes that there is room for
BARS = 32  # of a histogram
LOGARITHMIC_FROM = 8.0  # largest to smallest; beyond that, equal steps are equal ratios


class NextStep(NamedTuple):
    """The training that follows a check.

    Attributes:
        command: The command line.
        images: The numbers of images of its splits, and of those left out.
        has_list: Whether the exclusion list leaves images out.
    """

    command: str
    images: str
    has_list: bool


def check_page(
    audit: Audit,
    examined: Examined,
    *,
    preprocessing: Preprocessing,
    decoding: Decoding = DEFAULT_DECODING,
    command: str,
    next_step: NextStep | None = None,
    language: str = "en",
) -> str:
    """The page as one HTML document, below 5 MB."""
    translations = translations_of("check", language)
    pictures = Pictures(examined.dataset.images, decoding, room_bytes=FINDINGS_BYTES)
    sample_pictures = Pictures(examined.dataset.images, decoding, room_bytes=SAMPLES_BYTES)
    has_images = bool(len(examined.readable))
    return render(
        "check",
        language=language,
        audit=audit,
        findings=_findings(audit, pictures),
        split_totals=_split_totals(audit),
        class_rows=list(_class_rows(audit)),
        shapes=_shapes(examined) if has_images else None,
        fit=_fit(audit, examined, preprocessing, sample_pictures, translations)
        if has_images
        else None,
        samples=list(_samples(examined, sample_pictures)),
        num_classes_hidden=max(0, len(audit.classes) - CLASSES_SAMPLED),
        command=command,
        next_step=next_step,
        version=__version__,
    )


def _findings(audit: Audit, pictures: Pictures) -> list[dict[str, Any]]:
    """The findings as the page shows them; where few pictures are shown, they are larger."""
    count = sum(
        min(len(found.images), GROUPS_SHOWN * GROUP_SHOWN if found.is_grouped else PICTURES_SHOWN)
        for found in audit.findings
        if found.kind != "unreadable"
    )
    longest_px = LARGE_FINDING_PX if count <= LARGE_FINDINGS else FINDING_PX
    return [_finding(found, pictures, longest_px) for found in audit.findings]


def _finding(found: Finding, pictures: Pictures, longest_px: int) -> dict[str, Any]:
    """A finding as the page shows it: some pictures, more names."""
    groups = found.groups if found.is_grouped else ()
    has_pictures = found.kind != "unreadable"
    return {
        "severity": found.severity,
        "title": found.title,
        "sentence": found.sentence,
        "advice": found.advice,
        "details": found.details[:NAMES_LISTED],
        "count_text": found.count_text,
        "num_details": len(found.details),
        "num_images": len(found.images),
        "num_groups": found.num_groups,
        "groups": [
            {
                "images": [_shown(image, pictures, longest_px) for image in group[:GROUP_SHOWN]],
                "num_hidden": max(0, len(group) - GROUP_SHOWN),
            }
            for group in groups[:GROUPS_SHOWN]
        ],
        "images": [_shown(image, pictures, longest_px) for image in found.images[:PICTURES_SHOWN]]
        if has_pictures and not groups
        else [],
        "are_names_open": not has_pictures,
        "names": [(image.name, image.reason) for image in found.images[:NAMES_LISTED]]
        if not has_pictures or len(found.images) > PICTURES_SHOWN or len(groups) > GROUPS_SHOWN
        else [],
    }


def _shown(image: FoundImage, pictures: Pictures, longest_px: int) -> dict[str, Any]:
    return {**asdict(image), "picture": pictures.of(image.index, longest_px=longest_px)}


def _split_totals(audit: Audit) -> list[tuple[str, int]]:
    if not any(audit.splits):
        return []
    columns = zip(*audit.counts, strict=True)
    return [(split or "no split", sum(c)) for split, c in zip(audit.splits, columns, strict=True)]


def _class_rows(audit: Audit) -> Iterator[dict[str, Any]]:
    """Rows of the class table, the largest first; of very many classes both ends."""
    totals = np.array(audit.totals)
    order = np.argsort(-totals, kind="stable")
    largest = max(1, int(totals.max()))
    everything = max(1, int(totals.sum()))
    is_long = len(order) > CLASSES_IN_TABLE
    hidden = order[ENDS_IN_TABLE:-ENDS_IN_TABLE].tolist() if is_long else []
    is_hidden = set(hidden)
    for row in order.tolist():
        if row in is_hidden:
            if row == hidden[0]:
                low, high = (f"{totals[i]:,}" for i in (hidden[-1], hidden[0]))
                yield {"between": {"count": f"{len(hidden):,}", "low": low, "high": high}}
            continue
        parts = [
            {"split": split, "count": count, "width": count / largest}
            for split, count in zip(audit.splits, audit.counts[row], strict=True)
        ]
        yield {
            "between": None,
            "name": audit.classes[row],
            "parts": parts if any(audit.splits) else [],
            "bars": parts,
            "total": int(totals[row]),
            "share": totals[row] / everything,
        }


def _shapes(examined: Examined) -> dict[str, Any]:
    heights, widths = sides(examined)
    shorter, aspect = np.minimum(heights, widths), widths / heights
    return {
        "is_one_size": bool(np.ptp(heights) == 0 and np.ptp(widths) == 0),
        "width": int(widths[0]),
        "height": int(heights[0]),
        "shorter": histogram(shorter),
        "shorter_range": SizeRange.of(shorter),
        "aspect": histogram(aspect),
        "aspect_range": SizeRange.of(aspect),
    }


def _fit(
    audit: Audit,
    examined: Examined,
    preprocessing: Preprocessing,
    pictures: Pictures,
    translations: dict[str, Any],
) -> dict[str, Any]:
    """The network's input, with images of which a typical and a large fraction is cut off."""
    fitted = audit.fitted
    if fitted is None:
        return {}
    size = f"{fitted.height}x{fitted.width}"
    is_plain = fitted.fit == "crop" and not fitted.cut_off.largest
    cut = fractions_cut_off(*sides(examined), preprocessing)
    order = np.argsort(cut, kind="stable")
    chosen = dict.fromkeys(int(order[round(q * (len(order) - 1))]) for q in (0.5, 0.9, 1.0))
    examples = [
        _example(examined, int(examined.readable[i]), float(cut[i]), preprocessing, pictures)
        for i in ([] if is_plain else chosen)
    ]
    sentence = translations["fit_nothing" if is_plain else f"fit_{fitted.fit}"].format(
        size=size, median=f"{fitted.cut_off.median:.0%}", most=f"{fitted.cut_off.largest:.0%}"
    )
    enlarged = (
        translations["enlarged"].format(share=f"{fitted.enlarged:.0%}") if fitted.enlarged else ""
    )
    return {
        "sentence": f"{sentence} {enlarged}",
        "examples": [example for example in examples if example],
    }


def _example(
    examined: Examined, index: int, cut: float, preprocessing: Preprocessing, pictures: Pictures
) -> dict[str, Any] | None:
    pixels = pictures.pixels(index)
    whole = None if pixels is None else pictures.drawn(pixels, longest_px=EXAMPLE_PX)
    if pixels is None or whole is None:
        return None
    kept = None
    if cut > 0:
        # The part that is kept has the input's aspect ratio and lies in the middle.
        aspect = preprocessing.width / preprocessing.height
        height = min(whole.height, math.sqrt((1 - cut) * whole.width * whole.height / aspect))
        width = min(whole.width, height * aspect)
        left, top = (whole.width - width) / 2, (whole.height - height) / 2
        kept = [round(value, 1) for value in (left, top, width, height)]
    return {
        "name": examined.name(index),
        "whole": whole,
        "kept": kept,
        "cut": f"{cut:.0%}",
        "seen": pictures.drawn(preprocessing.apply(pixels), longest_px=EXAMPLE_PX * 2 // 3),
    }


def _samples(examined: Examined, pictures: Pictures) -> Iterator[tuple[str, Sequence[Any]]]:
    """A few images of each class, drawn by a hash of their index."""
    rows = examined.readable
    labels = examined.dataset.labels[rows]
    drawn = permutation("samples", len(rows))
    has_room = SAMPLES * len(examined.dataset.classes) <= LARGE_SAMPLES
    longest_px = LARGE_SAMPLE_PX if has_room else SAMPLE_PX
    for label, name in enumerate(examined.dataset.classes[:CLASSES_SAMPLED]):
        mine = rows[drawn[labels[drawn] == label][:SAMPLES]]
        if len(mine):
            yield (
                name,
                [(examined.name(i), pictures.of(int(i), longest_px=longest_px)) for i in mine],
            )


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """One bar: `count` values from `low` to `high`; `height` is 0 to 1."""

    low: float
    high: float
    count: int
    height: float


class Histogram(NamedTuple):
    """A histogram, which the template draws as SVG.

    Attributes:
        bars: Bars from the smallest value to the largest, of equal width on the page.
        ticks: Values with their positions, 0 (left) to 1 (right).
        is_logarithmic: Whether equal steps are equal ratios.
    """

    bars: tuple[HistogramBar, ...]
    ticks: tuple[tuple[float, float], ...]
    is_logarithmic: bool


def histogram(values: NDArray[np.float64]) -> Histogram | None:
    """A histogram of positive values; None where all are the same."""
    smallest, largest = float(values.min()), float(values.max())
    if smallest == largest:
        return None
    is_logarithmic = smallest > 0 and largest / smallest > LOGARITHMIC_FROM
    space = np.geomspace if is_logarithmic else np.linspace
    edges = space(smallest, largest, BARS + 1)
    edges[0], edges[-1] = smallest, largest
    counts, _ = np.histogram(values, bins=edges)
    bars = tuple(
        HistogramBar(float(low), float(high), int(count), float(count / counts.max()))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    ticks = zip(space(smallest, largest, 5).tolist(), np.linspace(0, 1, 5).tolist(), strict=True)
    return Histogram(bars, tuple(ticks), is_logarithmic)
