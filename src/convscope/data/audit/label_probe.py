"""The probe: a linear classifier that predicts every image's label from the other images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from convscope.data.audit.label_features import Features, features_of, standard_image
from convscope.data.counters import permutation
from convscope.data.facts import hash_pixels
from convscope.data.parallel import in_parallel

FOLDS = 5
AXES = 128  # that features are reduced to
AXES_FITTED_ON = 4000  # images
SMALLEST_VARIANCE = 1e-6  # of an axis, in relation to the first; below it there is only rounding
BATCH = 128

PixelsOf = Callable[[int], NDArray[np.uint8]]


class Embedded(NamedTuple):
    """What the probe knows of N images.

    Attributes:
        features: (N, A).
        hashes: (N,) of their pixels.
    """

    features: Features
    hashes: NDArray[np.uint64]


def embed(
    pixels_of: PixelsOf, indices: NDArray[np.int64], on_progress: Callable[[int], None]
) -> Embedded:
    """Fixed features of images, reduced to principal axes that are fitted to up to 4,000 of them.

    No more than these 4,000 are held in full, so that memory doesn't grow with 832 features each.
    """
    shuffled = permutation("label axes", len(indices))
    first, rest = np.sort(shuffled[:AXES_FITTED_ON]), np.sort(shuffled[AXES_FITTED_ON:])
    hashes = np.empty(len(indices), dtype=np.uint64)

    def batches(places: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Features]]:
        of_place = _looked_at(pixels_of, indices[places])
        for start in range(0, len(places), BATCH):
            batch = places[start : start + BATCH]
            hashed, images = zip(*(next(of_place) for _ in batch), strict=True)
            hashes[batch] = hashed
            yield batch, features_of(images)
            on_progress(len(batch))

    full = np.concatenate([features for _, features in batches(first)])
    pca = PCA(n_components=min(AXES, *full.shape), svd_solver="covariance_eigh").fit(full)
    variances = pca.explained_variance_
    num_axes = max(1, int((variances > SMALLEST_VARIANCE * max(variances[0], 1e-12)).sum()))
    axes, origin = pca.components_[:num_axes].T, pca.mean_
    reduced = np.empty((len(indices), num_axes), dtype=np.float32)
    reduced[first] = (full - origin) @ axes
    for batch, features in batches(rest):
        reduced[batch] = (features - origin) @ axes
    return Embedded(reduced, hashes)


def _looked_at(
    pixels_of: PixelsOf, indices: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    def one(index: int) -> tuple[int, NDArray[np.uint8]]:
        pixels = pixels_of(index)
        return hash_pixels(pixels), standard_image(pixels)

    for _, result in in_parallel(one, indices):
        yield result


def predict_out_of_fold(
    features: Features, labels: NDArray[np.int64], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Log-probabilities (N, K) of labels 0 to K - 1, each from a probe that didn't see the image.

    Args:
        features: (N, A).
        labels: (N,), every one of them in at least two folds.
        folds: (N,).
    """
    log_probabilities = np.empty((len(labels), int(labels.max()) + 1))
    for fold in np.unique(folds):
        is_held_out = folds == fold
        probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        probe.fit(features[~is_held_out], labels[~is_held_out])
        scores = probe.decision_function(features[is_held_out])
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros_like(scores), scores])
        scores = scores - scores.max(axis=1, keepdims=True)
        log_probabilities[is_held_out] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return log_probabilities


def stratified_folds(labels: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A fold (N,) for each image, in which every class has its share; of copies the same one."""
    folds = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        _, rank = np.unique(hashes[rows], return_inverse=True)
        folds[rows] = rank % FOLDS
    return folds
