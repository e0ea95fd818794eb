"""The page of a comparison is whole, has its numbers, curves and images, and asks for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import rewrite_classifier
from reading import Page, check_asks_for_nothing

import convscope
from convscope.api.compare import write_comparison
from convscope.evaluation.compared import Comparison, RecipeComparison
from convscope.evaluation.comparison import over_seeds, recipe_difference
from convscope.figures.run_curves import RunCurve, RunCurvesLabels, draw_run_curves
from convscope.report.comparison import classifiers_page, recipes_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compared(flawed_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A run, and a classifier that calls red what is blue, on the same images."""
    run = convscope.Run.open(flawed_once / "runs/flawed")
    turned = tmp_path_factory.mktemp("compared") / "turned"
    convscope.load(run.path).save(turned)
    rewrite_classifier(turned, classes=["red", "blue"])
    return convscope.compare(run, turned, data=flawed_once / "pictures", split="all")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_and_asks_for_nothing(compared: Comparison, language: str) -> None:
    page = classifiers_page(compared, command="again <x>", language=language)
    check_asks_for_nothing(page)
    assert len(page.encode()) < 5_000_000
    assert "<x>" not in page


def test_results_and_differences_are_those_of_the_comparison(compared: Comparison) -> None:
    page = Page(classifiers_page(compared, command="again"))
    (pair,) = compared.pairs
    rows = [row for row in page.rows if len(row) == 7][1:3]
    assert [[row[0], row[3], row[4]] for row in rows] == [
        [each.name, f"{each.log_loss:.4f}", f"{each.num_parameters:,}"]
        for each in compared.classifiers
    ]
    (row,) = [row for row in page.rows if row[:2] == [pair.first, pair.second]]
    only = [str(pair.difference.only_first), str(pair.difference.only_second)]
    assert row[-2:] == only
    assert row[2] == f"{100 * pair.difference.accuracy.value:+.2f}".replace("-", "\N{MINUS SIGN}")
    assert "flawed is better than turned." in page.text


def test_images_that_only_one_gets_right_are_shown_of_both_kinds(compared: Comparison) -> None:
    page = Page(classifiers_page(compared, command="again"))
    (pair,) = compared.pairs
    found = pair.difference
    assert f"Only flawed is right, turned is wrong: {found.only_first}" in page.text
    assert f"Only turned is right, flawed is wrong: {found.only_second}" in page.text
    pictured = [str(values["alt"]) for tag, values in page.tags if tag == "img"]
    right = {each.name for each in pair.disagreements if each.first == each.label}
    assert sum(name in right for name in pictured) == min(12, found.only_first)
    assert sum(name not in right for name in pictured) == min(12, found.only_second)
    assert "12 of" in page.text


def test_a_classifier_without_a_run_has_no_curve_and_that_is_said(compared: Comparison) -> None:
    page = classifiers_page(compared, command="again")
    assert "Classifiers without a run have no curves." in page
    assert page.count('aria-label="validation accuracy"') == 1


def test_recipes_have_a_page_with_the_curves_of_all_runs(flawed_once: Path, tmp_path: Path) -> None:
    run = convscope.Run.open(flawed_once / "runs/flawed")
    short, long = over_seeds([0.6, 0.62]), over_seeds([0.9, 0.91])
    found = RecipeComparison(
        recipes=((("s0", "s1"), short), (("l0", "l1"), long)),
        pairs=((0, 1, recipe_difference(short, long)),),
        runs=((run,), (run,)),
    )
    for language, sentence in (("en", "l0 has a better recipe than s0."), ("zh", "配方优于")):
        page = recipes_page(found, command="again", language=language)
        check_asks_for_nothing(page)
        assert sentence in Page(page).text
    written = write_comparison(found, tmp_path / "pages")
    assert written == tmp_path / "pages" / "report.html"
    assert "--recipes</pre>" in written.read_text(encoding="utf-8")


def test_each_run_has_one_curve_with_its_own_colour_and_a_star_at_its_best_epoch() -> None:
    curves = [
        RunCurve("one", [0.5, float("nan"), 0.7], (0.4, 0.6, 0.8), 3),
        RunCurve("two", [0.6, 0.65], best_epoch=1),
    ]
    labels = RunCurvesLabels(label="Accuracies", y="accuracy")
    axes = draw_run_curves(curves, labels=labels, is_share=True).axes[0]
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in solid] == [3, 2]  # type: ignore[arg-type]
    assert len({line.get_color() for line in solid}) == 2
    stars = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "*"]  # type: ignore[union-attr]
    assert stars == [[[3, 0.7]], [[1, 0.6]]]
