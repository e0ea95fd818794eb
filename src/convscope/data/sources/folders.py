"""Folders of images: the folder's name is the class, with or without splits above."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from convscope.data.dataset import Dataset, FileImages, check_known, check_not_empty
from convscope.errors import DataError, listed
from convscope.files import printable

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
    + (".ppm", ".pgm", ".pbm", ".pnm")
)
JUNK = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini"))


@dataclass
class _Findings:
    """What a walk through the folders met, in sorted order."""

    paths: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    empty_classes: set[str] = field(default_factory=set)
    loose: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def open_folders(root: Path) -> Dataset:
    """A data set of class folders; images lie at any depth below their class folder.

    Raises:
        DataError: No images, one class only, or a split with a class that `train` hasn't.
    """
    found = _Findings()
    splits = _split_folders(root)
    for split, folder in splits or [("", root)]:
        found.loose += [path.relative_to(root).as_posix() for path in _images_in(folder)]
        for class_folder in _subfolders(folder):
            _collect(root, class_folder, split, found)
    if splits:
        found.loose += [path.name for path in _images_in(root)]
    if not found.paths and not found.empty_classes:
        loose = len(found.loose)
        found_loose = f"; it has {loose} images outside of class folders" if loose else ""
        raise DataError(
            f"`{root}` has no class folders{found_loose}",
            hint="a data set is a folder with one folder of images for each class",
        )
    classes = _classes(found, splits, root)
    index_of = {name: index for index, name in enumerate(classes)}
    return Dataset(
        name=_name(root),
        images=FileImages(root, tuple(found.paths)),
        labels=np.array([index_of[name] for name in found.classes], dtype=np.int64),
        classes=classes,
        given_splits=tuple(found.splits),
        remarks=tuple(_remarks(found)),
    )


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    """The folders that are splits, if one of them is the train split."""
    splits: dict[str, Path] = {}
    for folder in _subfolders(root):
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None:
            continue
        if split in splits:
            raise DataError(
                f"`{root}` has two folders for the {split} split: "
                f"`{splits[split].name}` and `{folder.name}`",
                hint="keep one of them",
            )
        splits[split] = folder
    # Two class folders called `test` and `val` alone would be strange, but `test` beside `cats`
    # is a class: splits are only splits when nothing else lies beside them.
    if len(splits) < len(_subfolders(root)):
        holds_classes = any(_subfolders(f) and not _images_in(f) for f in splits.values())
        if "train" in splits and (len(splits) > 1 or holds_classes):
            others = sorted(f.name for f in _subfolders(root) if f not in splits.values())
            raise DataError(
                f"`{root}` has splits and other folders beside them: {', '.join(others[:20])}",
                hint="move class folders into the splits, or other folders elsewhere",
            )
        return []
    return list(splits.items())


def _collect(root: Path, class_folder: Path, split: str, found: _Findings) -> None:
    before = len(found.paths)
    others = [root, class_folder.parent, *_subfolders(class_folder.parent)]
    for path in _files_below(class_folder, closed=frozenset(map(_identity, others))):
        if _is_image(path.name):
            found.paths.append(path.relative_to(root).as_posix())
            found.classes.append(printable(class_folder.name))
            found.splits.append(split)
        else:
            found.passed_over[path.suffix.lower() or "no suffix"] += 1
    if len(found.paths) == before:
        found.empty_classes.add(printable(class_folder.name))


def images_below(folder: Path) -> list[Path]:
    """All files below a folder that are images by their names, sorted."""
    return [path for path in _files_below(folder) if _is_image(path.name)]


def _images_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and _is_image(p.name))


def _files_below(folder: Path, *, closed: frozenset[tuple[int, int]] = frozenset()) -> list[Path]:
    """All files below, sorted; links are followed, but no folder is entered twice.

    Args:
        folder: Where to look.
        closed: Folders, by device and inode, that a link must not lead into: those of other
            classes, whose images would get this class.
    """
    files: list[Path] = []
    entered = set(closed - {_identity(folder)})
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_unreadable):
        if _identity(Path(place)) in entered and os.name == "posix":
            folders.clear()
            continue
        entered.add(_identity(Path(place)))
        folders[:] = sorted(name for name in folders if not _is_junk(name))
        files += [Path(place, name) for name in names if not _is_junk(name)]
    return sorted(files)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _unreadable(error: OSError) -> None:
    raise DataError(
        f"`{printable(error.filename)}` can't be read: {error.strerror}",
        hint="images in it would be missing without a word",
    ) from error


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _is_junk(path.name))


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name in JUNK


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGE_SUFFIXES and not _is_junk(name)


def _classes(found: _Findings, splits: list[tuple[str, Path]], root: Path) -> tuple[str, ...]:
    names = sorted(set(found.classes))
    check_not_empty(len(found.paths), where=str(root))
    train = Counter(c for c, s in zip(found.classes, found.splits, strict=True) if s == "train")
    if train:
        for split, _ in splits:
            here = Counter(
                c for c, s in zip(found.classes, found.splits, strict=True) if s == split
            )
            unknown = {name: count for name, count in here.items() if name not in train}
            check_known(unknown, known=sorted(train), owner=f"split train (they are in {split})")
    return tuple(names)


def _remarks(found: _Findings) -> list[str]:
    remarks = [f"class folder `{name}` has no images" for name in sorted(found.empty_classes)]
    in_splits: dict[str, set[str]] = {}
    for name, split in zip(found.classes, found.splits, strict=True):
        in_splits.setdefault(split, set()).add(name)
    everywhere = set(found.classes)
    remarks += [
        f"split `{split}` has no images of {', '.join(sorted(everywhere - names))}"
        for split, names in sorted(in_splits.items())
        if everywhere - names
    ]
    if found.loose:
        names = listed([printable(name) for name in found.loose])
        remarks.append(f"{len(found.loose)} images outside of class folders are left out\n{names}")
    if found.passed_over:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.passed_over.items()))
        remarks.append(f"files that are no images by their names were passed over: {kinds}")
    return remarks


def _name(root: Path) -> str:
    return printable(root.resolve().name) or "data"
