"""Objects show themselves in notebooks: HTML that needs no other file, with names escaped."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convscope
from conftest import MakeFolder, make_pictures
from convscope.classifier import Prediction
from convscope.report.notebook import html_of


def shown(value: object) -> str:
    """What a notebook gets, as text without tags."""
    html = str(value._repr_html_())  # type: ignore[attr-defined]
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", html)
    return html


def cells(html: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", html)


def test_a_data_set_shows_images_of_all_classes(make_folder: MakeFolder) -> None:
    html = shown(convscope.open_dataset(make_folder({"blue": 40, "red": 3}, side=30)))
    assert cells(html) == ["images", "43", "classes", "2: 3 to 40 images each"]
    content = re.search(r"data:image/png;base64,([^\"]+)", html)
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


def test_a_long_table_is_cut_and_says_so() -> None:
    table = convscope.summarize("resnet152")
    html = shown(table)
    assert html.count("<tr>") == 61
    assert f"and {len(table.rows) - 60:,} rows more" in html
    assert "60,192,808" in html


def test_names_are_escaped() -> None:
    html = shown(Prediction("<img src=x>", "<b>", 1.0, {"<b>": 1.0}))
    assert "<img" not in html
    assert cells(html) == ["&lt;b&gt;", "100.0%"]


def test_what_has_no_view_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="a `int` has no view"):
        html_of(3)


@pytest.mark.slow
def test_a_run_and_all_that_follows_from_it_show_themselves(tmp_path: Path) -> None:
    make_pictures(tmp_path / "pictures")
    run = convscope.train(
        tmp_path / "pictures", project=tmp_path / "runs", model="lenet_rgb", epochs=1
    )
    found = dict(zip(*[iter(cells(shown(run)))] * 2, strict=True))
    assert (found["state"], found["network"]) == ("finished", "lenet_rgb")
    assert found["accuracy"].startswith(f"{run.evaluation['accuracy']:.2%} (")
    assert shown(run).count("<svg") == 3
    classifier = convscope.load(run.path)
    assert "121,182" in shown(classifier) or "lenet_rgb" in shown(classifier)
    evaluation = convscope.evaluate(run)
    assert f"{evaluation.accuracy:.4f}" in cells(shown(evaluation))
    image = tmp_path / "pictures" / "red" / "000.png"
    assert "<svg" in shown(convscope.explain(run, image))
    trace = convscope.trace_value(classifier, image, "conv1", channel=0, row=3, column=4)
    assert shown(trace).startswith("<pre>")
