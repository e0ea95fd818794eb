"""Maps say what they claim: against autograd, by known answers, and for awkward networks."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from made import OnlyEffect, made_classifier
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.classifier import Classifier
from convscope.errors import NetworkError, UsageError
from convscope.inspection.attribution.attribution import (
    IMAGES_AT_ONCE,
    METHODS,
    Attribution,
    ClassScore,
    attribute,
    grad_cams,
)
from convscope.inspection.attribution.grad_cam_layer import GradCamLayer
from convscope.inspection.feature_maps.activations import network_input

SIDE = 16


class Reused(nn.Module):
    """One ReLU for everything, which may work in place, and one as a function."""

    def __init__(self, *, in_place: bool, as_function: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.relu = F.relu if as_function else nn.ReLU(inplace=in_place)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        x = self.relu(self.norm(self.conv2(x)))
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


def classifier_of(network: nn.Module) -> Classifier:
    made = made_classifier(side=SIDE)
    return Classifier(network, made.choice, preprocessing=made.preprocessing, classes=made.classes)


def noise(side: int = SIDE, *, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, channels), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_as_large_as_the_input_and_the_network_stays_as_it_was(method: str) -> None:
    classifier = made_classifier()
    before = {name: value.clone() for name, value in classifier.network.state_dict().items()}
    found = attribute(classifier, noise(32), target="class 1", method=method)
    assert found.map.shape == (32, 32)
    assert found.map.dtype == np.float32
    assert np.isfinite(found.map).all()
    after = classifier.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(value.grad is None for value in classifier.network.parameters())
    assert not any(layer._forward_hooks for layer in classifier.network.modules())


def test_grad_cam_is_the_sum_of_maps_weighed_by_mean_gradients() -> None:
    classifier = made_classifier("resnet20", num_classes=4)
    pixels = noise(32)
    found = attribute(classifier, pixels, target="class 2", method="grad-cam")
    assert found.layer == "layer3"
    given: dict[str, Tensor] = {}
    handle = classifier.network.get_submodule("layer3").register_forward_hook(
        lambda _layer, _inputs, output: given.update(maps=output)
    )
    logits = classifier.network(network_input(classifier, pixels))
    handle.remove()
    gradient = torch.autograd.grad(logits[0, 2], given["maps"])[0]
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    coarse = (weights * given["maps"]).sum(dim=1, keepdim=True).relu()
    fine = F.interpolate(coarse, (32, 32), mode="bilinear")[0, 0]
    assert found.map == pytest.approx(fine.detach().numpy(), rel=1e-4, abs=1e-7)


def test_guided_backprop_lets_only_what_is_positive_through_each_relu() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 9), nn.ReLU(), nn.Linear(9, 4))
    classifier = classifier_of(network)
    pixels = noise()
    found = attribute(classifier, pixels, target="class 0", method="guided-backprop")
    first, second = cast(nn.Linear, network[1]), cast(nn.Linear, network[3])
    hidden = first(network_input(classifier, pixels).flatten(1))[0]
    passed = torch.where((hidden > 0) & (second.weight[0] > 0), second.weight[0], 0.0)
    wanted = (passed @ first.weight).reshape(3, SIDE, SIDE).abs().sum(dim=0)
    assert found.map == pytest.approx(wanted.detach().numpy(), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("in_place", "as_function"), [(True, False), (False, True)])
@pytest.mark.parametrize("method", METHODS)
def test_relus_reused_in_place_or_as_functions_make_no_difference(
    method: str, in_place: bool, as_function: bool
) -> None:
    plain = classifier_of(Reused(in_place=False))
    other = classifier_of(Reused(in_place=in_place, as_function=as_function))
    # The reused ReLU is no layer of its own, so all forms weigh the maps before it.
    maps = [attribute(c, noise(), target="class 0", method=method) for c in (plain, other)]
    assert maps[0].map == pytest.approx(maps[1].map, rel=1e-4, abs=1e-7)
    assert maps[0].layer == maps[1].layer
    assert not maps[0].is_zero


def test_a_network_that_needs_its_layers_to_overwrite_is_refused() -> None:
    with pytest.raises(NetworkError, match="when its layers don't work in place") as caught:
        attribute(classifier_of(OnlyEffect()), noise(), target="class 0")
    assert "`x = self.relu(x)`" in str(caught.value.hint)


def test_a_network_without_relu_is_told() -> None:
    found = attribute(made_classifier("lenet5_1998", side=32), noise(32), method="guided-backprop")
    assert found.notes == ("the network has no ReLU, so this is its plain gradient",)


def test_integrated_gradients_sum_to_the_change_of_the_score() -> None:
    classifier = classifier_of(nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 4)))
    found = attribute(classifier, noise(), target="class 1", method="integrated-gradients")
    score = ClassScore(classifier.network, target=1)
    inputs = network_input(classifier, noise())
    difference = float(score(inputs) - score(torch.zeros_like(inputs)))
    assert float(found.map.sum()) == pytest.approx(difference, rel=1e-4)
    assert found.notes == ()


def test_occlusion_finds_the_only_relevant_place() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 4))
    weight = torch.zeros(4, 3, 28, 28)
    weight[0, :, 4:8, 20:24] = 1.0
    network[1].weight.data = weight.flatten(1)
    made = made_classifier(side=28)
    classifier = Classifier(
        network, made.choice, preprocessing=made.preprocessing, classes=made.classes
    )
    pixels = np.zeros((28, 28, 3), np.uint8)
    pixels[4:8, 20:24] = 255
    found = attribute(classifier, pixels, target="class 0", method="occlusion")
    row, column = np.unravel_index(found.map.argmax(), found.map.shape)
    assert 4 <= row < 8
    assert 20 <= column < 24
    assert found.map[14:, :14].max() == pytest.approx(0, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_evidence_for_one_class_is_evidence_against_the_other(method: str) -> None:
    classifier = made_classifier()
    one = attribute(classifier, noise(32), target="class 0", against="class 3", method=method)
    two = attribute(classifier, noise(32), target="class 3", against="class 0", method=method)
    assert one.against == "class 3"
    assert one.map == pytest.approx(-two.map, rel=1e-3, abs=1e-5)


def test_the_predicted_class_is_explained_unless_another_is_named() -> None:
    classifier = made_classifier()
    predicted = classifier.predict_prepared(noise(32)[None])[0].label
    assert attribute(classifier, noise(32)).target == predicted


def refused(**options: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        attribute(made_classifier(), noise(32), **options)
    return caught.value


def test_an_unknown_class_method_or_layer_is_named_with_the_way_out() -> None:
    assert str(refused(target="clas 1")) == (
        "there is no class `clas 1`\nhint: did you mean `class 1`?"
    )
    assert "hint: the classifier knows\n  class 0\n" in str(refused(target="zebra"))
    assert str(refused(method="gradcam")) == (
        "there is no method `gradcam`\nhint: did you mean `grad-cam`?"
    )
    assert str(refused(method="x")) == (
        "there is no method `x`\nhint: there are `grad-cam`, `guided-backprop`, "
        "`integrated-gradients` or `occlusion`"
    )
    assert "no layer `conv9`" in str(refused(layer="conv9"))
    assert str(refused(method="occlusion", layer="conv1")) == (
        "`occlusion` takes no layer, but `conv1` is given\n"
        "hint: leave `layer` away, or choose `grad-cam`"
    )
    assert "can't be compared with itself" in str(refused(target="class 1", against="class 1"))


def test_json_says_all_but_the_map() -> None:
    found = Attribution(
        "grad-cam",
        "a",
        None,
        np.zeros((2, 2), np.float32),
        grad_cam_layer=GradCamLayer("conv", (8, 4, 4), is_chosen=False),
    )
    assert found.to_dict() == {
        "method": "grad-cam",
        "target": "a",
        "against": None,
        "layer": "conv",
        "reason": "`conv` was asked for; it gives 8 feature maps of 4x4",
        "is_zero": True,
        "notes": [],
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet_rgb", "resnet20", "squeezenet1_1"])
def test_several_grad_cams_are_those_of_one_image_after_the_other(name: str) -> None:
    classifier = made_classifier(name, side=32)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (IMAGES_AT_ONCE + 2, 32, 32, 3), dtype=np.uint8)
    asked = [(pixels, f"class {i % 4}") for i, pixels in enumerate(images)]
    found = grad_cams(classifier, asked)
    assert [each.target for each in found] == [target for _, target in asked]
    for each, (pixels, target) in zip(found, asked, strict=True):
        alone = attribute(classifier, pixels, target=target)
        assert each.grad_cam_layer == alone.grad_cam_layer
        rounding = 1e-4 * float(alone.map.max()) + 1e-9
        np.testing.assert_allclose(each.map, alone.map, rtol=0, atol=rounding)
    assert any(each.map.any() for each in found)


def test_several_grad_cams_leave_the_network_as_it_is() -> None:
    classifier = made_classifier("resnet20", side=32)
    before = {name: value.clone() for name, value in classifier.network.state_dict().items()}
    grad_cams(classifier, [(noise(32), "class 1"), (noise(32), "class 2")])
    assert not classifier.network.training
    for name, value in classifier.network.state_dict().items():
        assert torch.equal(value, before[name])
    for layer in classifier.network.modules():
        assert not layer._forward_hooks
        assert not layer._backward_hooks
    for parameter in classifier.network.parameters():
        assert parameter.requires_grad
        assert parameter.grad is None


def test_several_grad_cams_are_refused_as_one_is() -> None:
    assert grad_cams(made_classifier("mlp"), []) == []
    with pytest.raises(UsageError, match="has no feature maps"):
        grad_cams(made_classifier("mlp"), [(noise(32), "class 1")])
    with pytest.raises(NetworkError, match="no gradient can be computed"):
        grad_cams(classifier_of(OnlyEffect()), [(noise(), "class 1")])
    with pytest.raises(UsageError, match="there is no class `cow`"):
        grad_cams(made_classifier(), [(noise(32), "cow")])
