"""Evaluations in Python: on which images, by whose names, with which views; what is written."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from reading import Page

import convscope
from conftest import MakeFolder
from convscope.api.evaluate import save_figures, write_evaluation
from convscope.classifier import Decision
from convscope.errors import DataError, RunError, UsageError
from convscope.evaluation.verdict import verdicts

pytestmark = pytest.mark.slow


def foreign(make_folder: MakeFolder) -> Path:
    """Pictures of the same two classes under other names, and of a third one."""
    return make_folder({"bleu": 12, "rouge": 12, "vert": 5}, name="couleurs", seed=5)


def test_synonyms_say_what_classes_are_called_and_which_are_left_out(
    flawed: convscope.Run, make_folder: MakeFolder
) -> None:
    data = foreign(make_folder)
    evaluation = convscope.evaluate(
        flawed, data, synonyms={"bleu": "blue", "rouge": "red", "vert": ""}
    )
    assert [row.num_images for row in evaluation.metrics.classes] == [12, 12]
    assert evaluation.outputs.classes == ("blue", "red")
    assert evaluation.accuracy > 0.8
    swapped = convscope.evaluate(
        flawed, data, synonyms={"bleu": "red", "rouge": "blue", "vert": ""}
    )
    assert swapped.accuracy == pytest.approx(1 - evaluation.accuracy)


def test_synonyms_come_from_a_file_too(flawed: convscope.Run, make_folder: MakeFolder) -> None:
    data = foreign(make_folder)
    Path("names.csv").write_text("data,classifier\nbleu,blue\nrouge,red\nvert,\n")
    from_file = convscope.evaluate(flawed, data, synonyms="names.csv")
    given = convscope.evaluate(flawed, data, synonyms={"bleu": "blue", "rouge": "red", "vert": ""})
    assert from_file.to_dict() == given.to_dict()


@pytest.mark.parametrize(
    ("synonyms", "message"),
    [
        ({"bleu": "blue"}, "`rouge` \\(12 images\\)"),
        ({"blue": "bleu"}, "the data has no class `blue`; did you mean `bleu`?"),
        ({"bleu": "azure"}, "the classifier has no class `azure`"),
    ],
)
def test_synonyms_that_do_not_fit_are_refused_with_names(
    flawed: convscope.Run, make_folder: MakeFolder, synonyms: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        convscope.evaluate(flawed, foreign(make_folder), synonyms=synonyms)


@pytest.mark.parametrize(("views", "count"), [("flip", 2), ("crops", 5), ("flip-crops", 10)])
def test_views_are_averaged_and_their_gain_is_named(
    flawed: convscope.Run, views: str, count: int
) -> None:
    plain, several = convscope.evaluate(flawed), convscope.evaluate(flawed, tta=views)
    assert plain.gain is None
    assert several.gain is not None
    assert (several.gain.views, several.gain.count) == (views, count)
    difference = several.gain.difference
    assert difference.accuracy.value == pytest.approx(several.accuracy - plain.accuracy)
    assert not np.array_equal(several.outputs.probabilities, plain.outputs.probabilities)


def test_views_of_no_name_are_refused_before_an_image_is_read(flawed: convscope.Run) -> None:
    with pytest.raises(UsageError, match="`tta` can't be `none`") as refused:
        convscope.evaluate(flawed, "no such data", tta="none")
    assert refused.value.hint == "it takes `flip`, `crops` or `flip-crops`"


def test_a_threshold_says_how_many_are_accepted_and_changes_no_classifier(
    flawed: convscope.Run,
) -> None:
    classifier = convscope.load(flawed.path)
    evaluation = convscope.evaluate(classifier, "pictures", split="all", min_confidence=0.8)
    selective = evaluation.selective
    assert selective is not None
    is_accepted = evaluation.outputs.confidences >= 0.8
    assert selective.coverage.value == pytest.approx(is_accepted.mean())
    assert selective.error is not None
    wrong = (~evaluation.outputs.is_correct)[is_accepted].mean()
    assert selective.error.value == pytest.approx(wrong)
    assert classifier.decision.min_confidence == 0
    assert convscope.evaluate(classifier, "pictures", split="all").selective is None


@pytest.mark.parametrize("share", [-0.1, 2.0])
def test_a_threshold_that_is_no_share_is_refused(flawed: convscope.Run, share: float) -> None:
    with pytest.raises(UsageError, match=r"`min_confidence` can't be .*\nhint: it is 0 to 1"):
        convscope.evaluate(flawed, min_confidence=share)


def test_an_unknown_field_of_the_source_is_named(flawed: convscope.Run) -> None:
    with pytest.raises(UsageError, match="`evaluate` has no argument `epochs`"):
        convscope.evaluate(flawed, epochs=3)  # type: ignore[call-arg]


def test_the_training_and_an_evaluation_afterwards_find_the_same(flawed: convscope.Run) -> None:
    again, record = convscope.evaluate(flawed).to_dict(), flawed.evaluation
    assert record["accuracy"] < 1
    assert again["num_seen_in_training"] == record["num_seen_in_training"] == 0
    assert {**again, "images": ""} == {**record, "images": ""}


def test_a_classifier_folder_copied_elsewhere_evaluates_but_knows_no_data(
    flawed: convscope.Run, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(flawed.classifier_path, copy)
    with pytest.raises(RunError, match="doesn't say what data") as refused:
        convscope.evaluate(copy)
    assert refused.value.hint == "give the data too"
    evaluation = convscope.evaluate(copy, "pictures")
    assert evaluation.metrics.num_images == 240
    assert evaluation.subset.num_seen is None
    assert evaluation.images == "all images; which of them training saw isn't known"
    whole = convscope.evaluate(flawed, split="all")
    assert whole.accuracy == evaluation.accuracy
    assert whole.subset.num_seen == sum(flawed.split_counts[use] for use in ("train", "validation"))


def test_an_evaluation_is_written_as_report_table_and_numbers(
    flawed: convscope.Run, tmp_path: Path
) -> None:
    evaluation = convscope.evaluate(flawed)
    written = write_evaluation(evaluation, tmp_path / "a b", run=flawed, language="zh")
    numbers = json.loads(written.numbers.read_text())
    assert len(numbers.pop("sha256")) == 64
    assert numbers == json.loads(json.dumps(evaluation.to_dict()))
    page = written.report.read_text(encoding="utf-8")
    assert '<html lang="zh">' in page
    assert "训练报告" in page
    with written.predictions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == list(evaluation.names)
    is_right = [row["label"] == row["predicted"] for row in rows]
    assert is_right == evaluation.outputs.is_correct.tolist()
    own = [float(row["label_probability"]) for row in rows]
    assert own == pytest.approx(evaluation.outputs.target_probabilities, abs=1e-6)
    with pytest.raises(UsageError, match="no report in the language `fr`"):
        write_evaluation(evaluation, tmp_path / "fr", language="fr")
    assert not (tmp_path / "fr").exists()


def test_a_training_reports_with_its_history_its_recipe_and_how_to_repeat_it(
    flawed: convscope.Run,
) -> None:
    page = flawed.report_path.read_text(encoding="utf-8")
    for text in ("training report", "Training", "Recipe", "model: lenet_rgb", "Splits"):
        assert text in page
    again = f"convscope train --recipe {flawed.recipe_path.as_posix()}"
    said = list(verdicts(flawed.evaluation, flawed.history, recipe=flawed.recipe, command=again))
    if not any(sentence.startswith("overfitting") for sentence in said):
        said.append("no sign of overfitting")
    text = Page(page).text.replace(" ", "")
    assert all(sentence.replace("`", "").replace(" ", "") in text for sentence in said)
    curves = [page.index(f'aria-label="{name}"') for name in ("loss", "accuracy", "learning rate")]
    assert max(curves) < page.index('id="confusion-matrix"')
    assert "convscope train --recipe runs/flawed/recipe.yaml" in page
    assert "convscope evaluate runs/flawed" in page
    with flawed.predictions_path.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == flawed.evaluation["num_images"]


def test_figures_of_a_run_have_its_history(flawed: convscope.Run, tmp_path: Path) -> None:
    evaluation = convscope.evaluate(flawed)
    with_run = save_figures(evaluation, tmp_path / "all", run=flawed.path)
    without = save_figures(evaluation, tmp_path / "some", run=flawed.classifier_path)
    added = {path.name for path in with_run} - {path.name for path in without}
    assert added == {"loss.svg", "accuracy.svg", "learning_rate.svg"}
    assert all(path.read_text(encoding="utf-8").count("<svg") == 1 for path in with_run)


def test_a_run_stopped_before_its_evaluation_is_finished_by_the_same_call(
    flawed: convscope.Run,
) -> None:
    record, page = flawed.evaluation, flawed.report_path.read_text()
    classifier = convscope.load(flawed.path)
    decision = classifier.decision
    classifier.decision = Decision(temperature=2.5)  # another than calibration chooses
    del classifier.metrics["calibration"]
    classifier.save(flawed.classifier_path)
    for path in (flawed.evaluation_path, flawed.report_path, flawed.predictions_path):
        path.unlink()

    again = convscope.train("pictures", name="flawed", model="lenet_rgb", epochs=3, batch_size=16)
    assert again.path == flawed.path
    assert again.state == "finished"
    assert convscope.load(again.path).decision == decision
    assert again.evaluation == record
    assert again.report_path.read_text() == page
    assert again.predictions_path.is_file()
