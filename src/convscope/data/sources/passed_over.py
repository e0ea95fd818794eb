"""What lies among images and is none of the data: system files, thumbnails, own output.

What a verb wrote is known by its files, whatever its folder is called: the recipe of a run, the
list of a check, or the marker that `convscope.files.mark_output` leaves.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from convscope.data.sources.naming import is_image
from convscope.files import OUTPUT_MARKER, printable
from convscope.paths import OUTPUTS
from convscope.text import counted, listed

# Names of macOS, Windows, Synology, QNAP and Linux for what is no file of the user's.
JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "#recycle", "#snapshot", "@Recycle") + (
    "@Recently-Snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
)
_JUNK = frozenset(name.casefold() for name in JUNK)  # file systems that they are from ignore case
_RECYCLERS = frozenset(("RECYCLER", "Recycler"))  # of old versions of Windows; a class may be small
# A class may be called so too: such a folder is left out only if it repeats what lies beside it.
THUMBNAILS = frozenset(("thumbs", "thumb", "thumbnails", "thumbnail", "_thumbs", "_thumbnails"))
THUMBNAIL_WORDS = frozenset(
    ("thumb", "thumbs", "thumbnail", "tn", "th", "small", "mini", "preview")
)
OUTPUT_FILES = (frozenset((OUTPUT_MARKER,)), *OUTPUTS.values())
_MARK = re.compile(r"(?<=[^\W_])[\W_]+(?=[^\W_])")  # between what a name says and what it adds
_OUTPUT_NAMES = tuple(frozenset().union(*OUTPUT_FILES))


class Kept(NamedTuple):
    """The files and folders that may be data, and remarks on the others."""

    files: Sequence[str]
    folders: Sequence[str]
    remarks: tuple[str, ...] = ()


def is_junk(name: str) -> bool:
    """Whether a file or folder is hidden, or a system's."""
    return name.startswith(".") or name.casefold() in _JUNK or name in _RECYCLERS


def pass_over(files: Sequence[str], folders: Sequence[str], *, markers: Iterable[str]) -> Kept:
    """The files and folders without those that this product wrote, and without thumbnails.

    Args:
        files: Paths of files, hidden ones left out.
        folders: Paths of the folders that they lie in, and of empty ones.
        markers: Paths of the hidden files by which output is known.
    """
    output = _output_folders([*files, *markers])
    thumbnails = _thumbnail_folders(files, folders)
    left_out = {*output, *thumbnails}
    if not left_out:
        return Kept(files, folders)
    starts = tuple(f"{folder}/" for folder in left_out)
    kept = [path for path in files if not path.startswith(starts)]
    # A folder that held nothing else, as `runs` does, goes too; one that was empty before stays.
    around = {folder for path in left_out for folder in _above(path)}
    holding = {folder for folder in around if any(path.startswith(f"{folder}/") for path in kept)}
    gone = left_out | (around - holding)
    kinds = [("written by convscope", output), ("thumbnails of the images beside it", thumbnails)]
    return Kept(
        kept,
        [path for path in folders if path not in gone and not path.startswith(starts)],
        tuple(
            f"{counted(len(paths), 'folder')} passed over: {kind}\n"
            f"{listed(sorted(map(printable, paths)))}"
            for kind, paths in kinds
            if paths
        ),
    )


def _output_folders(paths: Iterable[str]) -> set[str]:
    """The folders below the top that hold the files of an output, the outermost ones."""
    names_in = defaultdict(set)
    for path in paths:
        if path.endswith(_OUTPUT_NAMES):  # far faster than taking every path apart
            folder, _, name = path.rpartition("/")
            names_in[folder].add(name)
    output = {
        folder
        for folder, names in names_in.items()
        if folder and any(known <= names for known in OUTPUT_FILES)
    }
    return {folder for folder in output if not _is_within(folder, output)}


def _thumbnail_folders(files: Iterable[str], folders: Iterable[str]) -> set[str]:
    """The folders called like thumbnails whose images, for the most part, lie beside them too."""
    found = {path for path in folders if path.rpartition("/")[2].lower() in THUMBNAILS}
    if not found:
        return set()
    stems = {os.path.splitext(path)[0] for path in files if is_image(path)}  # noqa: PTH122
    num_inside, num_beside = Counter[str](), Counter[str]()
    for stem in stems:
        for folder in found.intersection(_above(stem)):
            beside = (folder.rpartition("/")[0] + stem[len(folder) :]).lstrip("/")
            num_inside[folder] += 1
            num_beside[folder] += not stems.isdisjoint(_originals(beside))
    thumbnails = {folder for folder in found if num_beside[folder] * 2 > num_inside[folder]}
    return {folder for folder in thumbnails if not _is_within(folder, thumbnails)}


def _originals(stem: str) -> Iterator[str]:
    """What the original of a thumbnail may be called: `x` for `x_thumb`, `x-150x150`, `tn_x`."""
    yield stem
    folder, slash, name = stem.rpartition("/")
    for mark in _MARK.finditer(name):
        yield folder + slash + name[: mark.start()]
        if name[: mark.start()].lower() in THUMBNAIL_WORDS:
            yield folder + slash + name[mark.end() :]


def _is_within(path: str, folders: Collection[str]) -> bool:
    return any(folder in folders for folder in _above(path))


def _above(path: str) -> Iterator[str]:
    """The folders that a file or folder lies in, the innermost first."""
    while path := path.rpartition("/")[0]:
        yield path
