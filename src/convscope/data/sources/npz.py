"""NumPy's `.npz` with images and labels, with or without splits; nothing in it is unpickled.

Arrays are found by their names, which may carry a split: `x` and `y`; `x_train`, `y_train`,
`x_test` (Keras); `train_images`, `train_labels`, `val_images` (MedMNIST).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from convscope.data.dataset import ArrayImages, Dataset, check_not_empty
from convscope.data.sources.naming import NO_SPLIT, assembled, class_name
from convscope.data.sources.several_labels import check_one_label
from convscope.data.sources.split_names import split_of_word, words_of
from convscope.data.sources.unpacking import check_no_bomb
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.files import printable
from convscope.text import listed

IMAGE_NAMES = frozenset(("x", "images", "image", "imgs", "data", "pixels", "features"))
LABEL_NAMES = frozenset(("y", "labels", "label", "targets", "target"))
CLASS_NAMES = frozenset(("classes", "class_names", "label_names", "names"))
CHANNELS = (1, 3)
MAX_BYTES = 16 << 30  # of one array
HEADER_BYTES = 1 << 16
# RuntimeError and its child NotImplementedError are for what zipfile can't unpack.
DAMAGE = (zipfile.BadZipFile, OSError, EOFError, zlib.error, ValueError, RuntimeError)


@dataclass
class _ArrayNames:
    """Names of the arrays of images and labels by split, "" for none."""

    images: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    classes: str | None = None


def open_npz(path: Path) -> Dataset:
    """The data set in a `.npz` file, its pixels in the number format that they have there.

    Raises:
        DataError: It is damaged, its arrays can't be told apart, hold objects, or don't fit
            each other.
    """
    try:
        with zipfile.ZipFile(path) as file:
            check_no_bomb(
                path,
                packed=path.stat().st_size,
                unpacked=sum(member.file_size for member in file.infolist()),
            )
            return _open(path, file)
    except DAMAGE as error:
        raise DataError(
            f"`{path}` can't be read: {error}", hint="save it again with `numpy.savez`"
        ) from error


def _open(path: Path, file: zipfile.ZipFile) -> Dataset:
    found = _found_in(path, file)
    pixels: list[NDArray[Any]] = []
    marks: list[NDArray[Any]] = []
    codes: list[NDArray[np.int64]] = []
    names: list[str] = []
    for split in ("", *SPLITS):
        if split not in found.images:
            continue
        where = f"{path}:{found.images[split]}"
        labels = _labels(_array(file, found.labels[split]), f"{path}:{found.labels[split]}")
        pixels.append(_images(_array(file, found.images[split]), len(labels), where))
        marks.append(labels)
        codes.append(np.full(len(labels), SPLITS.index(split) if split else NO_SPLIT))
        names += [f"{split or path.stem}/{index:05d}" for index in range(len(labels))]
    check_not_empty(len(names), where=str(path))
    if len({(part.shape[1:], part.dtype) for part in pixels}) > 1:
        raise DataError(f"the splits in `{path}` have images of different sizes or number formats")
    classes, class_codes = _classes(file, found, np.concatenate(marks), path)
    images = ArrayImages(pixels[0] if len(pixels) == 1 else np.concatenate(pixels), tuple(names))
    return assembled(path.stem, images, classes, class_codes, np.concatenate(codes))


def _found_in(path: Path, file: zipfile.ZipFile) -> _ArrayNames:
    arrays = [member[:-4] for member in file.namelist() if member.endswith(".npy")]
    found = _ArrayNames()
    for array in arrays:
        words = words_of(array)
        splits = [split for word in words if (split := split_of_word(word))]
        rest = "_".join(word for word in words if not split_of_word(word))
        split = splits[0] if splits else ""
        kind = found.images if rest in IMAGE_NAMES else found.labels
        if rest in IMAGE_NAMES | LABEL_NAMES and split in kind:
            raise DataError(
                f"`{path}` has two arrays for the same: `{kind[split]}` and `{array}`",
                hint="save one of them only",
            )
        if rest in IMAGE_NAMES | LABEL_NAMES:
            kind[split] = array
        elif rest in CLASS_NAMES:
            found.classes = array
    if not found.images or found.images.keys() != found.labels.keys():
        lines = [f"`{printable(array)}`" for array in arrays]
        raise DataError(
            f"the arrays in `{path}` are not images with labels by their names\n{listed(lines)}",
            hint="call them `x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`",
        )
    if "" in found.images and len(found.images) > 1:
        raise DataError(
            f"`{path}` has images without a split, `{found.images['']}`, beside others with one",
            hint="call them `x_train` and `y_train`, or save them in a file of their own",
        )
    return found


def _array(file: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """The array of one name; its header is checked before the rest is unpacked."""
    member = file.getinfo(f"{name}.npy")
    where = f"{file.filename}:{name}"
    with file.open(member) as stream:
        head = io.BytesIO(stream.read(HEADER_BYTES))
    version = npy.read_magic(head)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read_header(head)
    if dtype.hasobject:
        raise DataError(
            f"`{where}` holds Python objects, which are pickled and can run any code",
            hint="save texts as an array of type `str`, and images of one size as one array",
        )
    num_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if member.file_size - head.tell() != num_bytes:
        raise DataError(
            f"`{where}` is damaged: its header promises {num_bytes:,} bytes, "
            f"it has {member.file_size - head.tell():,}"
        )
    if num_bytes > MAX_BYTES:
        raise DataError(
            f"`{where}` has {num_bytes:,} bytes, over {MAX_BYTES:,}",
            hint="save the images as files in class folders",
        )
    with file.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _labels(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """(N,) whole numbers or texts."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"`{where}` has the shape {labels.shape}; one label an image is needed, (N,) or (N, 1)",
            hint="for labels that are 1 at the class: `labels.argmax(axis=1)`",
        )
    if labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "biuUS":
        raise DataError(f"`{where}` holds {labels.dtype}; labels are whole numbers or texts")
    return labels


