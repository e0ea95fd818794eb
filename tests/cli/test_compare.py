"""`convscope compare` as a user types it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from made import rewrite_classifier
from recorded import recorded_run

from conftest import Convscope
from convscope.run import Run

pytestmark = pytest.mark.slow


def test_a_run_and_its_copy_cannot_be_told_apart(convscope: Convscope, flawed: Run) -> None:
    shutil.copytree(flawed.path, "runs/copy")
    outcome = convscope("compare", "runs/flawed", "runs/copy")
    assert outcome.code == 0
    assert "can't tell flawed and copy apart: +0.00 points of accuracy (95 % i" in outcome.out
    assert "from flawed to copy, p = 1; only flawed gets 0 images right, only copy 0" in outcome.out
    assert "not their recipes" in outcome.out


def test_json_has_the_same_names_as_the_objects(convscope: Convscope, flawed: Run) -> None:
    shutil.copytree(flawed.path, "runs/copy")
    outcome = convscope("compare", "runs/flawed", "runs/copy", "--json", "-q")
    found = json.loads(outcome.out)
    assert outcome.err == ""
    assert [row["name"] for row in found["classifiers"]] == ["flawed", "copy"]
    assert found["num_images"] == flawed.evaluation["num_images"]
    for row in found["classifiers"]:
        assert row["accuracy"] == flawed.evaluation["accuracy"]
        assert row["accuracy_interval"] == flawed.evaluation["accuracy_interval"]
        assert row["log_loss"] == pytest.approx(flawed.evaluation["log_loss"])
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"], pair["verdict"]) == ("flawed", "copy", "neither")
    assert pair["accuracy_difference_interval"]["low"] < 0


def test_a_better_classifier_is_named_with_images_that_show_it(
    convscope: Convscope, flawed: Run
) -> None:
    shutil.copytree(flawed.classifier_path, "turned")
    rewrite_classifier(Path("turned"), classes=["red", "blue"])  # calls red what is blue
    outcome = convscope("compare", "turned", "runs/flawed", "--data", "pictures", "--split", "all")
    assert "flawed is better than turned: +" in outcome.out
    shown = re.findall(r"^  (\w+)/\S+: (\w+) / (\w+), is (\w+)$", outcome.out, re.MULTILINE)
    assert len(shown) == 10
    assert all(folder == label and first != second for folder, first, second, label in shown)


def test_recipes_are_compared_by_what_is_on_record(convscope: Convscope, flawed: Run) -> None:
    recipe = flawed.recipe_path.read_text()
    assert "seed: 0" in recipe
    for name, epochs, level in (("short", 2, 0.6), ("long", 9, 0.9)):
        for seed in range(3):
            text = recipe.replace("seed: 0", f"seed: {seed}")
            text = text.replace("epochs: 3", f"epochs: {epochs}")
            place = Path("runs", f"{name}{seed}")
            recorded_run(place, flawed, recipe=text, accuracy=level + seed / 100)
    runs = [f"runs/{name}{seed}" for name in ("short", "long") for seed in range(3)]
    outcome = convscope("compare", "--recipes", *runs)
    assert "long0 has the better recipe: +30.00 points of accuracy (95 % interval +2" in outcome.out
    assert "from the recipe of short0 to that of long0" in outcome.out
    assert re.search(r"short0 +3 seeds +61.00%", outcome.out)
    outcome = convscope("compare", "--recipes", *runs, "--json", "-o", "pages/", "--lang", "zh")
    assert outcome.err.endswith("页面：pages/report.html\n")
    assert "配方" in Path("pages/report.html").read_text(encoding="utf-8")
    found = json.loads(outcome.out)
    assert [row["runs"] for row in found["recipes"]][0] == ["short0", "short1", "short2"]
    assert found["pairs"][0]["accuracy_difference"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "error: `RUN RUN...` is missing"),
        (("runs/flawed",), 2, "error: there is nothing to compare with\nhint: give at least two"),
        (
            ("runs/flawed", "--recipes"),
            2,
            "error: `runs/flawed` is the only run of its recipe\nhint: train it again with another",
        ),
        (
            ("runs/flawed", "runs/flawed", "--recipes", "--split", "all"),
            2,
            "error: `--split` doesn't apply to `--recipes`\nhint: recipes are compared by",
        ),
        (("runs/flawed", "runs/flowed"), 6, "error: there is no run `runs/flowed`\nhint: did you"),
        (("runs/flawed", "runs/flawed", "--split", "tset"), 2, "`split` can't be `tset`"),
        (("runs/flawed", "runs/flawed", "--synonyms", "none.csv"), 3, "`none.csv` can't be read"),
        (
            ("runs/a", "runs/b", "-o", "page.pdf"),
            2,
            "`page.pdf` can't be written: it doesn't end in",
        ),
        (("runs/flawed", "runs/flawed", "--device", "tpu"), 7, "no device is called `tpu`"),
    ],
)
def test_wrong_values_get_a_clear_error(
    convscope: Convscope, flawed: Run, words: tuple[str, ...], code: int, message: str
) -> None:
    assert flawed.state == "finished"
    outcome = convscope("compare", *words)
    assert message in outcome.err
    assert outcome.code == code
    assert outcome.out == ""


def test_the_differences_are_drawn_where_there_are_any(convscope: Convscope, flawed: Run) -> None:
    words = (flawed.path, flawed.path, "-q")
    outcome = convscope("compare", *words, "--plot", "differences.svg", "-o", "page.htm")
    assert outcome.code == 0
    assert outcome.out.endswith("\npage: page.htm\n")
    page = Path("page.htm").read_text(encoding="utf-8")
    command = f"convscope compare {flawed.path} {flawed.path}</pre>"
    assert command in page
    assert "<svg" in Path("differences.svg").read_text(encoding="utf-8")
