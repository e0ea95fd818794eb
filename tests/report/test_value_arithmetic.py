"""What a page shows of a value adds up: cells to channels, channels and biases to the value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from traced import random_traces, unlike_new

from convscope.inspection.values.trace import Recording, ValueTrace, trace_value
from convscope.networks import build
from convscope.report import value_arithmetic
from convscope.report.translations import translations_of
from convscope.report.value_arithmetic import ChannelTerms, Grid, value_view


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))


def unit(text: str) -> float:
    """What one in the last decimal is worth."""
    return 10.0 ** -len(text.partition(".")[2])


def view_of(trace: ValueTrace, language: str = "en") -> dict[str, Any]:
    return value_view(trace, translations_of("explanation", language), type_of=lambda _: "Kind")


def texts_of(grid: Grid) -> list[str]:
    return [cell.text for _, cells in grid.rows for cell in cells if cell.text]


def assert_channel_adds_up(shown: ChannelTerms) -> None:
    window, kernel, product = (texts_of(grid) for grid in shown.grids)
    for left, right, result in zip(window, kernel, product, strict=True):
        error = abs(number(left)) * unit(right) + abs(number(right)) * unit(left) + unit(result)
        assert number(left) * number(right) == pytest.approx(number(result), abs=error)
    error = unit(product[0]) * len(product) + unit(shown.total)
    assert sum(map(number, product)) == pytest.approx(number(shown.total), abs=error)


def assert_adds_up(step: dict[str, Any]) -> None:
    """The totals as they are shown give the sum as it is shown, but for their last digit."""
    parts = [channel.total for channel in step["channels"]]
    parts += [row[-1] for row in step["units"]]
    parts += [text for _, text in step["added"]]
    if step["rest"] is not None:
        behind = [channel.total for channel in step["rest"].channels]
        behind += [row[-1] for row in step["rest"].units]
        if not step["rest"].beyond:
            error = unit(step["total"]) * len(behind)
            total = number(step["rest"].total)
            assert sum(map(number, behind)) == pytest.approx(total, abs=error)
        parts.append(step["rest"].total)
        for channel in step["rest"].channels:
            assert_channel_adds_up(channel)
    for channel in step["channels"]:
        assert_channel_adds_up(channel)
    error = unit(step["total"]) * len(parts)
    assert sum(map(number, parts)) == pytest.approx(number(step["total"]), abs=error)
    # Both have six digits; the recomputed one may differ in the last.
    assert number(step["total"]) == pytest.approx(number(step["number"]), rel=2e-5, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5_1998", "resnet20"])
def test_all_that_is_shown_of_random_values_adds_up(name: str) -> None:
    torch.manual_seed(0)
    network = unlike_new(build(name, num_classes=10, in_channels=3, input_size=(32, 32)))
    sums = 0
    for trace in random_traces(Recording(network, torch.randn(1, 3, 32, 32)), 25):
        for step in view_of(trace)["steps"]:
            if step["total"]:
                assert_adds_up(step)
                sums += 1
    assert sums > 10


def test_a_grid_tells_where_in_the_input_it_lies_and_what_is_padding() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 1, 3, padding=2, stride=2, dilation=2)
    trace = trace_value(layer, torch.randn(1, 2, 9, 9), "", channel=0, row=0, column=2)
    (step,) = view_of(trace)["steps"]
    for channel in step["channels"]:
        window, kernel, _ = channel.grids
        assert window.columns == kernel.columns == [2, 4, 6]
        assert [row for row, _ in window.rows] == [-2, 0, 2]
        assert {cell.kind for cell in window.rows[0][1]} == {"padding"}
        shown = [number(cell.text) for _, cells in kernel.rows for cell in cells]
        weights = layer.weight[0, channel.channel].detach().double().numpy().ravel()
        assert np.allclose(shown, weights, atol=1e-4)
    assert step["added"][0][0] == "bias"


def test_the_strongest_channels_come_first_and_the_others_are_folded_away() -> None:
    layer = nn.Conv2d(10, 1, 1, bias=False)
    with torch.no_grad():
        layer.weight[0, :, 0, 0] = torch.tensor([1, -9, 3, -2, 8, 0, 4, 5, -6, 7.0])
    trace = trace_value(layer, torch.ones(1, 10, 2, 2), "", channel=0, row=1, column=1)
    (step,) = view_of(trace)["steps"]
    assert [channel.channel for channel in step["channels"]] == [1, 4, 9, 8, 7, 6]
    assert [channel.channel for channel in step["rest"].channels] == [2, 3, 0, 5]
    assert step["rest"].text == "the 4 other input channels together"
    assert (step["rest"].total, step["total"]) == ("2.0000", "11.0000")


def test_a_dense_layer_behind_maps_is_shown_as_a_kernel_over_them() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 2))
    (step,) = view_of(trace_value(network, torch.randn(1, 3, 4, 5), "1", channel=1))["steps"]
    assert len(step["channels"]) == 3
    assert [len(grid.rows) for grid in step["channels"][0].grids] == [4, 4, 4]
    assert step["channels"][0].grids[0].columns == [0, 1, 2, 3, 4]


def test_a_pooling_frames_what_it_took() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    (step,) = view_of(trace_value(nn.MaxPool2d(2), image, "", channel=0, row=1, column=0))["steps"]
    (grid,) = step["channels"][0].grids
    (winner,) = [c.text for _, cells in grid.rows for c in cells if "winner" in c.kind]
    assert number(winner) == number(step["number"]) == 13
    assert (step["formula"], step["total"]) == ("max x", "")


def test_what_is_not_on_the_page_is_said_with_its_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_arithmetic, "TERMS_AT_MOST", 90)
    layer = nn.Conv2d(20, 1, 3, bias=False)
    (step,) = view_of(trace_value(layer, torch.randn(1, 20, 3, 3), "", channel=0, row=0, column=0))[
        "steps"
    ]
    rest = step["rest"]
    assert len(step["channels"]) + len(rest.channels) == 10
    assert rest.beyond.startswith("90 more terms (together ")
    assert "shows 90 at most to stay below 5 MB; `--json` prints all" in rest.beyond
    left = number(rest.beyond.partition("together ")[2].partition(")")[0])
    folded = sum(number(channel.total) for channel in rest.channels)
    assert left + folded == pytest.approx(number(rest.total), abs=20 * unit(rest.total))


def test_a_layer_that_takes_a_vector_is_a_table_of_its_strongest_units() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 30), nn.Linear(30, 2))
    (step,) = view_of(trace_value(network, torch.randn(1, 1, 2, 2), "2", channel=1))["steps"]
    assert (len(step["units"]), len(step["rest"].units)) == (8, 22)
    terms = [abs(number(row[-1])) for row in [*step["units"], *step["rest"].units]]
    assert terms == sorted(terms, reverse=True)
    assert_adds_up(step)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_numbers_that_are_not_finite_are_shown_as_they_are(language: str) -> None:
    layer = nn.Conv2d(1, 1, 2, bias=False)
    nn.init.ones_(layer.weight)
    image = torch.full((1, 1, 2, 2), float("inf"))
    trace = trace_value(layer, image, "", channel=0, row=0, column=0)
    view = view_of(trace, language)
    assert "inf" in {cell.text for cell in view["steps"][0]["channels"][0].grids[0].rows[0][1]}
    assert view["number"] == view["steps"][0]["total"] == "inf"
