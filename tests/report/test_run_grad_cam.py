"""Grad-CAM in the report: of right and wrong predictions, or why there is none."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_answers import Known, evaluation_of, sure_of
from made import OnlyEffect, made_classifier
from PIL import Image
from reading import Page, check_asks_for_nothing
from torch import nn

from convscope.api.evaluate import evaluate
from convscope.classifier import Classifier
from convscope.data.index.image_index import build_image_index
from convscope.data.sources.opening import open_dataset
from convscope.evaluation.evaluate import Evaluation, evaluate_subset
from convscope.evaluation.subset import Subset
from convscope.figures.attribution import overlaid
from convscope.inspection.attribution.attribution import attribute
from convscope.report.page import Pictures, percent
from convscope.report.run import PICTURES_BYTES, run_page
from convscope.report.run_grad_cam import RIGHT, WRONG, GradCamSection, grad_cam_examples
from convscope.report.translations import translations_of

SIDE = 32
CLASSES = ("class 0", "class 1", "class 2", "class 3")


def photos(folder: Path, *, each: int = 12) -> Path:
    """Class folders of noise in the classes' colours; an untrained network errs on many."""
    random = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for image in range(each):
            pixels = random.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            pixels[:, :, number % 3] //= 2
            Image.fromarray(pixels).save(folder / name / f"{image} <b>.png")
    return folder


def evaluated(data: Path, classifier: Classifier | None = None, **more: Any) -> Evaluation:
    return evaluate(classifier or made_classifier(side=SIDE), data, split="all", **more)


def evaluated_without_a_store(data: Path) -> Evaluation:
    """Whatever is asked for again is read again."""
    image_index = build_image_index(open_dataset(data), cache=None)
    part = Subset(np.arange(len(image_index)), "all images", None)
    return evaluate_subset(made_classifier(side=SIDE), image_index, part)


def maps_of(evaluation: Evaluation, *, room_bytes: int = PICTURES_BYTES) -> GradCamSection:
    image_index = evaluation.image_index
    pictures = Pictures(image_index.dataset.images, image_index.decoding, room_bytes=room_bytes)
    return grad_cam_examples(evaluation, pictures, run=None, language="en")


def page_of(evaluation: Evaluation, language: str = "en") -> str:
    return run_page(evaluation, run=None, command="convscope evaluate x", language=language)


def embedded(page: str, words: Sequence[str]) -> int:
    """How many pictures of a page have alternatives that begin with one of some words."""
    alternatives = [str(found.get("alt")) for tag, found in Page(page).tags if tag == "img"]
    return sum(each.startswith(tuple(words)) for each in alternatives)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def evaluation(data: Path) -> Evaluation:
    return evaluated(data)


@pytest.mark.slow
def test_right_predictions_come_first_and_then_the_worst_wrong_ones(evaluation: Evaluation) -> None:
    cases = [each.case for each in maps_of(evaluation).examples]
    assert [case.is_right for case in cases] == [True] * RIGHT + [False] * WRONG
    assert cases[RIGHT:] == list(evaluation.mistakes.worst[:WRONG])


def test_a_wrong_prediction_has_a_map_of_the_predicted_and_one_of_the_true_class(
    evaluation: Evaluation,
) -> None:
    for example in maps_of(evaluation).examples:
        case = example.case
        predicted, *truth = [each.title for each in example.maps]
        assert predicted == f"{case.predicted} (predicted): {percent(case.probability)}"
        true_class = f"{case.label} (true class): {percent(case.label_probability)}"
        assert truth == ([] if case.is_right else [true_class])


@pytest.mark.slow
def test_the_maps_are_those_that_explain_draws(evaluation: Evaluation, data: Path) -> None:
    image_index = evaluation.image_index
    pictures = Pictures(image_index.dataset.images, image_index.decoding, room_bytes=PICTURES_BYTES)
    classifier = evaluation.classifier
    for example in maps_of(evaluation).examples:
        pixels = classifier.prepare(data / example.case.name.replace("photos/", ""))
        assert example.seen == pictures.drawn(pixels, longest_px=SIDE)
        labels = (example.case.predicted, example.case.label)
        for shown, label in zip(example.maps, labels, strict=False):
            alone = attribute(classifier, pixels, target=label)
            drawn = pictures.drawn(overlaid(pixels, alone.map), longest_px=SIDE)
            assert drawn is not None
            assert shown.picture is not None
            assert shown.picture.source == drawn.source


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_which_layer_was_weighed_and_that_nothing_was_compared(
    evaluation: Evaluation, language: str
) -> None:
    page = page_of(evaluation, language)
    check_asks_for_nothing(page)
    text, words = Page(page).text, translations_of("run", language)
    assert words["not_compared"] in text
    assert "convscope explain RUN IMAGE" in text
    assert "act2" in text
    start = translations_of("explanation", language)["map_alternative"].partition("{")[0]
    assert embedded(page, [start]) == RIGHT + 2 * WRONG


