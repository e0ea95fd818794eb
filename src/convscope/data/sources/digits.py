"""The data set that comes with scikit-learn: 1,797 handwritten digits of 8x8 pixels."""

from __future__ import annotations

import numpy as np

from convscope.data.dataset import ArrayImages, Dataset


def open_digits() -> Dataset:
    """Handwritten digits, 0 to 255, without splits.

    Source: UCI Optical Recognition of Handwritten Digits, its test part, 8x8 pixels of 0..16.
    """
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
