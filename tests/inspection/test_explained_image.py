"""An explanation has all parts of a page, for every kind of network and question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from made import made_classifier
from numpy.typing import NDArray

from convscope.errors import UsageError
from convscope.inspection.explained_image import Explainer, Question, ValuePosition, parse_position
from convscope.inspection.feature_maps.activations import activations, network_inputs
from convscope.inspection.feature_maps.stages import Stages, stage_layers
from convscope.networks import build


def noise(side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


# fmt: off
STAGES = [
    ("lenet5",        (1, 28, 28), ["act1", "pool1", "act2", "pool2"]),
    ("resnet20",      (3, 32, 32), ["layer1", "layer2", "layer3"]),
    ("alexnet",       (3, 96, 96), ["features.1", "features.4", "features.11", "features.12"]),
    ("squeezenet1_1", (3, 64, 64), ["features.1", "features.4", "features.7", "features"]),
    ("mlp",           (1, 8, 8),   []),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape", "layers"), STAGES)
def test_the_last_layer_of_each_size_of_map_stands_for_a_stage(
    name: str, shape: tuple[int, int, int], layers: list[str]
) -> None:
    channels, height, width = shape
    network = build(name, num_classes=5, in_channels=channels, input_size=(height, width))
    assert stage_layers(network, torch.zeros(1, *shape)) == layers


@pytest.mark.slow
def test_a_stage_has_its_strongest_maps_and_what_the_largest_value_sees() -> None:
    classifier = made_classifier("resnet20")
    inputs = network_inputs(classifier, [noise()])
    first, *_, last = Stages(classifier.network, inputs).of(inputs)
    maps = activations(classifier.network, inputs, ["layer3"])["layer3"][0].numpy()
    assert last.layer == "layer3"
    assert np.array_equal(last.maps, maps)
    assert last.field is not None
    assert maps[last.strongest, last.field.row, last.field.column] == maps.max() == last.largest
    assert first.field is not None
    assert first.field.seen.num_pixels < last.field.seen.num_pixels


def test_an_explanation_has_the_most_probable_classes() -> None:
    classifier = made_classifier()
    explainer = Explainer(classifier, Question(top=2, draws=4, steps=3))
    counted: list[int] = []
    found = explainer.explain(noise(), on_progress=counted.append)
    assert found.prediction == classifier.predict_prepared(noise()[None])[0]
    names = [name for name, _ in found.prediction.top(2)]
    assert [each.target for each in found.attributions] == names
    assert len(found.faithfulness) == 2
    assert sum(counted) == explainer.num_classified
    assert found.kernels is not None
    assert found.kernels.shape[1:] == (3, 5, 5)
    assert found.value is None


def test_against_the_prediction_stands_the_runner_up() -> None:
    classifier = made_classifier()
    first, second = classifier.predict_prepared(noise()[None])[0].top(2)
    for against, target in ((first[0], second[0]), (second[0], first[0])):
        found = Explainer(classifier, Question(against=against, draws=0)).explain(noise())
        (only,) = found.attributions
        assert (only.target, only.against) == (target, against)
        assert found.faithfulness == ()


def test_that_the_named_class_is_the_prediction_itself_is_said() -> None:
    classifier = made_classifier()
    first, second, third = (
        name for name, _ in classifier.predict_prepared(noise()[None])[0].top(3)
    )
    (only,) = Explainer(classifier, Question(against=first, draws=0)).explain(noise()).attributions
    assert only.notes == (
        f"`{first}` is the prediction itself, so this is the evidence for the runner-up; "
        f"`--class '{first}' --against '{second}'` shows that for the prediction",
    )
    for question in (
        Question(against=second, draws=0),
        Question(target=first, against=second, draws=0),
        Question(target=third, against=first, draws=0),  # asked for in so many words
    ):
        (only,) = Explainer(classifier, question).explain(noise()).attributions
        assert only.notes == ()


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        (
            {"target": "class 1", "against": "class 1"},
            "`class 1` can't be compared with",
            "another",
        ),
        ({"against": "class 17"}, "there is no class `class 17`", "did you mean `class"),
        ({"target": "Class-1"}, "there is no class `Class-1`", "did you mean `class 1`?"),
        ({"against": 1}, "a class can't be `1`", "it is named by a text"),
    ],
)
def test_classes_that_cannot_be_compared_are_refused_before_any_image(
    asked: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        Explainer(made_classifier(), Question(**asked))
    assert hint in (refused.value.hint or "")


def test_a_network_without_maps_can_be_explained_by_other_methods() -> None:
    classifier = made_classifier("mlp", side=8)
    asked = Question(method="integrated-gradients", top=1, draws=2, steps=2)
    found = Explainer(classifier, asked).explain(noise(8))
    assert found.stages == ()
    assert found.kernels is None
    with pytest.raises(UsageError, match="no feature maps for Grad-CAM"):
        Explainer(classifier, Question()).explain(noise(8))


def test_the_arithmetic_of_a_value_is_worked_out_where_it_is_asked_for() -> None:
    asked = Question(value=parse_position("conv1:2,3,4"), draws=0)
    found = Explainer(made_classifier(), asked).explain(noise())
    assert found.value is not None
    assert found.value.holds
    assert (found.value.channel, found.value.row, found.value.column) == (2, 3, 4)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("layer1.0.conv1:3,10,12", ValuePosition("layer1.0.conv1", 3, 10, 12)),
        ("fc:7", ValuePosition("fc", 7)),
        ("conv1: 3, 10, 12", ValuePosition("conv1", 3, 10, 12)),
    ],
)
def test_a_position_is_read_as_it_is_written(text: str, position: ValuePosition) -> None:
    assert parse_position(text) == position


@pytest.mark.parametrize("text", ["conv1", "conv1:1,2", "conv1:a,b,c", "conv1:-1,0,0", ":1"])
def test_a_position_in_another_form_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="names no value") as caught:
        parse_position(text)
    assert "`conv1:3,10,12`" in str(caught.value.hint)


@pytest.mark.parametrize(("field", "number"), [("top", 0), ("draws", -1), ("steps", 0)])
def test_a_number_that_cannot_be_is_refused(field: str, number: int) -> None:
    asked: dict[str, Any] = {field: number}
    with pytest.raises(UsageError, match=f"`{field}` can't be {number}"):
        Explainer(made_classifier(), Question(**asked))
