"""Out-of-sample outputs: no image is judged by a model that was trained on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from convscope.classifier import Classifier, NetworkChoice
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.evaluation import out_of_sample
from convscope.evaluation.out_of_sample import OutOfSample, cross_validated
from convscope.evaluation.outputs import Outputs

NUM_OF_CLASS = 20


@pytest.fixture
def features() -> NDArray[np.float32]:
    """(60, 6) features of three classes that lie apart, class by class."""
    random = np.random.default_rng(0)
    centres = np.eye(3, 6, dtype=np.float32) * 4
    noise = random.normal(size=(3 * NUM_OF_CLASS, 6)).astype(np.float32)
    return np.asarray(np.repeat(centres, NUM_OF_CLASS, axis=0) + noise)


LABELS = np.repeat(np.arange(3), NUM_OF_CLASS)
HASHES = np.random.default_rng(1).permutation(3 * NUM_OF_CLASS).astype(np.uint64)


def test_rows_are_probabilities_and_mostly_right(features: NDArray[np.float32]) -> None:
    found = cross_validated(features, LABELS, HASHES, num_classes=3)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)
    assert (found.argmax(axis=1) == LABELS).mean() > 0.9


def test_the_label_of_an_image_changes_nothing_in_its_own_row(
    features: NDArray[np.float32],
) -> None:
    before = cross_validated(features, LABELS, HASHES, num_classes=3)
    moved = LABELS.copy()
    moved[7] = 2
    row = cross_validated(features, moved, HASHES, num_classes=3)[7]
    assert row.argmax() == 0
    assert abs(row[0] - before[7, 0]) < 0.3  # the fold has other companions


def test_copies_of_an_image_are_judged_without_each_other(features: NDArray[np.float32]) -> None:
    hashes = HASHES.copy()
    hashes[:5] = hashes[0]
    labels = LABELS.copy()
    labels[:5] = 1  # five copies with the same wrong label would vouch for each other
    features[:5] = features[0]
    assert (cross_validated(features, labels, hashes, num_classes=3)[:5].argmax(axis=1) == 0).all()


def test_a_class_of_one_image_is_unknown_to_the_other_folds(features: NDArray[np.float32]) -> None:
    labels = LABELS.copy()
    labels[3] = 3
    assert cross_validated(features, labels, HASHES, num_classes=4)[3, 3] == -np.inf
    one_class = cross_validated(features, 0 * LABELS, HASHES, num_classes=2)
    assert (one_class == -np.inf).all()


def test_order_and_names_change_no_probability(features: NDArray[np.float32]) -> None:
    order = np.random.default_rng(2).permutation(len(LABELS))
    found = cross_validated(features, LABELS, HASHES, num_classes=3)
    other = cross_validated(features[order], LABELS[order], HASHES[order], num_classes=3)
    np.testing.assert_allclose(other, found[order], atol=1e-3)


def test_each_kind_of_outputs_is_compared_with_its_own_averages() -> None:
    """One wrong label among surer and one among less sure outputs; unjudged images are passed."""
    logits = np.array([[8, 0]] * 4 + [[1, 0]] * 4 + [[0, 8]] * 4 + [[0, 1]] * 4, dtype=np.float32)
    targets = np.array([0] * 8 + [1] * 8)
    targets[[0, 4]], logits[[0, 4], 0] = 1, (9, 1.5)
    is_crossed = np.array(([False] * 4 + [True] * 4) * 2)
    judged = np.ones(16, dtype=bool)
    found = OutOfSample(Outputs(logits, targets, ("a", "b")), is_crossed, judged)
    assert found.suspects().tolist() == [0, 4]
    judged[0] = False
    assert found.suspects().tolist() == [4]


@pytest.mark.parametrize(("name", "size"), [("lenet5_relu", 84), ("squeezenet1_1", 512)])
def test_features_are_what_the_last_layer_gets_and_maps_become_their_means(
    name: str, size: int
) -> None:
    choice = NetworkChoice(name, num_classes=3, in_channels=3, input_size=(32, 32))
    preprocessing = Preprocessing(
        height=32, width=32, channels=3, fit="crop", mean=(0.0,) * 3, std=(1.0,) * 3
    )
    classifier = Classifier(
        choice.build(), choice, preprocessing=preprocessing, classes=("a", "b", "c")
    )
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad(), out_of_sample._recorded_features(classifier) as parts:
        classifier.inference_network(images)
    with torch.no_grad():
        classifier.inference_network(images)  # the hook is gone
    assert [tuple(part.shape) for part in parts] == [(2, size)]
