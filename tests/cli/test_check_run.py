"""`convscope check DATA --run RUN`: labels that a trained classifier contradicts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import Convscope, make_pictures
from convscope.run import Run

pytestmark = pytest.mark.slow

# In `flawed`, these lie in the other class's folder.
MISPLACED = {f"{label}/{number:03d}.png" for label in ("blue", "red") for number in range(12)}


def findings(convscope: Convscope, *words: str | Path) -> dict[str, dict[str, Any]]:
    outcome = convscope("check", *words, "--json", "-q")
    assert outcome.code == 0, outcome.err
    return {found["kind"]: found for found in json.loads(outcome.out)["findings"]}


def test_misplaced_images_of_every_split_are_named_with_a_run_alone(
    convscope: Convscope, flawed: Run
) -> None:
    without = findings(convscope, "pictures")
    assert "suspect_labels" not in without
    assert without["labels_not_judged"]["severity"] == "note"
    found = findings(convscope, "pictures", "--run", "runs/flawed")
    assert "labels_not_judged" not in found
    suspects = found["suspect_labels"]
    named = {image["name"]: image for image in suspects["images"]}
    assert len(named.keys() & MISPLACED) >= 22
    assert len(named.keys() - MISPLACED) <= 2
    assert not any(image["exclude"] for image in named.values())
    reason = named["red/003.png"]["reason"]
    assert reason.startswith("looks like `blue` (")


def test_it_is_said_what_is_out_of_sample_and_what_is_not(
    convscope: Convscope, flawed: Run
) -> None:
    counts = flawed.split_counts
    make_pictures(Path("more"), {"blue": 3, "red": 3}, seed=9)
    for path in sorted(Path("more").rglob("*.png")):
        shutil.copy(path, Path("pictures", path.parent.name, f"new-{path.name}"))
    out = convscope("check", "pictures", "--run", "runs/flawed", "-q").out
    held_out = counts["validation"] + counts["test"] + 6
    assert f"{held_out} images that `runs/flawed` was not trained on: by its classifier (" in out
    assert f"({counts['validation']} of them chose its epoch and temperature)" in out
    assert f"{counts['train']} images that it was trained on: by cross-validation" in out
    assert "its features were trained on these labels as well" in out
    assert "Labels are not judged." not in out


def test_the_page_repeats_the_check_with_its_run(convscope: Convscope, flawed: Run) -> None:
    outcome = convscope("check", "pictures", "--run", flawed.path, "-q", "-o", "out")
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "convscope check pictures --run runs/flawed" in page
    assert outcome.out.splitlines()[-1] == "train: convscope train pictures"


def test_what_cannot_judge_these_labels_is_refused_before_anything_is_read(
    convscope: Convscope, flawed: Run
) -> None:
    def refusal(*words: str | Path) -> str:
        outcome = convscope("check", *words)
        assert outcome.code != 0
        assert outcome.out == ""
        return outcome.err

    assert "there is no run `runs/flaved`" in refusal("pictures", "--run", "runs/flaved")
    assert "did you mean `runs/flawed`?" in refusal("pictures", "--run", "runs/flawed/classifier")
    told = refusal("pictures", "--run", "runs/flawed", "--img-size", "40")
    assert "`img_size` has no effect with `run`" in told
    assert "hint: leave `img_size` out, or check without `run`" in told
    make_pictures(Path("zoo"), {"blue": 3, "zebra": 4})
    told = refusal("zoo", "--run", "runs/flawed")
    assert "the classifier doesn't know 1 class of the data\n  `zebra` (4 images)" in told
    assert "the classifier has blue, red; give a run that was trained on these classes" in told
    shutil.rmtree(flawed.classifier_path)
    assert "it has no classifier" in refusal("pictures", "--run", "runs/flawed")


def test_a_misplaced_photo_is_named_by_a_run_and_by_no_check_without(
    convscope: Convscope, shared_data: Path
) -> None:
    """One rose among the sunflowers, which no statistics of pixels give away."""
    for label in ("roses", "sunflowers"):
        photos = sorted((shared_data / "flowers" / label).iterdir())[:25]
        Path("flowers", label).mkdir(parents=True)
        for photo in photos:
            shutil.copy(photo, Path("flowers", label))
    rose = sorted(Path("flowers/roses").iterdir())[4]
    rose.rename(Path("flowers/sunflowers", rose.name))
    trained = convscope(
        "train", "flowers", "--img-size", "96", "--tune", "head", "--feature-views", "1",
        "--epochs", "8", "--name", "head", "-q",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    name = f"sunflowers/{rose.name}"
    without = findings(convscope, "flowers")
    assert not any(name in {i["name"] for i in found["images"]} for found in without.values())
    suspects = findings(convscope, "flowers", "--run", "runs/head")["suspect_labels"]
    assert name in [image["name"] for image in suspects["images"]][:3]
    assert "its features were trained" not in " ".join(suspects["details"])
