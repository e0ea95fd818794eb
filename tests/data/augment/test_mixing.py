"""MixUp and CutMix: inputs and targets are mixed by the same shares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convscope.data.augment.mixing import Mixing
from convscope.errors import UsageError

LABELS = torch.arange(16) % 5
# Each image has one value everywhere, its position: what is seen of it can be counted.
POSITIONS = torch.arange(16.0)[:, None, None, None].expand(16, 3, 12, 10).contiguous()


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_targets_are_the_shares_that_are_seen(mixup: float, cutmix: float) -> None:
    classes = torch.eye(16)[:, :, None, None].expand(16, 16, 12, 10)  # a channel an image
    for step in range(5):
        mixing = Mixing(mixup_alpha=mixup, cutmix_alpha=cutmix)
        inputs, targets = mixing.apply(classes, torch.arange(16), 16, seed=0, step=step)
        torch.testing.assert_close(inputs.mean(dim=(2, 3)), targets)
        torch.testing.assert_close(targets.sum(1), torch.ones(16))
        assert (targets > 0).sum(1).max() == 2


def test_mixup_blends_whole_images_and_cutmix_pastes_boxes() -> None:
    blended = Mixing(mixup_alpha=1.0).apply(POSITIONS, LABELS, 5, seed=0, step=0).inputs
    assert all(len(image.unique()) == 1 for image in blended)
    assert (blended != POSITIONS).any()
    pasted = Mixing(cutmix_alpha=1.0).apply(POSITIONS, LABELS, 5, seed=0, step=0).inputs
    seen = [image[0] for image in pasted if len(image.unique()) == 2]
    assert len(seen) > 5
    for position, image in enumerate(pasted[:, 0]):
        rows, columns = np.nonzero(image.numpy() != position)
        if len(rows):
            box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert len(box.unique()) == 1


@pytest.mark.slow
def test_shares_are_beta_distributed() -> None:
    count = 4000
    images, labels = torch.zeros(count, 1, 1, 1), torch.arange(count)
    targets = Mixing(mixup_alpha=0.3).apply(images, labels, count, seed=0, step=0).targets
    own = targets.diagonal().double().numpy()
    reference = np.random.default_rng(0).beta(0.3, 0.3, 20_000)
    tenths = np.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(np.quantile(own, tenths), np.quantile(reference, tenths), atol=0.05)


def test_with_both_ways_half_of_the_images_are_mixed_in_each() -> None:
    classes = torch.eye(400)[:, :, None, None].expand(400, 400, 6, 6)
    mixing = Mixing(mixup_alpha=1.0, cutmix_alpha=1.0)
    inputs = mixing.apply(classes, torch.arange(400), 400, seed=0, step=0).inputs
    is_blended = ((inputs > 0) & (inputs < 1)).any(dim=1).any(dim=1).any(dim=1)
    assert 0.4 < is_blended.float().mean() < 0.6


def test_seed_step_and_rank_decide_and_nothing_else() -> None:
    def mixed(**counters: int) -> torch.Tensor:
        given = {"seed": 0, "step": 0, **counters}
        mixing = Mixing(mixup_alpha=0.4, cutmix_alpha=1.0)
        return mixing.apply(POSITIONS, LABELS, 5, **given).inputs

    before = torch.get_rng_state()
    assert torch.equal(mixed(), mixed())
    for counters in ({"seed": 1}, {"step": 1}, {"rank": 1}):
        assert not torch.equal(mixed(), mixed(**counters))
    assert torch.equal(torch.get_rng_state(), before)


def test_inputs_are_left_alone_and_keep_their_memory_format() -> None:
    inputs = POSITIONS.clone(memory_format=torch.channels_last)
    for mixing in (Mixing(mixup_alpha=1.0), Mixing(cutmix_alpha=1.0)):
        mixed = mixing.apply(inputs, LABELS, 5, seed=0, step=0).inputs
        assert mixed.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(inputs, POSITIONS)


def test_soft_targets_are_mixed_too() -> None:
    soft = torch.full((16, 5), 0.2)
    targets = Mixing(mixup_alpha=1.0).apply(POSITIONS, soft, 5, seed=0, step=0).targets
    torch.testing.assert_close(targets, soft)


def test_without_mixing_inputs_stay_and_targets_are_one_hot() -> None:
    inputs, targets = Mixing().apply(POSITIONS, LABELS, 5, seed=0, step=0)
    assert inputs is POSITIONS
    assert torch.equal(targets, torch.eye(5)[LABELS])


def test_an_image_alone_is_mixed_with_itself() -> None:
    mixing = Mixing(mixup_alpha=0.4, cutmix_alpha=1.0)
    inputs, targets = mixing.apply(POSITIONS[3:4], LABELS[3:4], 5, seed=0, step=0)
    torch.testing.assert_close(inputs, POSITIONS[3:4])
    torch.testing.assert_close(targets, torch.eye(5)[LABELS[3:4]])


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf")])
def test_an_alpha_without_a_distribution_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match="`mixup` can't be `.*`: it must be"):
        Mixing(mixup_alpha=alpha)
    with pytest.raises(UsageError, match="`cutmix` can't be"):
        Mixing(cutmix_alpha=alpha)


def test_mixing_says_what_it_does() -> None:
    assert Mixing().describe() == "none"
    assert Mixing(mixup_alpha=0.2, cutmix_alpha=1).describe() == (
        "blended in pairs (MixUp, alpha 0.2) or with a box of another image (CutMix, alpha 1)"
    )
