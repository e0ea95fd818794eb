"""What layers answer to is what each part of it is when measured by itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from made import made_classifier

from convscope.classifier import Classifier
from convscope.data.pixels import ArrayPixels
from convscope.errors import UsageError
from convscope.inspection.activations import activations, input_batches
from convscope.inspection.effective_field import effective_field
from convscope.inspection.layer_views import Inspection, LayerQuestion, LayerView, view_layers
from convscope.inspection.patches import strongest_patches
from convscope.inspection.sparsity import sparsity

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
CHOSEN = np.array([3, 5, 8, 9, 11, 17])


def views_of(classifier: Classifier, **asked: object) -> list[LayerView]:
    question = LayerQuestion(**asked)  # type: ignore[arg-type]
    return view_layers(classifier, ArrayPixels(IMAGES), CHOSEN, question)


def test_each_part_is_what_it_is_when_it_is_measured_alone() -> None:
    classifier = made_classifier("resnet20")
    (view,) = views_of(classifier, layers=("layer2",), channels=(4, 30), count=3)
    images = [IMAGES[index] for index in CHOSEN]
    batches = list(input_batches(classifier, images))
    alone = sparsity(classifier.network, batches, ["layer2"])["layer2"]
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


def test_the_last_layer_of_each_size_is_looked_at_and_its_strongest_channels() -> None:
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


def test_values_without_boxes_have_zeros_alone() -> None:
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


def test_looking_leaves_the_network_as_it_was() -> None:
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
