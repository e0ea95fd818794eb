"""Class folders: a folder's name is the class, with or without splits above; in any place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from convscope.data.dataset import Dataset, check_not_empty
from convscope.data.sources.naming import (
    HEIF_SUFFIXES,
    SPLITS,
    class_name,
    image_suffixes,
    is_image,
    split_of,
    suffix_of,
    to_classes,
)
from convscope.data.sources.places import Place
from convscope.data.sources.splits import NO_SPLIT, match_splits, split_names
from convscope.data.sources.synsets import name_synsets
from convscope.errors import DataError, counted, listed
from convscope.files import printable


@dataclass
class _Findings:
    """What the files of a place are, in their order.

    Attributes:
        class_folders: Paths of folders whose names are classes.
        paths: Images in them.
        folder_codes: For each image the index of its class folder.
        deeper: Images that lie in a folder below their class folder.
        loose: Images in no class folder.
        passed_over: How many files of other kinds there are, by their suffix.
    """

    class_folders: list[str]
    paths: list[str] = field(default_factory=list)
    folder_codes: list[int] = field(default_factory=list)
    deeper: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def open_class_folders(place: Place) -> Dataset:
    """A data set of class folders; images lie at any depth below their class folder.

    Raises:
        DataError: No images, or a split with a class that `train` hasn't.
    """
    splits = _split_folders(place)
    found = _sorted_out(place, is_split=bool(splits))
    if not found.class_folders:
        loose = counted(len(found.loose), "image")
        found_loose = f"; it has {loose} outside of class folders" if found.loose else ""
        raise DataError(
            f"`{place.path}` has no class folders{found_loose}",
            hint="a data set is a folder with one folder of images for each class",
        )
    check_not_empty(len(found.paths), where=str(place.path))
    folder_names = [class_name(path.rpartition("/")[2]) for path in found.class_folders]
    names, synset_remarks = name_synsets(folder_names, place)
    folder_codes = np.array(found.folder_codes, dtype=np.int64)
    classes, labels = to_classes(names, folder_codes)
    split_of_folder = np.array(
        [splits.get(path.partition("/")[0], NO_SPLIT) for path in found.class_folders]
    )
    codes = split_of_folder[folder_codes]
    split_remarks = match_splits(classes, labels, codes)
    return Dataset(
        name=place.name,
        images=place.reader.images(found.paths),
        labels=labels,
        classes=classes,
        given_splits=split_names(codes),
        remarks=(*place.remarks, *_remarks(found), *synset_remarks, *split_remarks),
    )


def has_class_folders(place: Place) -> bool:
    """Whether images of at least two folders, or of splits, would be told apart as classes."""
    found = _sorted_out(place, is_split=bool(_split_folders(place)))
    return len(set(found.folder_codes)) > 1


def _split_folders(place: Place) -> dict[str, int]:
    """The folders that are splits, with their index in `SPLITS`; empty if these are classes."""
    folders = place.top_folders
    splits: dict[str, str] = {}
    for folder in folders:
        split = split_of(folder)
        if split is None:
            continue
        if split in splits:
            raise DataError(
                f"`{place.path}` has two folders for the {split} split: "
                f"`{splits[split]}` and `{folder}`",
                hint="keep one of them",
            )
        splits[split] = folder
    # Two class folders called `test` and `val` alone would be strange, but `test` beside `cats`
    # is a class: splits are only splits when nothing else lies beside them.
    if len(splits) < len(folders):
        if "train" in splits and (len(splits) > 1 or _holds_classes(place, splits.values())):
            others = [printable(folder) for folder in folders if folder not in splits.values()]
            raise DataError(
                f"`{place.path}` has splits and other folders beside them: "
                f"{', '.join(others[:20])}",
                hint="move class folders into the splits, or other folders elsewhere",
            )
        return {}
    return {folder: SPLITS.index(split) for split, folder in splits.items()}


def _holds_classes(place: Place, folders: Iterable[str]) -> bool:
    """Whether one of these folders has folders and no images of its own."""
    return any(
        inner.top_folders and not any(map(is_image, inner.top_files))
        for inner in map(place.below, folders)
    )


def _sorted_out(place: Place, *, is_split: bool) -> _Findings:
    level = 2 if is_split else 1
    found = _Findings([path for path in place.folders if path.count("/") == level - 1])
    code_of = {path: code for code, path in enumerate(found.class_folders)}
    suffixes = image_suffixes()
    for path in place.files:
        suffix = suffix_of(path)
        if suffix not in suffixes:
            found.passed_over[suffix or "no suffix"] += 1
            continue
        parts = path.split("/", level + 1)
        if len(parts) <= level:
            found.loose.append(path)
            continue
        found.paths.append(path)
        found.folder_codes.append(code_of["/".join(parts[:level])])
        if len(parts) > level + 1:
            found.deeper.append(path)
    return found


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
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.passed_over.items()))
        remarks.append(f"files that are no images by their names were passed over: {kinds}")
    if HEIF_SUFFIXES & set(found.passed_over):
        remarks.append("HEIC images can be read after `pip install convscope[heif]`")
    return list(dict.fromkeys(remarks))
