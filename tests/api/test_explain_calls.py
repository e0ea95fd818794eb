"""Explaining images in Python: one or several, written where they are wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from convscope.api.explain import explain, explain_files
from convscope.api.load import load
from convscope.classifier import ImageLike
from convscope.errors import DataError, UsageError
from convscope.files import OUTPUT_MARKER
from convscope.inspection.explained_image import Explanation
from convscope.run import Run

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"draws": 2, "steps": 2}


def test_one_image_gives_one_explanation_and_a_list_a_list(flawed: Run) -> None:
    one = explain(flawed, "pictures/blue/000.png", **QUICK)
    assert isinstance(one, Explanation)
    assert one.image == "pictures/blue/000.png"
    prediction = load("runs/flawed").predict("pictures/blue/000.png")
    assert one.prediction.label == prediction.label
    assert one.prediction.probability == pytest.approx(prediction.probability, abs=1e-6)
    several = explain("runs/flawed", [Path("pictures/blue/000.png")], **QUICK)
    assert [each.image for each in several] == ["pictures/blue/000.png"]


def test_the_same_image_gives_the_same_numbers(flawed: Run) -> None:
    one, two = (explain(flawed, "pictures/red/003.png", **QUICK).to_dict() for _ in range(2))
    assert one == two


def test_a_page_and_a_picture_are_written_of_each_image(flawed: Run) -> None:
    images = ["pictures/blue/000.png", "pictures/red/000.png"]
    found: list[Explanation] = []
    written = explain_files(
        flawed,
        images,
        on_explained=found.append,
        output=Path("out"),
        name="flawed",
        language="zh",
        **QUICK,
    ).written
    assert [each.image for each in found] == images
    assert written
    names = {path.name for path in Path("out").iterdir()}
    # Both files are called 000: the second gets a number.
    pages = {"index.html", "000.html", "000.png", "000-2.html", "000-2.png"}
    assert names == {*pages, OUTPUT_MARKER}
    assert written.overview == Path("out/index.html")
    assert "解释" in written.pages[0].read_text(encoding="utf-8")
    with Image.open(written.pictures[0]) as picture:
        assert picture.width > picture.height
    one = explain_files(
        flawed, images[:1], on_explained=found.append, output=Path("alone"), name="flawed", **QUICK
    ).written
    assert one
    assert one.overview is None
    command = one.pages[0].read_text(encoding="utf-8")
    assert "convscope explain flawed pictures/blue/000.png" in command


def test_an_image_that_cannot_be_read_is_an_error_or_is_listed(flawed: Run) -> None:
    Path("broken.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"broken\.png"):
        explain(flawed, "broken.png", **QUICK)
    failures: list[str] = []
    images: list[ImageLike] = ["broken.png", "pictures/red/000.png"]
    found = explain(flawed, images, unreadable=failures, **QUICK)
    assert [each.image for each in found] == ["pictures/red/000.png"]
    assert len(failures) == 1
    assert "broken.png" in failures[0]


def test_questions_that_do_not_exist_and_classes_that_are_no_texts_are_errors(flawed: Run) -> None:
    with pytest.raises(UsageError, match="argument `class_`\nhint: did you mean `target`"):
        explain(flawed, "pictures/red/000.png", class_="red")
    with pytest.raises(UsageError, match="a class can't be `7`\nhint: it is named by a text"):
        explain(flawed, "pictures/red/000.png", target=7)


def test_the_report_of_a_run_says_how_its_predictions_are_explained(flawed: Run) -> None:
    report = flawed.report_path.read_text(encoding="utf-8")
    assert "<code>convscope explain runs/flawed IMAGE</code>" in report
