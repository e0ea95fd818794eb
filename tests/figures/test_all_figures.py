"""What holds for every picture of a report: text that stays text, one element, the same bytes."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from convscope.figures import calibration, comparison, confusion, ranking, training
from convscope.figures.style import TEXT_SIZE, WIDTH, as_svg, encoded

pytestmark = pytest.mark.slow

CURVE = ranking.ClassCurve("cat", np.array([0.0, 0.2, 1.0]), np.array([0.6, 0.9, 1.0]), 0.9)
BINS = [
    calibration.ReliabilityBin(0.55, 0.5, 40, 0.35, 0.65),
    calibration.ReliabilityBin(0.93, 0.9, 900, 0.88, 0.92),
]
ROWS = [
    comparison.IntervalRow("night", -0.04, -0.06, -0.02),
    comparison.IntervalRow("day", 0.01, -0.01, 0.03),
]
COUNTS = np.eye(30, dtype=np.int64) * 9 + np.eye(30, k=2, dtype=np.int64)

BatchIndices = Callable[..., Figure]

PICTURES: dict[str, tuple[BatchIndices, tuple[Any, ...], dict[str, Any], Any]] = {
    "losses": (
        training.draw_loss_history,
        ([2.0, 1.0, 0.6], [2.1, 1.2, 1.3]),
        {"best_epoch": 2},
        training.LOSS_LABELS,
    ),
    "accuracies": (
        training.draw_accuracy_history,
        ([0.1, 0.7, 0.9], [0.2, 0.6, 0.5]),
        {"best_epoch": 2},
        training.ACCURACY_LABELS,
    ),
    "rates": (training.draw_rate_history, ([0.1, 0.05, 0.01],), {}, training.RATE_LABELS),
    "reliability": (
        calibration.draw_reliability,
        (BINS,),
        {"before": BINS},
        calibration.ReliabilityLabels(),
    ),
    "roc": (ranking.draw_roc, ([CURVE] * 8,), {}, ranking.ROC_LABELS),
    "precision": (
        ranking.draw_precision_recall,
        ([CURVE] * 8,),
        {},
        ranking.PRECISION_RECALL_LABELS,
    ),
    "risk": (
        calibration.draw_risk_coverage,
        ([0.1, 0.5, 1.0], [0.0, 0.02, 0.1]),
        {"chosen": calibration.ChosenThreshold(0.8, 0.5, 0.02), "target_error": 0.03},
        calibration.RiskCoverageLabels(),
    ),
    "confusion": (confusion.draw_confusion, (COUNTS,), {}, confusion.ConfusionLabels()),
    "differences": (comparison.draw_differences, (ROWS,), {}, comparison.DIFFERENCE_LABELS),
    "bars": (
        comparison.draw_accuracy_bars,
        (
            [
                comparison.IntervalRow("day", 0.9, 0.8, 0.95),
                comparison.IntervalRow("night", 0.7, 0.6, 0.78),
            ],
        ),
        {"overall": 0.85},
        comparison.ACCURACY_LABELS,
    ),
}
# Labels that the picture doesn't say because it has nothing to say them of.
UNSAID = {
    "reliability": {"accuracy"},
    "rates": {"train", "validation", "best"},
    "precision": {"chance"},
    "confusion": {"pooled", "diagonal", "none"},
}


def draw(name: str, **changes: Any) -> Figure:
    function, values, options, labels = PICTURES[name]
    return function(*values, **options, labels=dataclasses.replace(labels, **changes))


def texts(svg: str) -> str:
    """All that is written, line by line."""
    tree = ElementTree.fromstring(svg)
    return "\n".join(
        "".join(node.itertext()) for node in tree.iter("{http://www.w3.org/2000/svg}text")
    )


@cache
def ids(name: str) -> frozenset[str]:
    return frozenset(re.findall(r'\bid="([^"]*)"', as_svg(draw(name))))


every = pytest.mark.parametrize("name", PICTURES)


@every
def test_every_label_comes_out_as_text_also_in_chinese(name: str) -> None:
    labels = PICTURES[name][3]
    unsaid = {"label", *UNSAID.get(name, ())}
    said = {field.name for field in dataclasses.fields(labels)} - unsaid
    chinese = {word: f"{word}中文" for word in said}
    svg = as_svg(draw(name, label="图像", **chinese))
    written = texts(svg).replace("\n", "")  # a small axis may break its label
    for word in chinese.values():
        assert word in written
    assert 'aria-label="图像"' in svg


@every
def test_an_inlined_picture_is_one_element_of_no_fixed_size(name: str) -> None:
    svg = as_svg(draw(name))
    assert svg.startswith("<svg ")
    assert not re.search(r"<\?xml|<!DOCTYPE|<!--|<metadata|<style|<title", svg)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == PICTURES[name][3].label
    assert root.get("viewBox", "").startswith(f"0 0 {72 * WIDTH:g} ")
    assert root.get("width") is root.get("height") is None


@every
def test_ids_are_those_that_are_used_and_no_other_pictures(name: str) -> None:
    svg = as_svg(draw(name))
    assert ids(name) == set(re.findall(r'(?:url\(|href=")#([^")]*)', svg))
    for other in PICTURES:
        if other != name:
            assert not ids(name) & ids(other)


@every
def test_a_picture_is_the_same_bytes_each_time(name: str) -> None:
    assert as_svg(draw(name)) == as_svg(draw(name))
    assert encoded(draw(name), "png") == encoded(draw(name), "png")


@every
def test_a_picture_is_small(name: str) -> None:
    assert len(as_svg(draw(name))) < 25_000


@every
def test_nothing_of_the_users_settings_is_changed(name: str) -> None:
    before = dict(matplotlib.rcParams)
    plain = as_svg(draw(name))
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "lines.marker": "x"}):
        assert as_svg(draw(name)) == plain


def test_drawing_needs_no_pyplot_and_no_torch() -> None:
    modules = ", ".join(
        f"convscope.figures.{name}"
        for name in ("comparison", "confusion", "training", "ranking", "calibration")
    )
    program = f"import sys, {modules}; print({{'matplotlib.pyplot', 'torch'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "set()"


@every
def test_chinese_in_an_svg_is_not_cut_off(name: str) -> None:
    """A Chinese letter is as wide as its size; each text has room for it from where it stands."""
    changes = {"y": "准确率", "x": "置信度与其他"} if hasattr(PICTURES[name][3], "y") else {}
    root = ElementTree.fromstring(as_svg(draw(name, **changes)))
    width = float(root.get("viewBox", "").split()[2])
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        if text.get("transform"):
            continue
        style, x = text.get("style", ""), float(text.get("x", "nan"))
        size = TEXT_SIZE * sum(
            1.0 if ord(letter) > 0x2E80 else 0.5 for letter in "".join(text.itertext())
        )
        shift = 0.5 if "middle" in style else 1.0 if "end" in style else 0.0
        assert x - shift * size > -1
        assert x + (1 - shift) * size < width + 1
