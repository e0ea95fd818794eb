"""Objects show themselves in notebooks: HTML that needs no other file, with names escaped."""

from __future__ import annotations

import base64
import html
import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import convscope
from conftest import MakeFolder, make_pictures
from convscope.classifier import Prediction
from convscope.evaluation.compared import RecipeComparison
from convscope.evaluation.comparison import over_seeds, recipe_difference
from convscope.report.notebook import figure, html_of
from convscope.training.autotune.learning_rate_finder import (
    LearningRateCurve,
    LearningRateSearch,
    learning_rates_to_try,
)


def shown(value: object) -> str:
    """What a notebook gets, as text without tags."""
    view = str(value._repr_html_())  # type: ignore[attr-defined]
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", view)
    return view


def cells(view: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", view)


def test_a_data_set_shows_images_of_all_classes(make_folder: MakeFolder) -> None:
    view = shown(convscope.open_dataset(make_folder({"blue": 40, "red": 3}, side=30)))
    assert cells(view) == ["images", "43", "classes", "2: 3 to 40 images each"]
    content = re.search(r"data:image/jpeg;base64,([^\"]+)", view)
    assert content is not None
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(content[1]))))
    reds = (sheet[..., 1] > 100) & (sheet[..., 0] < 130)  # the second class is made of the second
    assert reds.any()
    assert sheet.shape[1] > 8 * 96


def test_of_unreadable_images_nothing_is_drawn(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"no image")
    assert "none of its images can be read" in shown(convscope.open_dataset(tmp_path))


def test_a_check_shows_what_it_found(make_folder: MakeFolder) -> None:
    folder = make_folder({"blue": 30, "<red>": 30})
    (folder / "blue" / "copy.png").write_bytes((folder / "blue" / "000.png").read_bytes())
    checked = convscope.check(folder)
    view = shown(checked)
    assert cells(view)[:2] == ["images", checked.audit.counts_text]
    assert "<red>" not in view
    assert checked.audit.findings
    for text in (checked.audit.verdict, *(found.title for found in checked.audit.findings)):
        assert text in html.unescape(view)


def test_recipes_that_are_compared_show_their_accuracies() -> None:
    first, second = over_seeds((0.8, 0.82)), over_seeds((0.9, 0.91))
    pairs = ((0, 1, recipe_difference(first, second)),)
    recipes = ((("a", "b"), first), (("c", "d"), second))
    view = shown(RecipeComparison(recipes=recipes, pairs=pairs, runs=((), ())))
    assert cells(view)[:2] == ["a", "2"]
    assert cells(view)[2].startswith("81.00% (")
    assert view.count("<svg") == 1


def test_figures_are_dark_on_light_in_dark_notebooks_too_and_as_wide_as_they_are() -> None:
    view = figure(Figure(figsize=(2, 1)))
    assert view.startswith('<div style="max-width:17em;background:white;color:black')


def test_a_long_table_is_cut_and_says_so() -> None:
    table = convscope.summarize("resnet152")
    view = shown(table)
    assert view.count("<tr>") == 61
    assert f"and {len(table.rows) - 60:,} rows more" in view
    assert "60,192,808" in view


def test_a_search_for_a_learning_rate_shows_the_rate_its_reason_and_the_curve() -> None:
    rates = learning_rates_to_try(1e-5, 10.0, 60)
    losses = [2.3 - 2 / (1 + (3e-2 / rate) ** 2) + rate for rate in rates]
    curve = LearningRateCurve(rates, tuple(losses))
    search = LearningRateSearch(curve, curve.choose(), "<lenet5>, adamw, batches of 64")
    view = shown(search)
    assert cells(view) == ["learning rate", f"{search.rate:.3g}"]
    assert search.choice.reason in html.unescape(view)
    assert view.count("<svg") == 1
    assert "<lenet5>" not in view
    assert max(len(repr(each)) for each in (search, search.choice, search.curve)) <= 300


def test_names_are_escaped() -> None:
    view = shown(Prediction("<img src=x>", "<b>", 1.0, {"<b>": 1.0}))
    assert "<img" not in view
    assert cells(view) == ["&lt;b&gt;", "100.0%"]


def test_what_has_no_view_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="a `int` has no view"):
        html_of(3)


@pytest.mark.slow
def test_a_run_and_all_that_follows_from_it_show_themselves(tmp_path: Path) -> None:
    make_pictures(tmp_path / "pictures")
    run = convscope.train(
        tmp_path / "pictures", project=tmp_path / "runs", model="lenet_rgb", epochs=1
    )
    known = dict(zip(*[iter(cells(shown(run)))] * 2, strict=True))
    assert (known["state"], known["network"]) == ("finished", "lenet_rgb")
    assert known["accuracy"].startswith(f"{run.evaluation['accuracy']:.2%} (")
    assert shown(run).count("<svg") == 3
    classifier = convscope.load(run.path)
    assert "121,182" in shown(classifier) or "lenet_rgb" in shown(classifier)
    evaluation = convscope.evaluate(run)
    assert f"{evaluation.accuracy:.4f}" in cells(shown(evaluation))
    image = tmp_path / "pictures" / "red" / "000.png"
    assert "<svg" in shown(convscope.explain(run, image))
    compared = shown(convscope.compare([run, run.path]))
    assert "can't tell" in html.unescape(compared)
    assert f"{evaluation.accuracy:.2%} (" in compared
    assert compared.count("<svg") == 1
    calibrated = shown(convscope.calibrate(run))
    assert "temperature" in cells(calibrated)
    inspected = convscope.inspect(run, layers=["conv1", "fc1"], channels=[2, 0], count=3)
    assert cells(shown(inspected))[::8] == ["conv1", "fc1"]
    found = [patches for view in inspected.views for patches in view.patches.values()]
    assert len(found) == 4
    assert shown(inspected).count("data:image/") == sum(map(bool, found))
    assert shown(inspected).count(": nowhere above 0") == found.count([])
    assert "<details><summary>strongest patches of <code>conv1</code>" in shown(inspected)
    assert len(repr(inspected)) <= 300
    trace = convscope.trace_value(classifier, image, "conv1", channel=0, row=3, column=4)
    assert shown(trace).startswith("<pre>")
