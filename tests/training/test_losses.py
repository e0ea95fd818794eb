"""Losses against torch's and against sums by hand, with weights, smoothing and shares."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convscope.errors import UsageError
from convscope.training.losses import LOSSES, ClassificationLoss, class_weights

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]])
TARGETS = torch.tensor([0, 2])
SHARES = F.one_hot(TARGETS, 3).float()


def loss_of(loss_function: ClassificationLoss, targets: torch.Tensor = TARGETS) -> float:
    return float(loss_function(nn.Identity(), LOGITS, targets).loss)


def test_cross_entropy_is_torchs() -> None:
    for smoothing in (0.0, 0.1):
        expected = F.cross_entropy(LOGITS, TARGETS, label_smoothing=smoothing)
        assert loss_of(ClassificationLoss(label_smoothing=smoothing)) == pytest.approx(
            float(expected)
        )


def test_binary_cross_entropy_adds_the_classes_up() -> None:
    by_hand = 0.0
    for row, label in zip(LOGITS.tolist(), TARGETS.tolist(), strict=True):
        for place, logit in enumerate(row):
            probability = 1 / (1 + math.exp(-logit))
            by_hand -= math.log(probability if place == label else 1 - probability)
    assert loss_of(ClassificationLoss(loss="bce")) == pytest.approx(by_hand / 2)


def test_the_focal_loss_by_hand_and_without_gamma() -> None:
    probabilities = LOGITS.softmax(dim=1)[[0, 1], TARGETS].tolist()
    by_hand = sum(-((1 - p) ** 2) * math.log(p) for p in probabilities) / 2
    assert loss_of(ClassificationLoss(loss="focal", gamma=2)) == pytest.approx(by_hand)
    plain = loss_of(ClassificationLoss())
    assert loss_of(ClassificationLoss(loss="focal", gamma=0)) == pytest.approx(plain)


def test_a_certain_image_gives_no_gradient_that_is_no_number() -> None:
    logits = torch.tensor([[40.0, 0.0, 0.0]], requires_grad=True)
    loss = ClassificationLoss(loss="focal", gamma=0.5)(
        nn.Identity(), logits, torch.tensor([0])
    ).loss
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(logits.grad).all()  # type: ignore[arg-type]


def test_weights_of_shares_are_exact_under_bfloat16() -> None:
    loss_function = ClassificationLoss(class_weights=torch.tensor([1.3441, 1.0, 1.0]))
    shares = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weighted = float(loss_function(nn.Identity(), LOGITS, shares).loss)
    plain = loss_of(ClassificationLoss(), shares)
    assert weighted == pytest.approx(1.3441 * plain, rel=1e-5)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_class_indices_and_their_shares_give_the_same_loss(loss: str) -> None:
    loss_function = ClassificationLoss(
        loss=loss, label_smoothing=0.1, class_weights=torch.tensor([1.0, 2.0, 3.0])
    )
    assert loss_of(loss_function, SHARES) == pytest.approx(loss_of(loss_function), rel=1e-6)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_class_weights_weigh_images(loss: str) -> None:
    weights = torch.tensor([3.0, 1.0, 0.5])
    each = [
        float(
            ClassificationLoss(loss=loss)(nn.Identity(), LOGITS[i : i + 1], TARGETS[i : i + 1]).loss
        )
        for i in range(2)
    ]
    weighted = loss_of(ClassificationLoss(loss=loss, class_weights=weights))
    assert weighted == pytest.approx((3.0 * each[0] + 0.5 * each[1]) / 2)


def test_several_labels_an_image_can_be_learned_with_binary_cross_entropy() -> None:
    both = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    expected = F.binary_cross_entropy_with_logits(LOGITS, both, reduction="sum") / 2
    assert loss_of(ClassificationLoss(loss="bce"), both) == pytest.approx(float(expected))


def weights_of(scheme: str = "none", **named: float) -> np.ndarray | None:
    counts = np.array([90, 10])
    return class_weights(counts, scheme=scheme, named=named, classes=("cat", "dog"))


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1], [90, 10])
    theirs = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    ours = weights_of("balanced")
    assert ours is not None
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_mean_weight_of_the_images_is_one() -> None:
    for weights in (weights_of("balanced"), weights_of("sqrt"), weights_of(dog=5.0)):
        assert weights is not None
        assert (weights @ np.array([90, 10])) / 100 == pytest.approx(1)
    ratio = weights_of("sqrt")
    assert ratio is not None
    assert ratio[1] / ratio[0] == pytest.approx(3)
    given = weights_of(dog=5.0)
    assert given is not None
    assert given[1] / given[0] == pytest.approx(5)
    assert weights_of() is None


def test_a_weight_for_what_is_no_class_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="`class_weight` names what is no class") as caught:
        weights_of(dogs=2.0)
    assert caught.value.hint == "did you mean `dog`?"


def test_weights_that_leave_nothing_are_an_error() -> None:
    with pytest.raises(UsageError, match="is 0 for every class that has images"):
        weights_of(cat=0.0, dog=0.0)
