"""The page of `convscope check`: what an audit found, with pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope import __version__
from convscope.data.audit.findings import Examined, Finding, FoundImage
from convscope.data.audit.result import Audit
from convscope.data.audit.shapes import Spread, shares_cut_off, sides
from convscope.data.counters import permutation
from convscope.data.decode import USUAL, Decoding
from convscope.data.preprocessing import Preprocessing
from convscope.report.charts import histogram
from convscope.report.page import render
from convscope.report.pictures import Pictures
from convscope.report.words import words_of

PICTURES_SHOWN = 12  # of a finding
GROUPS_SHOWN = 8
GROUP_SHOWN = 4  # images of a group
NAMES_LISTED = 200  # of a finding; exclude.csv has all
CLASSES_IN_TABLE = 60
ENDS_IN_TABLE = 20  # classes from either end of a longer table
SAMPLES = 8  # of a class
CLASSES_SAMPLED = 50
FINDINGS_BYTES = 2_400_000  # of pictures; with the rest the page is to stay below 5 MB
SAMPLES_BYTES = 1_400_000
EXAMPLE_PX = 200
SAMPLE_PX = 112


def check_page(
    audit: Audit,
    examined: Examined,
    *,
    preprocessing: Preprocessing,
    decoding: Decoding = USUAL,
    command: str,
    exclude_command: str = "",
    language: str = "en",
) -> str:
    """The page as one HTML document, below 5 MB.

    Args:
        audit: What was found.
        examined: The data that it was found in.
        preprocessing: Of which `fit` and size are shown.
        decoding: How images are decoded.
        command: That repeats the check.
        exclude_command: That trains without what the check would leave out; "" if that is nothing.
        language: Of the page's words.
    """
    words = words_of("check", language)
    pictures = Pictures(examined.dataset.images, decoding, room_bytes=FINDINGS_BYTES)
    sample_pictures = Pictures(examined.dataset.images, decoding, room_bytes=SAMPLES_BYTES)
    has_images = bool(len(examined.readable))
    return render(
        "check",
        language=language,
        audit=audit,
        findings=[_finding(found, pictures) for found in audit.findings],
        split_totals=_split_totals(audit),
        class_rows=list(_class_rows(audit)),
        shapes=_shapes(examined) if has_images else None,
        fit=_fit(audit, examined, preprocessing, sample_pictures, words) if has_images else None,
        samples=list(_samples(examined, sample_pictures)),
        num_classes_hidden=max(0, len(audit.classes) - CLASSES_SAMPLED),
        command=command,
        exclude_command=exclude_command,
        version=__version__,
    )


def _finding(found: Finding, pictures: Pictures) -> dict[str, Any]:
    """What the page shows of a finding: some pictures, more names."""
    groups = found.groups if found.is_grouped else ()
    has_pictures = found.kind != "unreadable"
    count = len(found.groups) or len(found.details)
    return {
        "severity": found.severity,
        "title": found.title,
        "sentence": found.sentence,
        "advice": found.advice,
        "details": found.details,
        "count": count,
        "count_in_words": found.count_in_words,
        "num_images": len(found.images),
        "num_groups": len(groups),
        "groups": [
            {
                "images": [_shown(image, pictures) for image in group[:GROUP_SHOWN]],
                "num_hidden": max(0, len(group) - GROUP_SHOWN),
            }
            for group in groups[:GROUPS_SHOWN]
        ],
        "images": [_shown(image, pictures) for image in found.images[:PICTURES_SHOWN]]
        if has_pictures and not groups
        else [],
        "are_names_open": not has_pictures,
        "names": [(image.name, image.reason) for image in found.images[:NAMES_LISTED]]
        if not has_pictures or len(found.images) > PICTURES_SHOWN or len(groups) > GROUPS_SHOWN
        else [],
    }


def _shown(image: FoundImage, pictures: Pictures) -> dict[str, Any]:
    return {**asdict(image), "picture": pictures.of(image.index)}


def _split_totals(audit: Audit) -> list[tuple[str, int]]:
    if not any(audit.splits):
        return []
    columns = zip(*audit.counts, strict=True)
    return [(split or "no split", sum(c)) for split, c in zip(audit.splits, columns, strict=True)]


def _class_rows(audit: Audit) -> Iterator[dict[str, Any]]:
    """The classes, the largest first; of very many the largest and the smallest."""
    totals = np.array(audit.totals)
    order = np.argsort(-totals, kind="stable")
    largest = max(1, int(totals.max()))
    everything = max(1, int(totals.sum()))
    hidden: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    if len(order) > CLASSES_IN_TABLE:
        hidden = order[ENDS_IN_TABLE:-ENDS_IN_TABLE]
    for place, row in enumerate(order):
        if len(hidden) and ENDS_IN_TABLE <= place < len(order) - ENDS_IN_TABLE:
            if place == ENDS_IN_TABLE:
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
        "shorter_spread": Spread.of(shorter),
        "aspect": histogram(aspect),
        "aspect_spread": Spread.of(aspect),
    }


def _fit(
    audit: Audit,
    examined: Examined,
    preprocessing: Preprocessing,
    pictures: Pictures,
    words: dict[str, Any],
) -> dict[str, Any]:
    """What the network sees, with images of which a usual and a large part is cut off."""
    fitted = audit.fitted
    if fitted is None:
        return {}
    size = f"{fitted.height}x{fitted.width}"
    is_plain = fitted.fit == "crop" and not fitted.cut_off.largest
    cut = shares_cut_off(*sides(examined), preprocessing)
    order = np.argsort(cut, kind="stable")
    chosen = dict.fromkeys(int(order[round(q * (len(order) - 1))]) for q in (0.5, 0.9, 1.0))
    examples = [
        _example(examined, int(examined.readable[i]), float(cut[i]), preprocessing, pictures)
        for i in ([] if is_plain else chosen)
    ]
    sentence = words["fit_nothing" if is_plain else f"fit_{fitted.fit}"].format(
        size=size, median=f"{fitted.cut_off.median:.0%}", most=f"{fitted.cut_off.largest:.0%}"
    )
    enlarged = words["enlarged"].format(share=f"{fitted.enlarged:.0%}") if fitted.enlarged else ""
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
    """A few images of each class, drawn by a hash of their number."""
    rows = examined.readable
    labels = examined.dataset.labels[rows]
    drawn = permutation("samples", len(rows))
    for label, name in enumerate(examined.dataset.classes[:CLASSES_SAMPLED]):
        mine = rows[drawn[labels[drawn] == label][:SAMPLES]]
        if len(mine):
            yield (
                name,
                [(examined.name(i), pictures.of(int(i), longest_px=SAMPLE_PX)) for i in mine],
            )
