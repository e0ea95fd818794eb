"""From what a user points at to a Dataset: class folders, idx files, `digits`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convscope.data.dataset import ArrayImages, Dataset
from convscope.data.sources.folders import open_folders
from convscope.data.sources.idx import find_idx_files, open_idx
from convscope.errors import DataError

EMBEDDED = ("digits",)


def open_dataset(path: str | Path) -> Dataset:
    """The images, classes and splits at `path`; no pixel is read yet.

    Args:
        path: A folder with a folder of images for each class, with or without `train`, `val`
            (`validation`, `valid`) and `test` above them; a folder with the idx files of MNIST
            and its kin; or `digits`, 1,797 handwritten digits that come with scikit-learn.

    Raises:
        DataError: There is nothing, or nothing to learn from; classes of splits don't match.
    """
    folder = Path(path)
    if str(path) in EMBEDDED and not folder.is_dir():
        return _digits()
    if not folder.exists():
        raise DataError(
            f"there is no folder `{path}`",
            hint="give a folder with one folder of images for each class, or `digits`",
        )
    if not folder.is_dir():
        raise DataError(
            f"`{path}` is a file, not a folder",
            hint="give a folder with one folder of images for each class",
        )
    try:
        idx_files = find_idx_files(folder)
        return open_idx(folder, idx_files) if idx_files else open_folders(folder)
    except PermissionError as error:
        raise DataError(f"`{error.filename}` can't be read: {error.strerror}") from error


def _digits() -> Dataset:
    """Source: UCI Optical Recognition of Handwritten Digits, its test part, 8x8 pixels of 0..16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)[:, :, :, np.newaxis]
    return Dataset(
        name="digits",
        images=ArrayImages(pixels, tuple(f"digits/{index:04d}" for index in range(len(pixels)))),
        labels=bunch.target.astype(np.int64),
        classes=tuple(str(digit) for digit in range(10)),
        given_splits=("",) * len(pixels),
    )
