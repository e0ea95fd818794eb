"""Tables on the terminal never round a share to what it isn't."""

from __future__ import annotations

from typing import Any

import pytest

from convscope.cli.tables import _metric_rows, _metric_text
from convscope.evaluation.intervals import Estimate, Interval, named, proportion
from convscope.text import joined
from convscope.text_table import table_text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100.00%"),
        (0.99996, "99.996%"),
        (0.999999, "99.9999%"),
        (0.99, "99.00%"),
        (0.0, "0.00%"),
        (0.00004, "0.004%"),
    ],
)
def test_only_all_is_a_hundred_percent_and_only_none_is_zero(share: float, text: str) -> None:
    assert _metric_text("accuracy", share, 1000) == text


def test_of_few_images_no_decimals_are_made_up() -> None:
    rows = dict(row[:2] for row in _metric_rows(evaluation_of(right=1, num_images=1)))
    assert rows == {"accuracy": "1 of 1", "calibration error": "20%"}
    rows = dict(row[:2] for row in _metric_rows(evaluation_of(right=150, num_images=200)))
    assert rows == {"accuracy": "75.00%", "calibration error": "20.00%"}


def evaluation_of(*, right: int, num_images: int) -> dict[str, Any]:
    absent = ("top5_accuracy", "balanced_accuracy", "macro_f1", "log_loss")
    return {
        "num_images": num_images,
        **named("accuracy", proportion(right, num_images)),
        **named("calibration_error", Estimate(0.2, Interval(0.1, 0.3, "bootstrap"))),
        **dict.fromkeys(absent),
        **{f"{name}_interval": None for name in absent},
    }


HEADER = ["network", "paper", "parameters", "MACs", "top-1"]
ROWS = [
    ["vgg16", "Simonyan and Zisserman", "138,357,544", "15,470,264,320", "71.6%"],
    ["lenet5", "LeCun et al.", "61,706", "416,520", ""],
]


@pytest.mark.parametrize(
    ("columns", "shown", "left_out"),
    [
        (100, ["paper", "parameters", "138,357,544", "15,470,264,320", "71.6%"], []),
        (65, ["paper", "parameters", "138.4 M", "15.47 G", "71.6%", "61,706"], []),
        (50, ["parameters", "138.4 M", "15.47 G", "71.6%"], ["paper"]),
        (34, ["parameters", "138.4 M", "15.47 G"], ["paper", "top-1"]),
        (8, ["vgg16", "lenet5"], ["paper", "parameters", "MACs", "top-1"]),
    ],
)
def test_a_narrow_terminal_shortens_numbers_then_leaves_out_columns_and_says_which(
    monkeypatch: pytest.MonkeyPatch, columns: int, shown: list[str], left_out: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    text = table_text(HEADER, ROWS, left=2, first_to_go=("paper",))
    assert all(part in text for part in shown)
    last = text.splitlines()[-1]
    if left_out:
        assert last == f"left out, as the terminal is too narrow: {joined(left_out)}"
    else:
        assert "left out" not in text
    assert columns < 20 or max(map(len, text.splitlines()[:-1])) <= columns
    of_a_file = table_text(HEADER, ROWS, left=2, first_to_go=("paper",), fits=False)
    assert all(cell in of_a_file for row in [HEADER, *ROWS] for cell in row)
