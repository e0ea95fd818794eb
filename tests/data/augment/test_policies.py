"""RandAugment and TrivialAugment: what is drawn, and that images get it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convscope.data.augment import colour, policies
from convscope.data.augment.augmentation import Augmentation
from convscope.data.augment.policies import (
    OPERATION_INDEX,
    OPERATIONS,
    PolicyDraws,
    PolicyOperation,
)
from convscope.recipe import Policy
from convscope.rng import Draws

MANY = Draws(0, 0, np.arange(20_000))


def drawn(*rounds: tuple[str, float]) -> PolicyDraws:
    """The same operations for one image."""
    operations = np.array([[OPERATION_INDEX[name]] for name, _ in rounds])
    return PolicyDraws(operations, np.array([[strength] for _, strength in rounds]))


@pytest.mark.parametrize("policy", ["randaugment", "trivialaugment"])
def test_every_operation_is_drawn_as_often(policy: Policy) -> None:
    got = policies.draw(MANY, policy, num_ops=3, magnitude=9, out_size=(32, 48))
    assert len(got.operations) == (3 if policy == "randaugment" else 1)
    counts = np.bincount(got.operations.ravel(), minlength=len(OPERATIONS))
    np.testing.assert_allclose(counts / counts.sum(), 1 / 14, atol=0.006)


def test_randaugment_has_the_strengths_of_its_magnitude() -> None:
    got = policies.draw(MANY, "randaugment", num_ops=2, magnitude=9, out_size=(331, 662))
    share = 9 / 30
    expected = {
        "identity": {0.0},
        "shear_x": {-0.3 * share, 0.3 * share},
        "translate_x": {-300 * share, 300 * share},
        "translate_y": {-150 * share, 150 * share},
        "rotate": {-30 * share, 30 * share},
        "brightness": {-0.9 * share, 0.9 * share},
        "posterize": {4 * share},
        "solarize": {255 * share},
    }
    for name, strengths in expected.items():
        found = np.unique(got.strengths[got.operations == OPERATION_INDEX[name]].round(9))
        np.testing.assert_allclose(found, sorted(strengths), atol=1e-9)


def test_trivialaugment_draws_all_31_strengths() -> None:
    got = policies.draw(MANY, "trivialaugment", num_ops=2, magnitude=9, out_size=(32, 32))
    for name, largest in (("rotate", 135), ("shear_y", 0.99), ("translate_x", 32)):
        found = np.unique(got.strengths[got.operations == OPERATION_INDEX[name]].round(9))
        np.testing.assert_allclose(found, largest * np.arange(-30, 31) / 30, atol=1e-9)


def test_geometry_is_undone_from_the_last_operation_to_the_first() -> None:
    maps = policies.warps(drawn(("shear_x", 0.5), ("rotate", 90), ("translate_x", 7)))
    # Where (10, 4) comes from: 7 to the right, then turned, then sheared.
    x, y = 10.0 + 7, 4.0
    x, y = -y, x
    x, y = x + 0.5 * y, y
    np.testing.assert_allclose(maps[0] @ (10, 4, 1), (x, y), atol=1e-12)


@pytest.mark.parametrize("order", [("solarize", "posterize"), ("posterize", "solarize")])
def test_colours_are_changed_in_the_order_drawn(order: tuple[str, str]) -> None:
    images = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (1, 3, 8, 8))).float()
    strengths = {"solarize": 100.0, "posterize": 4.0}
    steps = {
        "solarize": lambda images: colour.solarize(images, torch.tensor([155.0])),
        "posterize": lambda images: colour.posterize(images, torch.tensor([4.0])),
    }
    got = colour.apply_policy(images.clone(), drawn(*((name, strengths[name]) for name in order)))
    assert torch.equal(got, steps[order[1]](steps[order[0]](images)))
    assert not torch.equal(got, steps[order[0]](steps[order[1]](images)))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_but_identity_changes_a_colour_image(
    operation: PolicyOperation,
) -> None:
    pixels = np.random.default_rng(0).integers(40, 200, (1, 3, 32, 32))
    images = torch.from_numpy(pixels.astype(np.float32))
    what = drawn((operation.name, operation.trivialaugment / 2))
    is_moved = not np.allclose(policies.warps(what)[0], np.eye(2, 3))
    is_recoloured = not torch.equal(colour.apply_policy(images.clone(), what), images)
    assert is_moved == bool(what.is_geometric[0])
    assert (is_moved, is_recoloured).count(True) == (operation.name != "identity")


def test_images_without_geometry_are_not_resampled() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 10, 12, 3), dtype=np.uint8)
    draws = Draws(0, 0, np.arange(200))
    got = policies.draw(draws, "trivialaugment", num_ops=1, magnitude=0, out_size=(10, 12))
    is_identity = got.operations[0] == OPERATION_INDEX["identity"]
    varied = Augmentation(policy="trivialaugment").apply(
        torch.from_numpy(pixels), seed=0, epoch=0, indices=np.arange(200)
    )
    assert is_identity.sum() > 3
    np.testing.assert_array_equal(varied.numpy()[is_identity], pixels[is_identity])
