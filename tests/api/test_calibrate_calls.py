"""Calibration of a saved classifier: what is chosen, on which images, and who follows it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import convscope
from conftest import MakeFolder, make_pictures
from convscope.api.calibrate import calibrate
from convscope.classifier import Classifier, Decision, ImageLike
from convscope.errors import DataError, RunError, UsageError
from convscope.training.runs.lock import owned

pytestmark = pytest.mark.slow


@pytest.fixture
def mislabelled(tmp_path: Path) -> Path:
    """Other pictures, of which a quarter has the other's label."""
    place = tmp_path / "others"
    make_pictures(place, {"blue": 60, "red": 60}, seed=7)
    make_pictures(place, {"red": 15, "blue": 15}, seed=8)
    return place


def test_a_training_is_calibrated_on_its_validation_images(flawed: convscope.Run) -> None:
    trained = convscope.load(flawed.path)
    found = calibrate(flawed)
    assert found.fit is not None
    assert found.fit.num_images == flawed.split_counts["validation"]
    assert found.images == "the images that training used as validation"
    assert found.fit.temperature == pytest.approx(trained.decision.temperature)
    assert convscope.load(flawed.path).decision == trained.decision


def test_it_is_chosen_on_other_images_and_saved_with_the_classifier(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    before = convscope.load(flawed.path)
    found = calibrate(flawed.path, mislabelled, target_error=0.45)
    assert found.fit is not None
    assert found.threshold is not None
    assert found.fit.num_images == 120
    assert found.fit.temperature > before.decision.temperature  # more doubt is due here
    assert found.fit.log_loss_after < found.fit.log_loss_before
    content = json.loads((flawed.classifier_path / "classifier.json").read_text())
    assert content["decision"] == {
        "temperature": found.fit.temperature,
        "min_confidence": found.threshold.min_confidence,
    }
    assert content["metrics"]["calibration"] == found.to_dict()
    assert content["metrics"]["epoch"] == before.metrics["epoch"]


def test_a_run_that_is_being_trained_is_not_calibrated(flawed: convscope.Run) -> None:
    before = (flawed.classifier_path / "classifier.json").read_bytes()
    with owned(flawed), pytest.raises(RunError, match="is being trained by process"):
        calibrate(flawed)
    assert (flawed.classifier_path / "classifier.json").read_bytes() == before


def test_a_temperature_and_a_threshold_survive_saving_and_loading(
    flawed: convscope.Run, tmp_path: Path
) -> None:
    classifier = convscope.load(flawed.path)
    classifier.decision = Decision(temperature=1 / 3, min_confidence=0.7)
    classifier.save(tmp_path / "saved")
    assert Classifier.load(tmp_path / "saved").decision == classifier.decision


def test_probabilities_of_predictions_follow_the_temperature_as_those_of_evaluations(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    calibrate(flawed, mislabelled)
    classifier = convscope.load(flawed.path)
    assert classifier.decision.temperature != 1
    evaluation = convscope.evaluate(flawed)
    paths: list[ImageLike] = [str(Path("pictures", name)) for name in evaluation.names]
    found = [prediction.probabilities["red"] for prediction in classifier.predict(paths)]
    assert found == pytest.approx(evaluation.outputs.probabilities[:, 1], abs=1e-6)
    classifier.decision = Decision()
    plain = [prediction.probabilities["red"] for prediction in classifier.predict(paths)]
    logits = np.log(np.array(plain)) - np.log1p(-np.array(plain))
    warm = 1 / (1 + np.exp(-logits / evaluation.outputs.temperature))
    assert found == pytest.approx(warm, abs=1e-6)


def test_below_the_threshold_a_prediction_is_unsure(flawed: convscope.Run) -> None:
    classifier = convscope.load(flawed.path)
    paths: list[ImageLike] = [*sorted(map(str, Path("pictures/red").iterdir()))]
    predictions = classifier.predict(paths)
    assert not any(prediction.is_unsure for prediction in predictions)
    middle = sorted(prediction.probability for prediction in predictions)[50]
    classifier.decision = Decision(classifier.decision.temperature, min_confidence=middle)
    for prediction in classifier.predict(paths):
        assert prediction.is_unsure == (prediction.probability < middle)


def test_a_new_temperature_drops_a_threshold_that_was_chosen_for_the_old_one(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    classifier = convscope.load(flawed.path)
    classifier.decision = Decision(min_confidence=0.9)
    classifier.save(flawed.classifier_path)
    calibrate(flawed, mislabelled)
    assert convscope.load(flawed.path).decision.min_confidence == 0


def test_the_report_says_what_a_classifier_was_calibrated_on(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    from convscope.api.evaluate import write_evaluation

    calibrate(flawed, mislabelled, split="all")
    written = write_evaluation(convscope.evaluate(flawed), "out", run=flawed)
    assert "The temperature was chosen on: all images." in written.report.read_text("utf-8")


def test_few_images_choose_no_temperature(flawed: convscope.Run, make_folder: MakeFolder) -> None:
    found = calibrate(flawed, make_folder({"blue": 14, "red": 15}, name="few", seed=3))
    assert found.fit is None
    assert convscope.load(flawed.path).decision == Decision()


def test_a_copied_classifier_folder_is_calibrated_by_itself(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    shutil.copytree(flawed.classifier_path, "copy")
    found = calibrate("copy", mislabelled)
    assert found.images == "all images; which of them training saw isn't known"
    assert convscope.load("copy").decision == found.classifier.decision
    assert convscope.load(flawed.path).decision != found.classifier.decision


@pytest.fixture
def exchanged(tmp_path: Path) -> Path:
    """Other pictures, each with the other's label."""
    make_pictures(tmp_path / "exchanged", {"red": 40, "blue": 40}, seed=9)
    return tmp_path / "exchanged"


def test_labels_that_contradict_the_classifier_calibrate_nothing(
    flawed: convscope.Run, exchanged: Path
) -> None:
    before = (flawed.classifier_path / "classifier.json").read_bytes()
    with pytest.raises(DataError, match="ended at the end of its range, 20: the labels") as refused:
        calibrate(flawed, exchanged)
    assert "do the labels and classes of the data match" in (refused.value.hint or "")
    assert (flawed.classifier_path / "classifier.json").read_bytes() == before


def test_images_of_classes_that_are_not_known_are_left_out_where_asked_for(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    make_pictures(mislabelled, {"zebra": 5})
    with pytest.raises(DataError, match="doesn't know 1 class of the data") as refused:
        calibrate(flawed, mislabelled)
    assert "`--ignore-unknown` leaves their images out" in (refused.value.hint or "")
    found = calibrate(flawed, mislabelled, ignore_unknown=True)
    assert found.images.endswith(
        "; without 5 images of 1 class that the classifier doesn't know (zebra)"
    )
    assert found.fit is not None
    assert found.fit.num_images == 120


@pytest.mark.parametrize("share", [0.0, 1.0, 5.0, -0.1])
def test_a_target_that_is_no_share_is_refused(flawed: convscope.Run, share: float) -> None:
    before = (flawed.classifier_path / "classifier.json").read_bytes()
    with pytest.raises(UsageError, match="`target_error` can't be") as refused:
        calibrate(flawed, target_error=share)
    assert refused.value.hint == "it is a fraction: 0.01 for 1 %"
    assert (flawed.classifier_path / "classifier.json").read_bytes() == before


def test_a_target_that_cannot_be_proven_changes_nothing(
    flawed: convscope.Run, mislabelled: Path
) -> None:
    before = (flawed.classifier_path / "classifier.json").read_bytes()
    with pytest.raises(DataError, match="no threshold keeps the error at 0.001 or below"):
        calibrate(flawed, mislabelled, target_error=0.001)
    assert (flawed.classifier_path / "classifier.json").read_bytes() == before


@pytest.mark.parametrize("split", ["test", "all"])
def test_a_runs_own_test_images_choose_nothing(flawed: convscope.Run, split: str) -> None:
    with pytest.raises(UsageError, match=f"own `{split}` images") as refused:
        calibrate(flawed, split=split)
    assert refused.value.hint == "leave out `--split`, or give other data"


def test_images_that_a_run_reports_on_are_left_out_wherever_they_lie(
    flawed: convscope.Run,
) -> None:
    shutil.copytree("pictures", "copied")
    with pytest.raises(DataError, match="reports on all of these images") as refused:
        calibrate(flawed, "copied")  # all others training saw
    assert refused.value.hint == (
        "leave out DATA to choose on the validation images, or give other data"
    )
    found = calibrate(flawed, "copied", split="all")
    num_test = flawed.evaluation["num_images"]
    assert found.fit is not None
    assert found.fit.num_images == 240 - num_test
    assert found.images.endswith(f", but for {num_test} that are reported on")
