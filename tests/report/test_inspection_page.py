"""The page of what layers answer to is whole, says what was found, and asks for nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made import made_classifier
from reading import LOADING, POLICY, Page

from convscope.classifier import Classifier
from convscope.data.pixels.prepared import ArrayPixels
from convscope.inspection.feature_maps.layer_views import Inspection, LayerQuestion, view_layers
from convscope.report.inspection import inspection_page

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
LABELS = ("cat", "dog & co", "cat", "cat")
NAMES = ("a/<b>.png", "1.png", "2.png", "3.png")


def looked_at(classifier: Classifier, *layers: str) -> Inspection:
    views = view_layers(
        classifier, ArrayPixels(IMAGES), np.arange(4), LayerQuestion(layers=layers, count=4)
    )
    return Inspection(
        views=tuple(views), names=NAMES, labels=LABELS, images="these", example=IMAGES[0]
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_and_asks_for_nothing(language: str) -> None:
    found = looked_at(made_classifier("resnet20"))
    text = inspection_page(found, name="runs & co", command="again <x>", language=language)
    page = Page(text)
    assert page.open == []
    assert len(text.encode()) < 5_000_000
    assert not {tag for tag, _ in page.tags} & LOADING
    assert any(values.get("content") == POLICY for _, values in page.tags)
    for tag, values in page.tags:
        if tag == "img":
            assert values["alt"]
            assert str(values["src"]).startswith("data:")
    assert "<b>" not in text
    assert "<x>" not in text


def test_dead_and_off_channels_are_named() -> None:
    classifier = made_classifier()
    with np.errstate(all="raise"):
        layer: Any = classifier.network.conv1
        layer.weight.data[3] = 0
        layer.bias.data[3] = 0
        found = looked_at(classifier, "conv1")
    assert found.views[0].sparsity.dead == (3,)
    words = " ".join(Page(inspection_page(found, name="x", command="y")).words)
    assert "Dead channels, 0 everywhere: 1 (3)." in words


def test_each_patch_shows_its_value_and_tells_its_image() -> None:
    found = looked_at(made_classifier(), "conv1")
    page = Page(inspection_page(found, name="x", command="y"))
    titles = [
        values["title"] for tag, values in page.tags if tag == "figcaption" and "title" in values
    ]
    patches = [patch for view in found.views for each in view.patches.values() for patch in each]
    assert titles == [NAMES[patch.image] for patch in patches]
    words = set(page.words)
    assert all(f"{patch.value:.3g}" in words for patch in patches)
    names = [word for word in page.words if word in LABELS]
    assert names == [LABELS[patch.image] for patch in patches]
    assert "cat 3, dog & co 1" in page.text


def test_a_layer_without_boxes_says_so() -> None:
    classifier = made_classifier()
    found = looked_at(classifier, "fc1")
    words = " ".join(Page(inspection_page(found, name="x", command="y")).words)
    assert "whole image" in words


def test_beside_each_channel_stands_the_kernel_that_made_it() -> None:
    found = looked_at(made_classifier("resnet20"), "layer1", "layer1.0.relu1")
    text = Page(inspection_page(found, name="x", command="y")).text
    for view, convolution in zip(found.views, ("layer1.2.conv2", "layer1.0.conv1"), strict=True):
        for channel in view.patches:
            assert f"Kernel {channel} of {convolution} , 3×3." in text
    assert "The 4 of 16 input channels with the largest weights:" in text
    assert "layer1.0.relu1 ReLU" in text
