"""`convscope calibrate`, and predictions that are unsure, as a user types them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from made import rewrite_classifier
from PIL import Image

from conftest import Convscope, MakeFolder, make_pictures
from convscope.run import Run

pytestmark = pytest.mark.slow


@pytest.fixture
def faint(make_folder: MakeFolder) -> Path:
    """Pictures of either class, and some that are half one and half the other."""
    place = make_folder({"blue": 150, "red": 150}, name="faint", seed=11)
    for number in range(30):
        blue, red = (Image.open(place / label / f"{number:03d}.png") for label in ("blue", "red"))
        for label in ("blue", "red"):
            Image.blend(blue, red, 0.5).rotate(90).save(place / label / f"{label}{number}.png")
    return place


def test_what_was_chosen_is_said_and_predictions_follow_it(
    convscope: Convscope, flawed: Run
) -> None:
    outcome = convscope("calibrate", "runs/flawed")
    assert outcome.code == 0
    assert "calibrated on the images that training used as validation" in outcome.out
    assert re.search(r"temperature \d\.\d{3}: log loss \S+ -> \S+ nats on these \d\d", outcome.out)
    assert "no threshold: all predictions are accepted\n" in outcome.out


def test_json_has_what_is_saved_with_the_classifier(
    convscope: Convscope, flawed: Run, faint: Path
) -> None:
    words = ("--target-error", "0.05", "--json", "-q")
    outcome = convscope("calibrate", "runs/flawed", faint, *words)
    found = json.loads(outcome.out)
    assert outcome.err == ""
    content = json.loads((flawed.classifier_path / "classifier.json").read_text())
    assert content["metrics"]["calibration"] == found
    assert content["decision"]["temperature"] == found["temperature"]["temperature"]
    assert content["decision"]["min_confidence"] == found["threshold"]["min_confidence"] > 0.5


def test_a_target_that_all_predictions_meet_needs_no_threshold(
    convscope: Convscope, flawed: Run
) -> None:
    outcome = convscope("calibrate", flawed.path, "--target-error", "0.6")
    assert re.search(
        r"no threshold: all predictions are accepted, error rate [\d.]+%; on new images",
        outcome.out,
    )


def test_a_threshold_is_said_with_what_it_gives(
    convscope: Convscope, flawed: Run, faint: Path
) -> None:
    outcome = convscope("calibrate", flawed.path, faint, "--target-error", "0.05")
    words = (
        r"threshold ([\d.]+)%: ([\d.]+)% of these images are accepted, error rate ([\d.]+)%; "
        r"on new images of this kind below ([\d.]+)% with 95 % confidence"
    )
    found = re.search(words, outcome.out)
    assert found is not None
    threshold, coverage, error, bound = (float(number) for number in found.groups())
    assert 50 < threshold < 100
    assert 60 < coverage < 100
    assert error < bound <= 5


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--target-error", "0.02"), 3, "hint: allow a higher `--target-error`"),
        (
            ("--target-error", "5"),
            2,
            "error: `target_error` can't be 5\nhint: it is a fraction: 0.01 for 1 %\n",
        ),
        (("--target-error", "x"), 2, "error: `--target-error` can't be this: 'x' is not a valid"),
        (("--target-error", "0.001"), 3, "error: no threshold keeps the error at 0.001 or below:"),
        (("--split", "tset"), 2, "error: `split` can't be `tset`"),
        (("--synonyms", "none.csv"), 3, "error: `none.csv` can't be read"),
    ],
)
def test_wrong_values_get_a_clear_error_and_change_nothing(
    convscope: Convscope, flawed: Run, words: tuple[str, ...], code: int, message: str
) -> None:
    before = (flawed.classifier_path / "classifier.json").read_bytes()
    outcome = convscope("calibrate", flawed.path, *words)
    assert message in outcome.err
    assert outcome.code == code
    assert outcome.out == ""
    assert (flawed.classifier_path / "classifier.json").read_bytes() == before


def test_predictions_below_the_threshold_are_called_unsure_in_every_form(
    convscope: Convscope, flawed: Run
) -> None:
    words = ("predict", flawed.path, "pictures/red", "--top", "1", "-q")
    rows = json.loads(convscope(*words, "--json").out)
    assert not any(row["is_unsure"] for row in rows)
    middle = sorted(row["probability"] for row in rows)[50]
    asked = (*words, "--min-confidence", str(middle))
    is_unsure = [row["probability"] < middle for row in rows]
    assert [row["is_unsure"] for row in json.loads(convscope(*asked, "--json").out)] == is_unsure
    table = csv.DictReader(io.StringIO(convscope(*asked, "--csv").out))
    assert [row["is_unsure"] == "yes" for row in table] == is_unsure
    lines = convscope(*asked).out.splitlines()
    assert ["  unsure: red" in line or "  unsure: blue" in line for line in lines] == is_unsure


def test_predict_takes_the_threshold_that_was_calibrated(convscope: Convscope, flawed: Run) -> None:
    rewrite_classifier(flawed.classifier_path, decision={"min_confidence": 1.0})
    words = ("predict", flawed.path, "pictures/red/050.png")
    assert "  unsure: " in convscope(*words).out
    assert "unsure" not in convscope(*words, "--min-confidence", "0").out


def test_a_training_whose_validation_labels_contradict_it_ends_uncalibrated(
    convscope: Convscope,
) -> None:
    for split, labels in (("train", ("blue", "red")), ("val", ("red", "blue"))):
        make_pictures(Path("data", split), dict.fromkeys(labels, 40), seed=len(split))
    make_pictures(Path("data/test"), seed=7)
    words = ("--model", "lenet_rgb", "--epochs", "2", "-b", "16", "--device", "cpu")
    outcome = convscope("train", "data", *words, "--name", "odd")
    assert outcome.code == 0
    assert "note: not calibrated, the search for a temperature ended at the end" in outcome.err
    run = Run.open("runs/odd")
    assert run.state == "finished"
    assert run.evaluation["temperature"] == 1


FROM_0_TO_1 = "\nhint: it is 0 to 1; 0 accepts all predictions\n"


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ("2", f"error: `min_confidence` can't be 2{FROM_0_TO_1}"),
        ("-0.5", f"error: `min_confidence` can't be -0.5{FROM_0_TO_1}"),
        ("nan", f"error: `min_confidence` can't be nan{FROM_0_TO_1}"),
        ("high", "error: `--min-confidence` can't be this: 'high' is not a valid float\n"),
    ],
)
def test_a_threshold_that_is_no_share_is_refused(
    convscope: Convscope, flawed: Run, share: str, message: str
) -> None:
    words = ("predict", flawed.path, "pictures/red/050.png", "--min-confidence", share)
    outcome = convscope(*words)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", message)
