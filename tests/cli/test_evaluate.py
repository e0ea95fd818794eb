"""`convscope evaluate` as a user types it, and the command that its report says repeats it."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import pytest
from recorded import reseal

from conftest import Convscope, make_pictures
from convscope.run import Run

pytestmark = pytest.mark.slow


def test_an_evaluation_prints_its_numbers_and_says_where_the_report_is(
    convscope: Convscope, flawed: Run
) -> None:
    outcome = convscope("evaluate", "runs/flawed")
    record = flawed.evaluation
    assert outcome.code == 0
    assert f"evaluated on {record['num_images']} images: all images, but for" in outcome.out
    right = round(record["accuracy"] * record["num_images"])
    assert f"{right} of {record['num_images']}" in outcome.out
    place = Path("evaluations/flawed-pictures")
    assert f"report:      {place / 'report.html'}" in outcome.out
    written = {path.name for path in place.iterdir()}
    assert written == {"report.html", "predictions.csv", "evaluation.json"}


def test_json_alone_has_the_names_of_the_record_and_writes_nothing(
    convscope: Convscope, flawed: Run
) -> None:
    outcome = convscope("evaluate", "runs/flawed", "--json", "-q")
    fields = json.loads(outcome.out)
    record = flawed.evaluation
    assert outcome.err == ""
    assert list(fields) == list(record)
    assert {**fields, "images": ""} == {**record, "images": ""}
    assert not Path("evaluations").exists()
    convscope("evaluate", "runs/flawed", "--json", "-o", "here", "-q")
    written = json.loads(Path("here/evaluation.json").read_text())
    assert len(written.pop("sha256")) == 64
    assert written == fields


def test_views_and_thresholds_are_said_in_words_and_written_apart(
    convscope: Convscope, flawed: Run
) -> None:
    words = ("--tta", "flip", "--min-confidence", "0.7", "--split", "all", "--figures", "figures")
    outcome = convscope("evaluate", flawed.path, *words)
    assert re.search(r"threshold 70\.0%: [\d.]+% of the images are accepted", outcome.out)
    assert re.search(r"2 views of each image \(flip\): [+-][\d.]+ points of acc", outcome.out)
    seen = flawed.split_counts["train"] + flawed.split_counts["validation"]
    assert f"training or selection saw {seen} of them" in outcome.out
    assert Path("evaluations/flawed-pictures-all-flip/report.html").is_file()
    assert Path("figures/confusion.svg").is_file()
    assert Path("figures/loss.svg").is_file()


def test_images_of_unknown_classes_are_refused_or_left_out_and_counted(
    convscope: Convscope, flawed: Run
) -> None:
    make_pictures(Path("new"), {"blue": 6, "red": 6, "zebra": 4}, seed=3)
    refused = convscope("evaluate", "runs/flawed", "new", "-q")
    assert refused.code == 3
    assert "doesn't know 1 class of the data\n  `zebra` (4 images)\n" in refused.err
    assert "`--ignore-unknown` leaves their images out" in refused.err
    outcome = convscope("evaluate", "runs/flawed", "new", "-q", "--ignore-unknown", "-o", "out")
    left_out = "without 4 images of 1 class that the classifier doesn't know (zebra)"
    assert f"evaluated on 12 images: all images; {left_out}" in outcome.out
    written = json.loads(Path("out/evaluation.json").read_text())
    assert (written["num_images"], written["images"]) == (12, f"all images; {left_out}")
    commands = re.findall(r"<pre>(.+)</pre>", Path("out/report.html").read_text("utf-8"))
    assert any("new --ignore-unknown" in command for command in commands)


def test_the_command_on_the_page_repeats_the_evaluation(convscope: Convscope, flawed: Run) -> None:
    flawed.path.rename("runs/it's flawed")
    Path("my data").mkdir()
    for label, other in (("red", "rot & <b>"), ("blue", "blau")):
        Path("pictures", label).rename(Path("my data", other))
    Path("their names.csv").write_text("data,classifier\nrot & <b>,red\nblau,blue\n")
    words = ("--synonyms", "their names.csv", "--tta=flip", "--min-confidence", "0.75", "-j", "1")
    asked = ("evaluate", "runs/it's flawed", "my data", *words)
    convscope(*asked, "-o", "first", "-q", "--lang", "zh")
    page = Path("first/report.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in page
    commands = [html.unescape(text) for text in re.findall(r"<pre>(convscope .*?)</pre>", page)]
    *explained, trained, evaluated = (shlex.split(text) for text in commands)
    assert explained
    assert all(words[:3] == ["convscope", "explain", "runs/it's flawed"] for words in explained)
    assert trained == ["convscope", "train", "--recipe", "runs/it's flawed/recipe.yaml"]
    assert "first" not in evaluated
    convscope(*evaluated[1:], "-o", "second", "-q")
    first, second = (
        json.loads(Path(place, "evaluation.json").read_text()) for place in ("first", "second")
    )
    for found in (first, second):
        del found["test_time_augmentation"]["times_as_long"], found["sha256"]
    assert first == second


def test_the_command_of_a_trainings_report_finds_what_the_training_found(
    convscope: Convscope, flawed: Run
) -> None:
    page = flawed.report_path.read_text(encoding="utf-8")
    command = html.unescape(re.findall(r"<pre>(convscope evaluate .*?)</pre>", page)[0])
    found = json.loads(convscope(*shlex.split(command)[1:], "--json").out)
    assert found["accuracy_interval"] == flawed.evaluation["accuracy_interval"]
    assert found["confusion"] == flawed.evaluation["confusion"]


def test_a_classifier_folder_is_evaluated_on_data_that_is_given(
    convscope: Convscope, flawed: Run
) -> None:
    flawed.classifier_path.rename("mine")
    outcome = convscope("evaluate", "mine", "pictures", "-q")
    assert outcome.code == 0
    assert "evaluated on 240 images: all images; which of them training saw isn't" in outcome.out
    page = Path("evaluations/mine-pictures/report.html").read_text(encoding="utf-8")
    assert "convscope evaluate mine pictures" in page
    assert "convscope train" not in page
    assert "that isn&#39;t known" in page


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("--tta", "none"),
            2,
            "error: `tta` can't be `none`\nhint: it takes `flip`, `crops` or `flip-crops`\n",
        ),
        (
            ("--min-confidence", "2"),
            2,
            "error: `min_confidence` can't be 2\nhint: it is 0 to 1; 0 accepts all predictions\n",
        ),
        (("--min-confidence", "x"), 2, "`--min-confidence` can't be this: 'x' is not a valid f"),
        (("--lang", "fr"), 2, "error: `--lang` can't be `fr`\nhint: it can be `en` or `zh`"),
        (("--split", "tset"), 2, "error: `split` can't be `tset`\nhint: it takes `train`, `val`"),
        (("--synonyms", "none.csv"), 3, "error: `none.csv` can't be read: "),
        (("--tt", "flip"), 2, "error: `evaluate` has no flag `--tt`\nhint: did you mean `--tta`?"),
        (("no-data",), 3, "error: there is no folder `no-data`"),
    ],
)
def test_wrong_values_get_a_clear_error_and_write_nothing(
    convscope: Convscope, flawed: Run, words: tuple[str, ...], code: int, message: str
) -> None:
    outcome = convscope("evaluate", flawed.path, *words)
    assert message in outcome.err
    assert outcome.code == code
    assert outcome.out == ""
    assert not Path("evaluations").exists()


def test_a_table_of_synonyms_without_its_first_line_is_explained(
    convscope: Convscope, flawed: Run
) -> None:
    Path("names.csv").write_text("rot,red\n")
    outcome = convscope("evaluate", flawed.path, "--synonyms", "names.csv")
    assert outcome.code == 3
    assert "error: `names.csv` is no table of synonyms\nhint: its first line is" in outcome.err


def test_pages_tell_nobody_where_data_and_run_lie(
    convscope: Convscope, flawed: Run, tmp_path: Path
) -> None:
    """Paths on a page are those from the folder in which it was made."""
    run, data = (tmp_path / "runs" / "flawed", tmp_path / "pictures")
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("data: pictures", f"data: {data}"))
    reseal(flawed)  # else the change would be told
    for words in (
        ("evaluate", run, data, "-o", "evaluated"),
        ("check", data, "--output", "checked"),
        ("explain", run, data / "red" / "000.png", "-o", "explained"),
        ("inspect", run, data, "--layer", "conv1", "-o", "inspected.html"),
    ):
        assert convscope(*words).code == 0
    pages = [path.read_text() for path in tmp_path.rglob("*.html") if path.parent != run]
    assert len(pages) == 4
    assert not any(str(tmp_path) in page for page in pages)
    assert "data: pictures" in (tmp_path / "evaluated" / "report.html").read_text()
