"""Class folders: a folder's name is the class, or its WordNet synset; splits may lie above."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset
from convscope.data.sources.listing import FileTree, FolderReader, read_whole
from convscope.data.sources.naming import (
    HEIF_SUFFIXES,
    NO_SPLIT,
    assembled,
    class_name,
    image_suffixes,
    is_archive_name,
    suffix_of,
)
from convscope.data.sources.several_labels import check_one_label
from convscope.data.sources.split_folders import (
    SplitFolders,
    check_no_splits_within,
    find_split_folders,
)
from convscope.data.sources.split_names import SHOWN_SPLITS, mentions_split
from convscope.errors import DataError
from convscope.files import printable
from convscope.recipe.types import ClassLevel
from convscope.text import counted, listed

SYNSET = re.compile(r"n\d{8}")
NAME_TABLES = (
    "LOC_synset_mapping.txt",
    "synset_words.txt",
    "words.txt",
    "wnid_to_name.txt",
    "wnid_to_name.json",
    "imagenet_class_index.json",
    "Labels.json",
)
# Folders that hold the images of whatever lies above them.
GENERIC_FOLDERS = frozenset(
    ("images", "image", "imgs", "img", "jpegimages", "photos", "photo", "pictures", "pics", "data")
    + ("jpg", "jpeg", "png", "files", "originals", "original", "raw", "rgb")
)
LEAST_SHARED = 0.25  # of the images, in folders whose names recur
LEVELS_ABOVE = 3  # the table of ILSVRC lies three folders above `ILSVRC/Data/CLS-LOC`
MAX_BYTES = 64 << 20
_LINE = re.compile(r"(n\d{8})[\s,:]+(.+)")


@dataclass
class _Findings:
    """The files of a tree by what they are, in their order."""

    class_folders: list[str]
    paths: list[str] = field(default_factory=list)  # of the images in class folders
    folder_codes: list[int] = field(default_factory=list)  # index of each image's class folder
    deeper: list[str] = field(default_factory=list)  # images in folders below their class folder
    loose: list[str] = field(default_factory=list)  # images in no class folder
    passed_over: Counter[str] = field(default_factory=Counter)  # other files, by their suffix


def open_class_folders(tree: FileTree, *, level: ClassLevel | None = None) -> Dataset:
    """The data set of class folders; images lie at any depth below their class folder.

    Args:
        tree: The files.
        level: Which of the folders that an image lies in is its class: the first one below the data
            or its splits, or the last one; None for the first one, unless that is unclear.

    Raises:
        DataError: No images, a split with a class that `train` hasn't, or folders in different
            class folders that have the same names, as classes from several sources do.
    """
    splits = find_split_folders(tree, level=level)
    found = _sorted_out(tree, depth=splits.depth, level=level)
    if not found.paths:
        raise _nothing_found(tree, found)
    check_no_splits_within(tree, _folders_without_meaning(found, splits.depth, level))
    if level is None:
        _check_levels(tree, found)
    folder_codes = np.array(found.folder_codes, dtype=np.int64)
    folder_names = [class_name(path.rpartition("/")[2]) for path in found.class_folders]
    _check_one_label(tree, folder_names, folder_codes)
    names, synset_remarks = name_synsets(folder_names, tree)
    split_of_folder = np.array(
        [splits.codes.get(path.partition("/")[0], NO_SPLIT) for path in found.class_folders]
    )
    return assembled(
        tree.name,
        tree.reader.images(found.paths),
        names,
        folder_codes,
        split_of_folder[folder_codes],
        remarks=(
            *tree.remarks,
            *splits.remarks,
            *_idle_level(tree, found, splits, level),
            *_remarks(found),
            *synset_remarks,
        ),
    )


def has_class_folders(tree: FileTree) -> bool:
    """Whether at least two folders hold images and would be classes."""
    found = _sorted_out(tree, depth=find_split_folders(tree, level="first").depth, level=None)
    return len(set(found.folder_codes)) > 1


def _nothing_found(tree: FileTree, found: _Findings) -> DataError:
    """An error that says what is there in place of images in class folders, and how to go on."""
    what = "images" if found.class_folders else "class folders"
    loose = counted(len(found.loose), "image")
    lines = [f"it has {loose} outside of class folders"] if found.loose else []
    is_packed = not isinstance(tree.reader, FolderReader)
    archives = [path for path in tree.files if is_archive_name(path)]
    hint = "a data set is a folder with one folder of images for each class"
    if archives:
        lines.append(f"it holds {counted(len(archives), 'archive')}: {_few(archives)}")
        hint = f"give `{printable(tree.path / archives[0])}`"
        if is_packed:
            hint = f"unpack it, and give what is in it: {_few(archives)}"
    elif found.passed_over:
        lines.append(f"it holds other files: {_kinds(found.passed_over)}")
    elif is_packed and tree.remarks:
        hint = "unpack it, and give the folder; names in it may not begin with a dot"
    lines += tree.remarks
    return DataError(f"`{tree.path}` has no {what}" + "".join(f"; {x}" for x in lines), hint=hint)


def _folders_without_meaning(
    found: _Findings, depth: int, level: ClassLevel | None
) -> Iterator[str]:
    """The paths of folders above or below class folders that stand for nothing."""
    if level == "last":
        for folder in found.class_folders:
            yield "/".join(folder.split("/")[depth - 1 : -1])
    for folder in {path.rpartition("/")[0] for path in found.deeper}:
        yield "/".join(folder.split("/")[depth:])


def _check_levels(tree: FileTree, found: _Findings) -> None:
    """Refuses class folders below which folders of the same names hold many of the images.

    One such name is enough if it says what is on the images (`roses`, not `images`).

    Raises:
        DataError: There are such names, each in several class folders.
    """
    level = found.class_folders[0].count("/") + 1
    num_images = Counter(path.rpartition("/")[0] for path in found.deeper)
    classes_of: dict[str, set[str]] = {}
    for folder in num_images:
        parts = folder.split("/")
        for name in parts[level:]:
            classes_of.setdefault(name, set()).add(parts[level - 1])
    shared = {name for name, classes in classes_of.items() if len(classes) > 1}
    shared = {name for name in shared if name.lower() not in GENERIC_FOLDERS}
    num_shared = sum(n for path, n in num_images.items() if shared & {*path.split("/")[level:]})
    num_all = len(found.paths)
    if len(found.deeper) * 2 <= num_all or num_shared < num_all * LEAST_SHARED:
        return
    inner = _few(shared)
    outer = set().union(*(classes_of[name] for name in shared))
    if any(map(mentions_split, outer)):
        hint = f"call them {', '.join(SHOWN_SPLITS)} if these are splits"
    else:
        those = "are" if len(shared) > 1 else "and others like it are"
        hint = f"`--class-level last` if {inner} {those} the classes, and the folders above are "
        hint += "sources"
    hint += f"; `--class-level first` if {_few(outer)} are the classes"
    raise DataError(
        f"it isn't clear which folders of `{tree.path}` are the classes: {inner} "
        f"{'lie' if len(shared) > 1 else 'lies'} in each of {_few(outer)}",
        hint=hint,
    )


def _sorted_out(tree: FileTree, *, depth: int, level: ClassLevel | None) -> _Findings:
    folders = [path for path in tree.folders if path.count("/") == depth - 1]
    found = _Findings([] if level == "last" else folders)
    code_of = {path: code for code, path in enumerate(found.class_folders)}
    suffixes = image_suffixes()
    for path in tree.files:
        suffix = suffix_of(path)
        if suffix not in suffixes:
            found.passed_over[suffix or "no suffix"] += 1
            continue
        parts = path.split("/", depth + 1)
        if len(parts) <= depth:
            found.loose.append(path)
            continue
        found.paths.append(path)
        folder = path.rpartition("/")[0] if level == "last" else "/".join(parts[:depth])
        if folder not in code_of:
            code_of[folder] = len(found.class_folders)
            found.class_folders.append(folder)
        found.folder_codes.append(code_of[folder])
        if len(parts) > depth + 1 and level != "last":
            found.deeper.append(path)
    return found


def _few(names: Iterable[str]) -> str:
    """The first three names."""
    quoted = [f"`{class_name(name)}`" for name in sorted(names)]
    return ", ".join(quoted[:3]) + (" ..." if len(quoted) > 3 else "")


def _kinds(passed_over: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(passed_over.items()))


def _check_one_label(
    tree: FileTree, folder_names: Sequence[str], folder_codes: NDArray[np.int64]
) -> None:
    """Refuses class folders whose names are several labels, whatever splits they lie in."""
    names, places = np.unique(np.array(folder_names, dtype=object), return_inverse=True)
    check_one_label(names.tolist(), places[folder_codes], where=f"`{tree.path}`")


def _idle_level(
    tree: FileTree, found: _Findings, splits: SplitFolders, level: ClassLevel | None
) -> list[str]:
    """A remark on a level that the user gives where the data has only one."""
    is_one = not found.deeper and all(
        path.count("/") == splits.depth - 1 for path in found.class_folders
    )
    settles_splits = not splits.codes and any(map(mentions_split, tree.top_folders))
    if level is None or not is_one or settles_splits:
        return []
    return [f"`--class-level {level}` has no effect: no folder lies below the class folders"]


def _remarks(found: _Findings) -> list[str]:
    used = set(found.folder_codes)
    remarks = [
        f"class folder `{class_name(path.rpartition('/')[2])}` has no images"
        for code, path in enumerate(found.class_folders)
        if code not in used
    ]
    if found.deeper:
        remarks.append(
            f"{counted(len(found.deeper), 'image')} deeper than one folder below their class, for "
            f"instance `{printable(found.deeper[0])}`; the class is the first level"
        )
    if found.loose:
        names = listed([printable(name) for name in found.loose])
        remarks.append(
            f"left out: {counted(len(found.loose), 'image')} outside of class folders\n{names}"
        )
    if found.passed_over:
        kinds = _kinds(found.passed_over)
        remarks.append(f"files that are no images by their names were passed over: {kinds}")
    if HEIF_SUFFIXES & set(found.passed_over):
        remarks.append("HEIC images can be read after `pip install convscope[heif]`")
    return list(dict.fromkeys(remarks))


def name_synsets(names: Sequence[str], tree: FileTree) -> tuple[list[str], list[str]]:
    """Readable class names, where class folders are synsets and a table beside them names them.

    A class is called by the first name of its synset; where two synsets share it (`crane`), the
    synset follows in brackets.

    Args:
        names: Names of class folders; each may occur in several splits.
        tree: Where they lie; the table lies there or up to three folders above.

    Returns:
        The new names in the same order, and remarks.
    """
    if not all(SYNSET.fullmatch(name) for name in names):
        return list(names), []
    table, where = _find_table(tree)
    if not table:
        return list(names), [
            "class folders are synsets and no table that names them lies beside them "
            f"({', '.join(NAME_TABLES[:3])}); classes are called by their synsets"
        ]
    shared = Counter(table[synset] for synset in set(names) if synset in table)
    named = []
    for synset in names:
        word = table.get(synset, synset)
        named.append(f"{word} ({synset})" if shared[word] > 1 else word)
    unnamed = len({synset for synset in names if synset not in table})
    rest = f"; {unnamed} of them are not in it" if unnamed else ""
    return named, [f"synsets are called by their first names in `{printable(where)}`{rest}"]


def _find_table(tree: FileTree) -> tuple[dict[str, str], str]:
    """The first name of each synset and the file that says so; ({}, "") if there is none."""
    for name in NAME_TABLES:
        if tree.reader.exists(name):
            table = _read(tree.reader.read(name, max_bytes=MAX_BYTES), name)
            if table:
                return table, name
    for folder in list(tree.path.resolve().parents)[:LEVELS_ABOVE]:
        for path in (folder / name for name in NAME_TABLES):
            if path.is_file():
                table = _read(read_whole(path, max_bytes=MAX_BYTES), path.name)
                if table:
                    return table, str(path)
    return {}, ""


def _read(content: bytes, name: str) -> dict[str, str]:
    """Synsets with their first names, from lines or from JSON; empty if it is something else."""
    text = content.decode("utf-8-sig", "replace")
    if name.endswith(".json"):
        try:
            pairs = _pairs(json.loads(text))
        except (ValueError, RecursionError):
            return {}
    else:
        lines = map(_LINE.fullmatch, text.splitlines())
        pairs = [(found[1], found[2]) for found in lines if found]
    return {
        synset: str(terms).split(",")[0].strip().replace("_", " ")
        for synset, terms in pairs
        if str(terms).split(",")[0].strip()
    }


def _pairs(content: Any) -> list[tuple[str, Any]]:
    """Synsets and terms in a JSON object: `{synset: terms}` or `{index: [synset, terms]}`."""
    pairs: list[tuple[str, Any]] = []
    for key, value in content.items() if isinstance(content, dict) else ():
        if SYNSET.fullmatch(key):
            pairs.append((key, value))
        elif isinstance(value, list) and len(value) == 2 and SYNSET.fullmatch(str(value[0])):
            pairs.append((value[0], value[1]))
    return pairs
