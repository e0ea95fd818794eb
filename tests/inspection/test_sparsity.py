"""Zeros are counted by channel, over all images, and dead is not the same as sparse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made import made_classifier
from torch import nn

from convscope.errors import UsageError
from convscope.inspection.activations import activations, input_batches, network_inputs
from convscope.inspection.sparsity import sparsity


def network() -> nn.Sequential:
    """Three channels: the image, never anything, and only what is above 2."""
    layers = nn.Sequential(
        nn.Conv2d(1, 3, 1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2)
    )
    with torch.no_grad():
        layers[0].weight.copy_(torch.tensor([1.0, -1.0, 1.0]).reshape(3, 1, 1, 1))
        layers[0].bias.copy_(torch.tensor([0.0, 0.0, -2.0]))
    return layers


def images() -> torch.Tensor:
    """201 images of 2x2 without negative values; one alone has a value above 2."""
    batch = torch.rand(201, 1, 2, 2)
    batch[:, 0, 0, 0] = 0
    batch[100, 0, 1, 1] = 3
    return batch


def test_dead_rare_and_sparse_channels_are_told_apart() -> None:
    found = sparsity(network(), images().split(50), ["1"])["1"]
    assert found.num_images == 201
    assert found.zero_shares == pytest.approx([0.25, 1, 1 - 1 / 804])
    assert found.dead == (1,)
    assert found.rare == (2,)
    assert found.largest.tolist() == [3, 0, 1]
    assert found.to_dict()["zero_share"] == pytest.approx(float(found.zero_shares.mean()))


def test_a_channel_that_is_zero_on_one_image_is_not_dead_on_all() -> None:
    batch = images()
    assert sparsity(network(), [batch[:1]], ["1"])["1"].dead == (1, 2)
    assert sparsity(network(), [batch[100:101]], ["1"])["1"].dead == (1,)


def test_how_the_images_are_divided_into_batches_changes_nothing() -> None:
    batch = images()
    whole = sparsity(network(), [batch], ["1"])["1"]
    parts = sparsity(network(), batch.split(7), ["1"])["1"]
    np.testing.assert_array_equal(whole.zeros, parts.zeros)
    np.testing.assert_array_equal(whole.active_images, parts.active_images)
    values = activations(network(), batch, ["1"])["1"]
    assert whole.zeros.tolist() == (values == 0).sum(dim=(0, 2, 3)).tolist()


def test_dense_layers_are_counted_too_and_no_images_are_an_error() -> None:
    found = sparsity(network(), [images()], ["3"])["3"]
    assert found.num_values == 201
    with pytest.raises(UsageError, match="no images or no layers"):
        sparsity(network(), [], ["1"])


def test_a_classifiers_images_are_counted_as_they_are_prepared() -> None:
    classifier = made_classifier("resnet20")
    pictures = [
        np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        for seed in range(3)
    ]
    found = sparsity(classifier.network, input_batches(classifier, pictures), ["relu"])["relu"]
    expected = activations(classifier.network, network_inputs(classifier, pictures), ["relu"])
    assert found.num_images == 3
    assert found.zeros.tolist() == (expected["relu"] == 0).sum(dim=(0, 2, 3)).tolist()