@pytest.mark.slow
def test_the_page_with_maps_has_the_same_bytes_each_time(data: Path) -> None:
    assert page_of(evaluated(data)) == page_of(evaluated(data))


def test_an_image_in_a_file_has_a_command_that_compares_its_maps(evaluation: Evaluation) -> None:
    for example in maps_of(evaluation).examples:
        assert example.command is not None
        program, verb, run, file = shlex.split(example.command)
        assert (program, verb, run) == ("convscope", "explain", "RUN")
        assert Path(file).is_file()
        assert Path(file).name == Path(example.case.name).name


@pytest.mark.slow
def test_a_map_of_nothing_says_so(data: Path) -> None:
    silent = made_classifier(side=SIDE)
    with torch.no_grad():
        for layer in silent.network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.zero_()
                layer.get_parameter("bias").fill_(-1.0)
    page = page_of(evaluated(data, silent))
    words = translations_of("explanation", "en")
    assert words["verdicts"]["zero"] in page
    assert page.count(words["verdict_texts"]["zero"]) == RIGHT + 2 * WRONG


@pytest.mark.slow
def test_an_image_that_is_gone_or_another_now_has_no_maps_and_no_command(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos")
    evaluation = evaluated_without_a_store(data)
    gone, other, *_ = evaluation.mistakes.worst
    (data / gone.name).unlink()
    Image.new("RGB", (40, 50)).save(data / other.name)
    examples = {each.case.name: each for each in maps_of(evaluation).examples}
    assert examples[gone.name].seen is None
    assert examples[gone.name].maps == ()
    assert examples[gone.name].command is None
    assert examples[other.name].seen is None
    assert len(examples) == RIGHT + WRONG
    assert sum(each.seen is not None for each in examples.values()) == RIGHT + WRONG - 2
    page = page_of(evaluation)
    check_asks_for_nothing(page)
    assert translations_of("run", "en")["no_picture"] in page


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_any_image_left_the_page_says_so(tmp_path: Path, language: str) -> None:
    data = photos(tmp_path / "photos", each=2)
    evaluation = evaluated_without_a_store(data)
    for file in data.rglob("*.png"):
        file.unlink()
    text = Page(page_of(evaluation, language)).text
    assert translations_of("run", language)["no_example"] in text


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_network_without_feature_maps_is_named_with_another_method(language: str) -> None:
    known = Known(
        logits=sure_of(np.arange(30) % 2, 2), targets=np.zeros(30, int), classes=("cat", "dog")
    )
    text = Page(page_of(evaluation_of(known), language)).text
    assert translations_of("run", language)["no_feature_maps"].format(name="mlp") in text
    assert "convscope explain RUN IMAGE --method occlusion" in text


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_network_that_no_gradient_can_be_followed_through_is_named(
    data: Path, language: str
) -> None:
    made = made_classifier(side=SIDE)
    classifier = Classifier(
        OnlyEffect(), made.choice, preprocessing=made.preprocessing, classes=made.classes
    )
    text = Page(page_of(evaluated(data, classifier), language)).text
    assert translations_of("run", language)["no_gradient"].format(name="lenet_rgb") in text
    assert "convscope explain" not in text


@pytest.mark.slow
def test_images_in_an_archive_have_maps_but_no_command_of_their_own(
    data: Path, tmp_path: Path
) -> None:
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", data)
    examples = maps_of(evaluated(Path(archive))).examples
    assert len(examples) == RIGHT + WRONG
    assert all(each.maps and each.command is None for each in examples)


@pytest.mark.slow
def test_a_name_that_cannot_be_shown_is_in_no_command(tmp_path: Path) -> None:
    data = photos(tmp_path / "photos", each=3)
    for file in list(data.rglob("*.png")):
        file.rename(file.with_name(f"a\n{file.name}"))
    assert all(each.command is None for each in maps_of(evaluated(data)).examples)


def test_maps_keep_to_the_room_that_pictures_have(evaluation: Evaluation) -> None:
    found = maps_of(evaluation, room_bytes=10_000).examples
    pictures = [each.seen for each in found] + [map.picture for each in found for map in each.maps]
    kept = [picture for picture in pictures if picture is not None]
    assert 0 < len(kept) < len(pictures)
    assert sum(len(picture.source) for picture in kept) <= 10_000


@pytest.mark.slow
def test_with_several_views_the_page_says_that_maps_are_of_one(data: Path) -> None:
    evaluation = evaluated(data, tta="flip")
    said = translations_of("run", "en")["maps_of_one_view"].format(count=2)
    assert said in Page(page_of(evaluation)).text


@pytest.mark.slow
def test_a_report_changes_neither_the_network_nor_the_numbers(data: Path) -> None:
    evaluation = evaluated(data)
    numbers, network = evaluation.to_dict(), evaluation.classifier.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    page_of(evaluation)
    assert evaluation.to_dict() == numbers
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(layer._forward_hooks for layer in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
