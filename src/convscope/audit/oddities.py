"""Oddities: damaged files, and files of an unusual format, mode, orientation or name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np

from convscope.audit.findings import Examined, Finding, finding
from convscope.data.decoding.formats import format_of_suffix
from convscope.data.index.statistics import is_grey
from convscope.text import counted

PLAIN_MODES = ("L", "RGB", "")
ARRAY_FORMAT = "array"
NARROW = 0.26  # of the range: 14 bits in files of 16 reach a quarter
# Formats that are another one with something behind it; a file may be called after either.
SAME_FORMATS = {"MPO": "JPEG"}
MODE_NAMES = {
    "1": "black and white without grey",
    "P": "palette",
    "PA": "palette with transparency",
    "LA": "grey with transparency",
    "La": "grey with transparency",
    "RGBA": "transparency",
    "RGBa": "transparency",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
    "LAB": "CIE Lab",
    "I": "32-bit grey",
    "F": "floating-point grey",
}
# `missing_in_split` reports the same for every source.
_MISSING_IN_SPLIT = re.compile(r"^split `[^`]*` has no images of ")


def find_damage(examined: Examined) -> Iterator[Finding]:
    """Findings about files that can't be read, and files of which a part is missing."""
    damaged = examined.scan.damaged.items()
    images = [examined.image(i, reason, exclude=True) for i, reason in damaged]
    if images:
        yield finding("unreadable", severity="error", images=images)
    truncated = np.flatnonzero(examined.statistics["is_truncated"])
    images = [examined.image(i, "ends early") for i in truncated]
    if images:
        yield finding("truncated", severity="error", images=images)


def find_oddities(examined: Examined) -> Iterator[Finding]:
    """Findings about files that can be read but are unusual."""
    frames, orientation = examined.statistics["num_frames"], examined.statistics["orientation"]
    turned = np.flatnonzero(orientation > 1)
    for kind, reasons in (
        ("wrong_extension", _wrong_extensions(examined)),
        ("animated", dict.fromkeys(np.flatnonzero(frames > 1).tolist(), "has several frames")),
        ("turned", {int(i): f"has EXIF orientation {orientation[i]}" for i in turned}),
        ("unusual_modes", _unusual_modes(examined)),
    ):
        if reasons:
            yield finding(kind, severity="note", images=examined.images(reasons))


def find_colour_mix(examined: Examined) -> Iterator[Finding]:
    """The finding about grey pictures among coloured ones, or the other way round."""
    grey = is_grey(examined.statistics[examined.readable])
    num_grey, num_all = int(grey.sum()), len(grey)
    if not 0 < num_grey < num_all:
        return
    is_grey_rare = 2 * num_grey <= num_all
    rare, common = ("grey", "in colour") if is_grey_rare else ("in colour", "grey")
    few = examined.readable[grey == is_grey_rare]
    yield finding(
        "colour_mix",
        severity="note",
        images=[examined.image(index, f"is {rare}") for index in few],
        few=f"{len(few):,}",
        all=f"{num_all:,}",
        rare=rare,
        common=common,
    )


def find_values(examined: Examined, value_range: tuple[float, float] | None) -> Iterator[Finding]:
    """Findings about the values of files of more than 8 bits a value.

    Args:
        examined: The data set.
        value_range: The values that were taken for black and white; None for those of the types.
    """
    spans = examined.statistics["span"]
    wide = examined.readable[spans[examined.readable, 3] > spans[examined.readable, 2]]
    if value_range is not None and len(examined.readable) and not len(wide):
        yield finding("unused_value_range", severity="note", details=["no image has more"])
    is_colour = examined.statistics["channels"][wide] == 3
    for rows in (wide[~is_colour], wide[is_colour]):
        smallest, largest, black, white = spans[rows].T
        reached = float(((largest - black) / (white - black)).max(initial=0))
        if not 0 < reached < NARROW:
            continue
        high = _range_above(float(largest.max()))
        advice = f"Say which values are black and white: `--value-range 0,{high:g}`."
        if examined.statistics["channels"][rows[0]] == 3:
            advice = "Save them scaled to the full range: of 16 bits a colour only 8 can be read."
        yield finding(
            "narrow_values",
            severity="warning",
            images=[examined.image(row, f"reaches {spans[row, 1]:.7g}") for row in rows],
            count=counted(len(rows), "image"),
            smallest=smallest.min(),
            largest=largest.max(),
            part=round(1 / reached),
            black=black.min(),
            white=white.max(),
            levels=round(reached * 255) + 1,
            advice=advice,
        )


def _range_above(largest: float) -> float:
    """The white of a range that values up to the largest fill: the most of whole bits."""
    if largest > 1:
        return float(2 ** math.ceil(math.log2(largest + 1)) - 1)
    step = 10.0 ** (math.floor(math.log10(largest)) - 1)  # two digits
    return float(math.ceil(largest / step) * step)


def find_odd_names(examined: Examined) -> Iterator[Finding]:
    """Findings about names that not every system can have."""
    names = [examined.name(index) for index in range(len(examined.dataset))]
    strange = [
        index
        for index, name in enumerate(names)
        if "\\" in name  # names with such characters are printed as `\x1b`, `\u200b`, `\n`
    ]
    if strange:
        reason = "its name has characters that not every system knows"
        images = [examined.image(index, reason) for index in strange]
        yield finding("odd_names", severity="note", images=images)
    count_of = Counter(name.casefold() for name in set(names))
    clashes = [index for index, name in enumerate(names) if count_of[name.casefold()] > 1]
    if clashes:
        reason = "differs from another name only in upper and lower case"
        images = [examined.image(index, reason) for index in clashes]
        yield finding("case_names", severity="warning", images=images)


def find_remarks(examined: Examined) -> Iterator[Finding]:
    """The finding that lists what was noticed while the data was opened."""
    remarks = [r for r in examined.dataset.remarks if not _MISSING_IN_SPLIT.match(r)]
    if remarks:
        yield finding("remarks", severity="note", details=remarks)


def _wrong_extensions(examined: Examined) -> dict[int, str]:
    reasons = {}
    formats, format_of = examined.statistics["format"], format_of_suffix()
    known = frozenset(format_of.values())
    for index in examined.readable:
        suffix = PurePosixPath(examined.name(index)).suffix.lower()
        found = formats[index].decode()
        promised = format_of.get(suffix, found)
        same = (SAME_FORMATS.get(name, name) for name in (found, promised))
        if found in known and len(set(same)) > 1:
            reasons[int(index)] = f"is {found}, though its name ends in `{suffix}`"
    return reasons


def _unusual_modes(examined: Examined) -> dict[int, str]:
    reasons = {}
    modes, formats = examined.statistics["mode"], examined.statistics["format"]
    for index in examined.readable:
        mode = modes[index].decode()
        if mode in PLAIN_MODES or mode == "?" or formats[index].decode() == ARRAY_FORMAT:
            continue
        if mode == "P" and formats[index] == b"GIF":
            continue  # as every GIF
        name = "16-bit grey" if mode.startswith("I;16") else MODE_NAMES.get(mode, mode)
        reasons[int(index)] = f"has colour mode {mode}" + (f" ({name})" if name != mode else "")
    return reasons
