"""Learning-rate curves, and the files that pictures are saved to."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from convscope.errors import RunError, UsageError
from convscope.figures.style import BLUE, INK, PAPER, QUIET, VERMILLION, encoded, save_figure
from convscope.figures.training import draw_learning_rate

RATES = np.geomspace(1e-6, 10, 60).tolist()
SMOOTHED = [
    0.6 + 1.7 / (1 + (rate / 3e-3) ** 1.5) + min(9e9, math.expm1(rate * 3)) for rate in RATES
]
LOSSES = [loss * (1 + 0.05 * math.sin(7 * step)) for step, loss in enumerate(SMOOTHED)]


def picture(**changes: object) -> Figure:
    given: dict[str, object] = {
        "rates": RATES,
        "losses": LOSSES,
        "smoothed": SMOOTHED,
        "chosen": 0.0123,
        "steepest": RATES[29],
        "lowest": RATES[38],
        "title": "resnet18, sgd, batches of 64",
    }
    given |= changes
    return draw_learning_rate(**given)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_picture_is_the_same_bytes_each_time() -> None:
    for kind in ("svg", "png"):
        assert encoded(picture(), kind) == encoded(picture(), kind)


@pytest.mark.slow
def test_svg_has_its_labels_as_text_and_a_title_to_read_out() -> None:
    svg = encoded(picture(), "svg").decode()
    texts = {"".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter()}
    assert texts >= {
        "resnet18, sgd, batches of 64",
        "learning rate",
        "loss",
        "each batch",
        "moving average",
        "chosen: 0.012",
        f"falls fastest: {RATES[29]:.2g}",
        f"lowest: {RATES[38]:.2g}",
        "0.001",
    }
    assert "<title>resnet18, sgd, batches of 64</title>" in svg


@pytest.mark.slow
def test_a_long_title_has_lines_that_fit() -> None:
    svg = encoded(picture(title="a title of many words " * 5), "svg").decode()
    lines = [line for line in re.findall(r">([^<]*)</text>", svg) if "words" in line]
    assert len(lines) >= 2
    assert max(map(len, lines)) < 90


@pytest.mark.slow
def test_a_title_is_taken_literally() -> None:
    svg = encoded(picture(title="$a < b_1$ & Größe"), "svg").decode()
    assert svg.count("$a &lt; b_1$ &amp; Größe") == 3  # on the picture, and twice for readers
    assert encoded(picture(title="$a < b_1$ & Größe"), "png")


@pytest.mark.slow
def test_no_date_or_version_is_in_the_files() -> None:
    assert not re.search(r"<dc:date>|Matplotlib", encoded(picture(), "svg").decode())
    assert b"Matplotlib" not in encoded(picture(), "png")


@pytest.mark.slow
def test_png_opens_at_its_size(tmp_path: Path) -> None:
    save_figure(picture(), tmp_path / "new" / "rate.PNG")
    with Image.open(tmp_path / "new" / "rate.PNG") as image:
        image.load()
        assert image.size == (1440, 840)
        assert image.format == "PNG"


@pytest.mark.slow
def test_svg_is_written_whole(tmp_path: Path) -> None:
    save_figure(picture(), tmp_path / "rate.svg")
    assert (tmp_path / "rate.svg").read_bytes() == encoded(picture(), "svg")
    assert [path.name for path in tmp_path.iterdir()] == ["rate.svg"]


@pytest.mark.parametrize("name", ["rate.jpg", "rate", "rate.svg.gz"])
def test_another_suffix_is_an_error_that_names_the_two(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        save_figure(picture(), tmp_path / name)
    assert caught.value.message == f"a picture can't be written as `{name}`"
    assert caught.value.hint == "give it the suffix `.svg` or `.png`"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_place_that_can_not_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written to"):
        save_figure(picture(), tmp_path / "file" / "rate.svg")


def test_a_loss_that_explodes_does_not_squash_the_curve() -> None:
    bottom, top = picture().axes[0].get_ylim()
    assert 0 < bottom < 0.6
    assert 2.3 < top < 4


def test_the_axis_of_a_loss_near_zero_does_not_go_below_it() -> None:
    figure = picture(losses=[loss - 0.59 for loss in SMOOTHED])
    assert figure.axes[0].get_ylim()[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("last", [math.nan, math.inf])
def test_a_non_finite_value_leaves_a_gap(last: float) -> None:
    figure = picture(losses=[*LOSSES[:-1], last], smoothed=[*SMOOTHED[:-1], last])
    assert encoded(figure, "png")
    assert all(math.isfinite(edge) for edge in figure.axes[0].get_ylim())


@pytest.mark.slow
def test_the_axis_shows_rates_as_one_types_them() -> None:
    svg = encoded(picture(), "svg").decode()
    for rate in ("1e-05", "0.0001", "0.01", "0.1", "1"):
        assert f">{rate}</text>" in svg


@pytest.mark.slow
def test_nothing_of_the_users_settings_is_changed_or_used() -> None:
    before = dict(matplotlib.rcParams)
    plain = encoded(picture(), "svg")
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": "x"}):
        assert encoded(picture(), "svg") == plain


@pytest.mark.slow
def test_drawing_needs_no_pyplot_and_no_torch() -> None:
    program = (
        "import sys, convscope.figures.training; "
        "print({'matplotlib.pyplot', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "set()"


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize(
    ("colour", "least"), [(INK, 7), (QUIET, 4.5), (BLUE, 4.5), (VERMILLION, 3)]
)
def test_text_and_lines_stand_out_from_the_paper(colour: str, least: float) -> None:
    assert (luminance(PAPER) + 0.05) / (luminance(colour) + 0.05) >= least