def _images(images: NDArray[Any], count: int, where: str) -> NDArray[Any]:
    """(N, H, W, C), from whichever axis has 1 or 3 entries."""
    if images.ndim not in (3, 4) or images.dtype.kind not in "biuf":
        raise DataError(
            f"`{where}` has the shape {images.shape} and type {images.dtype}; images are "
            "(N, H, W), (N, H, W, C) or (N, C, H, W) numbers",
            hint="for rows of pixels: `images.reshape(-1, height, width)`",
        )
    if len(images) != count:
        raise DataError(f"`{where}` has {len(images)} images, but there are {count} labels")
    if images.ndim == 3:
        return images[:, :, :, np.newaxis]
    is_last, is_first = images.shape[3] in CHANNELS, images.shape[1] in CHANNELS
    if is_last == is_first:
        both = "both could be the" if is_last else "none has 1 or 3"
        raise DataError(
            f"`{where}` has the shape {images.shape}; the second or the last axis is that of "
            f"channels, {both} channels",
            hint="save images as (N, H, W, C) with 1 or 3 channels, and H other than that",
        )
    return images if is_last else images.transpose(0, 2, 3, 1)


def _classes(
    file: zipfile.ZipFile, found: _ArrayNames, marks: NDArray[Any], path: Path
) -> tuple[list[str], NDArray[np.int64]]:
    """The class name of each different label, and (N,) indices into them."""
    values, codes = np.unique(marks, return_inverse=True)
    if found.classes is not None and values.dtype.kind in "iu":
        listed_names = [_text(name) for name in np.atleast_1d(_array(file, found.classes))]
        if values[0] < 0 or values[-1] >= len(listed_names):
            raise DataError(
                f"`{path}:{found.classes}` has {len(listed_names)} names, but labels go from "
                f"{values[0]} to {values[-1]}",
                hint="labels count the names from 0",
            )
        texts = [listed_names[value] for value in values]
    else:
        texts = [_text(value) for value in values]
    check_one_label(texts, codes, where=f"`{path}`")
    return [class_name(text) for text in texts], codes


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()
