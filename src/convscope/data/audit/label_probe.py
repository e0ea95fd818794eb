"""The probe: a linear classifier that predicts every image's label from the other images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from convscope.data.audit.label_features import Features, features_of, standard_image
from convscope.data.counters import hash64
from convscope.data.facts import hash_pixels
from convscope.data.parallel import in_parallel

FOLDS = 5
AXES = 128  # that features are reduced to
AXES_FITTED_ON = 4000  # images
BATCH = 256


def embed(
    pixels_of: Callable[[int], NDArray[np.uint8]],
    indices: NDArray[np.int64],
    on_progress: Callable[[int], None],
) -> tuple[Features, NDArray[np.uint64]]:
    """Features (N, A) of images, reduced to their principal axes, and hashes (N,) of their pixels.

    Images are looked at in a random order, so that the axes can be fitted to the first of them and
    no more than a batch of full features is held after that. The hashes bring the order of the data
    set's files into play only through rounding.
    """
    order = np.argsort(hash64("probe", np.arange(len(indices))), kind="stable")
    hashes = np.empty(len(indices), dtype=np.uint64)
    features: Features | None = None
    axes: PCA | None = None
    place = 0
    for batch_hashes, batch in _batches(pixels_of, indices[order], on_progress):
        if axes is None:
            axes, features = _fit_axes(batch), np.empty((0, 0), dtype=np.float32)
        ...
    return features, hashes
