"""An evaluation of a small real network on real files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import make_pictures
from convscope.classifier import Classifier, Decision, NetworkChoice
from convscope.data.decoding.content import Decoding
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError, UsageError
from convscope.evaluation.evaluate import Evaluation, collect_outputs, evaluate_subset
from convscope.evaluation.metrics import compute_metrics
from convscope.evaluation.subset import Subset, choose_subset, match_classes

CHOICE = NetworkChoice("lenet_rgb", 2, 3, (32, 32))
PLAIN = Preprocessing(height=32, width=32, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)


def classifier(classes: tuple[str, ...] = ("blue", "red"), **decision: float) -> Classifier:
    """One with fresh weights, which knows nothing; its logits are large enough to differ."""
    torch.manual_seed(0)
    network = CHOICE.build()
    with torch.no_grad():
        list(network.parameters())[-2].mul_(50)
    return Classifier(
        network, CHOICE, preprocessing=PLAIN, classes=classes, decision=Decision(**decision)
    )


@pytest.fixture(scope="module")
def image_index(tmp_path_factory: pytest.TempPathFactory) -> ImageIndex:
    """24 pictures in a table with a column, one of them damaged."""
    root = tmp_path_factory.mktemp("data")
    make_pictures(root, {"blue": 12, "red": 13})
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    (root / paths[-1]).write_bytes(b"no picture")
    with (root / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "site"])
        rows.writerows([path, path.split("/")[0], "xy"[i % 2]] for i, path in enumerate(paths))
    return build_image_index(
        open_dataset(root / "labels.csv"), cache=None, decoding=Decoding(allow_truncated=True)
    )


@pytest.fixture(scope="module")
def everything(image_index: ImageIndex) -> Subset:
    """All images."""
    return choose_subset(image_index, split="all", uses=None)


@pytest.fixture(scope="module")
def evaluation(image_index: ImageIndex, everything: Subset) -> Evaluation:
    """With everything that an evaluation can have."""
    return evaluate_subset(
        classifier(temperature=2.0, min_confidence=0.6), image_index, everything, tta="flip"
    )


def test_outputs_are_what_the_classifier_predicts(
    image_index: ImageIndex, everything: Subset
) -> None:
    ours = classifier(temperature=2.0)
    outputs = collect_outputs(ours, image_index, everything).outputs
    paths = [image_index.dataset.images.content(index) for index in range(len(image_index))]
    predicted = ours.predict([bytes(content) for content in paths])
    for index, each in enumerate(predicted):
        for place, name in enumerate(outputs.classes):
            assert outputs.probabilities[index, place] == pytest.approx(
                each.probabilities[name], abs=1e-6
            )
    assert len(set(outputs.predicted.tolist())) == 2
    np.testing.assert_array_equal(outputs.targets, image_index.labels)


def test_the_order_of_the_classifiers_classes_does_not_matter(
    image_index: ImageIndex, everything: Subset
) -> None:
    first = collect_outputs(classifier(), image_index, everything).outputs
    second = collect_outputs(classifier(("red", "blue")), image_index, everything).outputs
    assert first.classes == second.classes == ("blue", "red")
    np.testing.assert_array_equal(first.logits, second.logits[:, ::-1])


@pytest.mark.slow
def test_an_evaluation_has_the_numbers_of_its_outputs(evaluation: Evaluation) -> None:
    assert evaluation.metrics.to_dict() == compute_metrics(evaluation.outputs).to_dict()
    assert evaluation.accuracy == evaluation.outputs.is_correct.mean()
    assert evaluation.metrics.num_images == len(evaluation.names) == 24
    assert repr(evaluation) == f"Evaluation(accuracy {evaluation.accuracy:.2%} on all images)"
    assert evaluation.images_per_second > 0


def test_what_depends_on_the_temperature_is_also_there_without_it(
    evaluation: Evaluation, image_index: ImageIndex, everything: Subset
) -> None:
    plain = evaluation.outputs.at_temperature(1.0)
    assert evaluation.uncalibrated
    assert evaluation.uncalibrated.log_loss == pytest.approx(plain.losses.mean(), abs=1e-9)
    assert evaluate_subset(classifier(), image_index, everything).uncalibrated is None


def test_the_threshold_answers_those_that_are_sure(evaluation: Evaluation) -> None:
    assert evaluation.selective
    assert evaluation.selective.coverage.value == (evaluation.outputs.confidences >= 0.6).mean()


def test_groups_are_those_of_the_tables_columns(evaluation: Evaluation) -> None:
    assert {found.value for found in evaluation.slices if found.grouped_by == "site"} == {"x", "y"}


def test_damaged_images_are_named_and_not_counted(evaluation: Evaluation) -> None:
    ((name, reason),) = evaluation.damaged
    assert name == "red/012.png"
    assert reason
    assert name not in evaluation.names


def test_several_views_are_compared_with_one(
    evaluation: Evaluation, image_index: ImageIndex, everything: Subset
) -> None:
    one = collect_outputs(classifier(temperature=2.0), image_index, everything).outputs
    gain = evaluation.gain
    assert gain
    assert (gain.views, gain.count) == ("flip", 2)
    before, after = one.is_correct.mean(), evaluation.accuracy
    assert gain.difference.accuracy.value == pytest.approx(after - before, abs=1e-9)
    assert gain.times_as_long > 0


def test_json_has_all_parts_and_no_nan(evaluation: Evaluation) -> None:
    plain = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert plain["images"] == "all images"
    assert plain["num_seen_in_training"] is None
    assert plain["temperature"] == 2
    assert plain["damaged"][0]["image"] == "red/012.png"
    assert plain["test_time_augmentation"]["views"] == "flip"
    assert plain["uncalibrated"]["calibration_error_interval"]["confidence"] == 0.95
    assert plain["answered"]["min_confidence"] == 0.6
    assert plain["mistakes"]["num_wrong"] == 24 - round(24 * plain["accuracy"])
    assert {found["grouped_by"] for found in plain["slices"]} >= {"site"}


@pytest.mark.slow
def test_what_was_not_asked_for_is_none(image_index: ImageIndex, everything: Subset) -> None:
    plain = evaluate_subset(classifier(), image_index, everything).to_dict()
    for name in ("uncalibrated", "answered", "test_time_augmentation"):
        assert plain[name] is None


def test_one_image_alone_can_be_evaluated(image_index: ImageIndex) -> None:
    found = evaluate_subset(classifier(), image_index, Subset(np.array([3]), "one image", None))
    assert found.names == ("blue/003.png",)
    json.dumps(found.to_dict(), allow_nan=False)


def test_no_images_are_refused(image_index: ImageIndex) -> None:
    nothing = Subset(np.array([], dtype=np.int64), "the test split as given", 0)
    with pytest.raises(DataError) as caught:
        evaluate_subset(classifier(), image_index, nothing)
    assert caught.value.message == ("there are no images to evaluate on (the test split as given)")
    assert caught.value.hint == "choose another `--split`"


def test_a_network_that_gives_no_numbers_is_refused(
    image_index: ImageIndex, everything: Subset
) -> None:
    damaged = classifier()
    with torch.no_grad():
        next(damaged.network.parameters()).fill_(math.nan)
    with pytest.raises(DataError) as caught:
        evaluate_subset(damaged, image_index, everything)
    assert caught.value.message == "the classifier's outputs are non-finite"
    assert caught.value.hint == ("its weights are damaged or its training diverged; train it again")


def test_views_that_do_not_exist_are_refused_before_anything_is_computed(
    image_index: ImageIndex, everything: Subset
) -> None:
    with pytest.raises(UsageError, match="`tta` can't be `ten`"):
        evaluate_subset(classifier(), image_index, everything, tta="ten")


def test_classes_of_the_data_may_be_fewer_than_the_classifiers(tmp_path: Path) -> None:
    make_pictures(tmp_path / "pictures", {"red": 4, "sky": 4})
    dataset = match_classes(
        open_dataset(tmp_path / "pictures"), ("blue", "red"), synonyms={"sky": ""}
    )
    image_index = build_image_index(dataset, cache=None)
    found = evaluate_subset(
        classifier(), image_index, choose_subset(image_index, split="all", uses=None)
    )
    assert [row.num_images for row in found.metrics.classes] == [0, 4]
    assert found.metrics.macro_roc_area is None
    json.dumps(found.to_dict(), allow_nan=False)
