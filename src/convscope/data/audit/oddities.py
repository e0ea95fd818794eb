"""Damaged files, and files that are out of the ordinary: format, mode, frames, names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from convscope.data.audit.findings import Examined, Finding, finding

# Suffix -> Pillow's names of the formats that a file with it may have.
FORMATS_OF_SUFFIX = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), ("JPEG", "MPO")),
    ".png": ("PNG",),
    ".webp": ("WEBP",),
    ".bmp": ("BMP",),
    ".gif": ("GIF",),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), ("PPM",)),
}
PLAIN_MODES = ("L", "RGB", "")
ARRAY_FORMAT = "array"
SAME_CHANNELS = 5e-4  # difference of channels' means and mean squares, of 1
MODE_WORDS = {
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
# `\x1b`, `\u200b`, `\n`: how names with such characters are printed; also a real backslash.
_ESCAPE = re.compile(r"\\")
# The same is said, for every source, by `missing_in_split`.
_MISSING_IN_SPLIT = re.compile(r"^split `[^`]*` has no images of ")


def find_damage(examined: Examined) -> Iterator[Finding]:
    """Files that can't be read at all, and those of which a part is missing."""
    damaged = examined.survey.damaged
    if damaged:
        images = [examined.image(i, reason, exclude=True) for i, reason in damaged.items()]
        yield finding("unreadable", severity="error", images=images)
    truncated = np.flatnonzero(examined.facts["is_truncated"])
    if len(truncated):
        images = [examined.image(i, "ends early") for i in truncated]
        yield finding("truncated", severity="error", images=images)


def find_oddities(examined: Examined) -> Iterator[Finding]:
    """Files that are read, but are out of the ordinary."""
    for kind, reasons in (
        ("wrong_extension", _wrong_extensions(examined)),
        ("animated", _animated(examined)),
        ("turned", _turned(examined)),
        ("unusual_modes", _unusual_modes(examined)),
    ):
        if reasons:
            yield finding(kind, severity="note", images=examined.images(reasons))


def is_grey(facts: NDArray[np.void]) -> NDArray[np.bool_]:
    """(N,) whether images have no colour, also where their file has three channels."""
    apart = np.ptp(facts["mean"], axis=1) + np.ptp(facts["square"], axis=1)
    return np.asarray((facts["channels"] == 1) | (apart < SAME_CHANNELS))


def find_colour_mix(examined: Examined) -> Iterator[Finding]:
    """Grey pictures among coloured ones, or the other way round."""
    grey = is_grey(examined.facts[examined.readable])
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


def find_odd_names(examined: Examined) -> Iterator[Finding]:
    """Names that can't be written everywhere."""
    names = [examined.name(index) for index in range(len(examined.dataset))]
    reasons = {
        index: "its name has characters that not every system knows"
        for index, name in enumerate(names)
        if _ESCAPE.search(name)
    }
    if reasons:
        yield finding("odd_names", severity="note", images=examined.images(reasons))
    count_of = Counter(name.casefold() for name in set(names))
    clashes = {
        index: "differs from another name only in upper and lower case"
        for index, name in enumerate(names)
        if count_of[name.casefold()] > 1
    }
    if clashes:
        yield finding("case_names", severity="warning", images=examined.images(clashes))


def find_remarks(examined: Examined) -> Iterator[Finding]:
    """What was noticed while the data was opened."""
    remarks = [r for r in examined.dataset.remarks if not _MISSING_IN_SPLIT.match(r)]
    if remarks:
        yield finding("remarks", severity="note", details=remarks)


def _wrong_extensions(examined: Examined) -> dict[int, str]:
    reasons = {}
    formats = examined.facts["format"]
    for index in examined.readable:
        suffix = PurePosixPath(examined.name(index)).suffix.lower()
        found = formats[index].decode()
        allowed = FORMATS_OF_SUFFIX.get(suffix)
        if allowed and found in _KNOWN_FORMATS and found not in allowed:
            reasons[int(index)] = f"is {found}, though its name ends in `{suffix}`"
    return reasons


_KNOWN_FORMATS = frozenset(name for names in FORMATS_OF_SUFFIX.values() for name in names)


def _animated(examined: Examined) -> dict[int, str]:
    frames = examined.facts["num_frames"]
    return {int(i): "has several frames" for i in np.flatnonzero(frames > 1)}


def _turned(examined: Examined) -> dict[int, str]:
    orientation = examined.facts["orientation"]
    return {
        int(i): f"has EXIF orientation {orientation[i]}" for i in np.flatnonzero(orientation > 1)
    }


def _unusual_modes(examined: Examined) -> dict[int, str]:
    reasons = {}
    modes, formats = examined.facts["mode"], examined.facts["format"]
    for index in examined.readable:
        mode = modes[index].decode()
        if mode in PLAIN_MODES or mode == "?" or formats[index].decode() == ARRAY_FORMAT:
            continue
        if mode == "P" and formats[index] == b"GIF":
            continue  # as every GIF
        words = "16-bit grey" if mode.startswith("I;16") else MODE_WORDS.get(mode, mode)
        reasons[int(index)] = f"has colour mode {mode}" + (f" ({words})" if words != mode else "")
    return reasons
