"""A view of a layer is what each part of it is when measured by itself; zeros are counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import reduce
from operator import add

import numpy as np
import pytest
import torch
from made import made_classifier
from torch import Tensor, nn

from convscope.classifier import Classifier
from convscope.data.pixels.prepared import ArrayPixels
from convscope.errors import UsageError
from convscope.inspection.feature_maps.activations import activations, input_batches
from convscope.inspection.feature_maps.effective_field import effective_field
from convscope.inspection.feature_maps.layer_views import (
    Inspection,
    LayerQuestion,
    LayerView,
    Sparsity,
    view_layers,
)
from convscope.inspection.feature_maps.patches import strongest_patches

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
CHOSEN = np.array([3, 5, 8, 9, 11, 17])


def views_of(classifier: Classifier, **asked: object) -> list[LayerView]:
    question = LayerQuestion(**asked)  # type: ignore[arg-type]
    return view_layers(classifier, ArrayPixels(IMAGES), CHOSEN, question)


def sparsity_of(network: nn.Module, batches: Iterable[Tensor], layer: str) -> Sparsity:
    outputs = (activations(network, batch, [layer])[layer] for batch in batches)
    return reduce(add, map(Sparsity.of, outputs))


@pytest.mark.slow
def test_each_part_is_what_it_is_when_it_is_measured_alone() -> None:
    classifier = made_classifier("resnet20")
    (view,) = views_of(classifier, layers=("layer2",), channels=(4, 30), count=3)
    images = [IMAGES[index] for index in CHOSEN]
    batches = list(input_batches(classifier, images))
    alone = sparsity_of(classifier.network, batches, "layer2")
    assert view.sparsity.to_dict() == alone.to_dict()
    patches = strongest_patches(classifier, images, "layer2", (4, 30), count=3)
    for channel, found in patches.items():
        assert [patch.image for patch in view.patches[channel]] == [patch.image for patch in found]
        for one, other in zip(view.patches[channel], found, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)
    field = effective_field(classifier.network, torch.cat(batches), "layer2")
    assert view.effective is not None
    np.testing.assert_allclose(view.effective.shares, field.shares)
    assert view.shape == (32, 16, 16)


@pytest.mark.slow
def test_the_last_layer_of_each_size_is_viewed_and_its_strongest_channels() -> None:
    classifier = made_classifier("resnet20")
    views = views_of(classifier)
    assert [view.layer for view in views] == ["layer1", "layer2", "layer3"]
    for view in views:
        largest = view.sparsity.largest
        assert list(view.patches) == np.argsort(-largest, kind="stable")[:6].tolist()


def test_vectors_have_zeros_and_whole_images_and_no_middle() -> None:
    (view,) = views_of(made_classifier(), layers=("fc1",))
    assert view.shape == (128,) or len(view.shape) == 1
    assert view.effective is None
    best = max((patch for found in view.patches.values() for patch in found), key=lambda p: p.value)
    np.testing.assert_array_equal(best.pixels, IMAGES[CHOSEN[best.image]])


def test_values_without_a_receptive_field_have_zeros_alone() -> None:
    classifier = made_classifier()
    name = next(
        name
        for name, layer in classifier.network.named_modules()
        if isinstance(layer, torch.nn.Flatten)
    )
    (view,) = views_of(classifier, layers=(name,))
    assert (view.field, view.patches) == (None, {})
    assert view.sparsity.num_images == len(CHOSEN)


def test_what_is_not_there_is_an_error() -> None:
    classifier = made_classifier()
    with pytest.raises(UsageError, match="no layer `conv9`"):
        views_of(classifier, layers=("conv9",))
    with pytest.raises(UsageError, match="`conv1` has no channel 400"):
        views_of(classifier, layers=("conv1",), channels=(0, 400))
    with pytest.raises(UsageError, match="`MLP` has no feature maps\nhint: name layers"):
        views_of(made_classifier("mlp"))


@pytest.mark.slow
def test_viewing_leaves_the_network_as_it_was() -> None:
    classifier = made_classifier("resnet20")
    classifier.network.train()
    before = {name: tensor.clone() for name, tensor in classifier.network.state_dict().items()}
    views_of(classifier)
    assert classifier.network.training
    assert all(
        torch.equal(before[name], now) for name, now in classifier.network.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in classifier.network.parameters())
    assert not any(layer._forward_hooks for layer in classifier.network.modules())


def test_it_is_ready_for_json_with_the_images_names() -> None:
    classifier = made_classifier()
    names = tuple(f"{index}.png" for index in CHOSEN)
    views = tuple(views_of(classifier, layers=("conv1", "fc1"), channels=(2,)))
    found = Inspection(views=views, names=names, images="some", example=IMAGES[3])
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["num_images"] == len(CHOSEN)
    first = content["layers"][0]
    given = activations(
        classifier.network, next(input_batches(classifier, IMAGES[CHOSEN])), ["conv1"]
    )
    values = given["conv1"][:, 2].flatten(1).amax(dim=1)
    (best,) = [first["strongest"]["2"][0]]
    assert best["image"] == names[int(values.argmax())]
    assert best["value"] == pytest.approx(float(values.max()), rel=1e-5)
    assert best["field"]["layer"] == "conv1"


def sparse_network() -> nn.Sequential:
    """Three channels: the image, never anything, and only what is above 2."""
    layers = nn.Sequential(
        nn.Conv2d(1, 3, 1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2)
    )
    with torch.no_grad():
        layers.get_parameter("0.weight").copy_(torch.tensor([1.0, -1.0, 1.0]).reshape(3, 1, 1, 1))
        layers.get_parameter("0.bias").copy_(torch.tensor([0.0, 0.0, -2.0]))
    return layers


def sparse_images() -> torch.Tensor:
    """201 images of 2x2 without negative values; one alone has a value above 2."""
    batch = torch.rand(201, 1, 2, 2)
    batch[:, 0, 0, 0] = 0
    batch[100, 0, 1, 1] = 3
    return batch


def test_dead_rare_and_sparse_channels_are_told_apart() -> None:
    found = sparsity_of(sparse_network(), torch.split(sparse_images(), 50), "1")
    assert found.num_images == 201
    assert found.zero_shares == pytest.approx([0.25, 1, 1 - 1 / 804])
    assert found.dead == (1,)
    assert found.rare == (2,)
    assert found.largest.tolist() == [3, 0, 1]
    assert found.to_dict()["zero_share"] == pytest.approx(float(found.zero_shares.mean()))


def test_a_channel_that_is_zero_on_one_image_is_not_dead_on_all() -> None:
    batch = sparse_images()
    assert sparsity_of(sparse_network(), [batch[:1]], "1").dead == (1, 2)
    assert sparsity_of(sparse_network(), [batch[100:101]], "1").dead == (1,)


def test_how_the_images_are_divided_into_batches_changes_nothing() -> None:
    batch = sparse_images()
    whole = sparsity_of(sparse_network(), [batch], "1")
    parts = sparsity_of(sparse_network(), torch.split(batch, 7), "1")
    np.testing.assert_array_equal(whole.zeros, parts.zeros)
    np.testing.assert_array_equal(whole.active_images, parts.active_images)
    values = activations(sparse_network(), batch, ["1"])["1"]
    assert whole.zeros.tolist() == (values == 0).sum(dim=(0, 2, 3)).tolist()


def test_dense_layers_are_counted_too() -> None:
    assert sparsity_of(sparse_network(), [sparse_images()], "3").num_values == 201
