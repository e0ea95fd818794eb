"""Out-of-sample outputs for all images of a data set, and the labels that they contradict.

Images that a classifier was not trained on get its own outputs. For the others it would repeat the
labels that it was trained on, right or wrong: they get the outputs of linear classifiers on the
features before its last layer, each trained without the images that it judges.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.classifier import Classifier
from convscope.data.index.image_index import ImageIndex
from convscope.evaluation.error_analysis import suspected_labels
from convscope.evaluation.evaluate import collect_outputs
from convscope.evaluation.outputs import Outputs
from convscope.evaluation.subset import Subset
from convscope.networks import head_names
from convscope.progress import SILENT, Reporter

FOLDS = 5
INVERSE_PENALTY = 0.01  # of standardised weights: features are many and images few
MAX_ITERATIONS = 100


class OutOfSample(NamedTuple):
    """Outputs for N images, each from a model that was not trained on the image.

    Attributes:
        outputs: Outputs for the N images.
        is_cross_validated: (N,) whether an image's outputs are those of a linear classifier.
        is_judged: (N,) whether the model of an image knows its class from other images.
    """

    outputs: Outputs
    is_cross_validated: NDArray[np.bool_]
    is_judged: NDArray[np.bool_]

    def suspects(self) -> NDArray[np.int64]:
        """Indices of images whose label is likely wrong, the likeliest first.

        The two kinds of outputs are compared with their own averages: one kind may be surer.
        """
        found = []
        for kind in (False, True):
            rows = np.flatnonzero(self.is_judged & (self.is_cross_validated == kind))
            found.append(rows[suspected_labels(self.outputs.take(rows))])
        indices = np.concatenate(found)
        margin = self.outputs.confidences - self.outputs.target_probabilities
        return indices[np.argsort(-margin[indices], kind="stable")]


def out_of_sample_outputs(
    classifier: Classifier,
    image_index: ImageIndex,
    is_trained_on: NDArray[np.bool_],
    *,
    reporter: Reporter = SILENT,
) -> OutOfSample:
    """Outputs for all images, each from a model that was not trained on the image.

    Args:
        classifier: The classifier; its classes are those that the labels count.
        image_index: N images.
        is_trained_on: (N,) whether the classifier was trained on an image.
        reporter: Shows progress.

    Raises:
        DataError: There are no images, or the classifier's outputs are not finite.
    """
    everything = Subset(np.arange(len(image_index)), "all images", None)
    with _recorded_features(classifier) as parts:
        outputs, _ = collect_outputs(classifier, image_index, everything, reporter=reporter)
    logits = outputs.log_probabilities.astype(np.float32)
    is_judged = np.ones(len(logits), dtype=bool)
    if is_trained_on.any():
        crossed = cross_validated(
            torch.cat(parts).numpy(),
            outputs.targets,
            image_index.pixel_hashes,
            num_classes=len(outputs.classes),
        )
        logits[is_trained_on] = crossed[is_trained_on]
        own = logits[np.arange(len(logits)), outputs.targets]
        is_judged = ~is_trained_on | np.isfinite(own)
    return OutOfSample(Outputs(logits, outputs.targets, outputs.classes), is_trained_on, is_judged)


def cross_validated(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    pixel_hashes: NDArray[np.uint64],
    *,
    num_classes: int,
) -> NDArray[np.float32]:
    """(N, K) log probabilities by multinomial logistic regression, each row from other images.

    Images with the same pixels are in one fold if they have the same label. A class of which the
    other folds have no image gets minus infinity.

    Args:
        features: (N, D) features.
        labels: (N,) class indices.
        pixel_hashes: (N,) hashes, which say the fold of an image, whatever its name or place.
        num_classes: K.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.full((len(labels), num_classes), -np.inf, dtype=np.float32)
    folds = _folds(labels, pixel_hashes)
    for fold in range(FOLDS):
        others, own = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(own) or len(np.unique(labels[others])) < 2:
            continue
        regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings():  # a last digit more would change no suspect
            warnings.simplefilter("ignore", category=UserWarning)
            model = make_pipeline(StandardScaler(), regression).fit(
                features[others], labels[others]
            )
        found[np.ix_(own, regression.classes_)] = model.predict_log_proba(features[own])
    return found


def _folds(labels: NDArray[np.int64], pixel_hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(N,) the fold of each image: those of a class are spread evenly, in the order of hashes."""
    folds = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = labels == label
        folds[members] = np.unique(pixel_hashes[members], return_inverse=True)[1] % FOLDS
    return folds


@contextmanager
def _recorded_features(classifier: Classifier) -> Iterator[list[Tensor]]:
    """Context manager that collects (n, D) inputs of the last layer, feature maps as their means.

    Args:
        classifier: The classifier, whose inference network is to be called.
    """
    parts: list[Tensor] = []

    def record(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].float()
        parts.append((values.mean(dim=(2, 3)) if values.ndim == 4 else values.flatten(1)).cpu())

    head = classifier.inference_network.get_submodule(head_names(classifier.network)[-1])
    hook = head.register_forward_pre_hook(record)
    try:
        yield parts
    finally:
        hook.remove()
