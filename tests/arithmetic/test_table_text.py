"""The table as text: a cell for each column, Markdown that renders, numbers that come back."""

from __future__ import annotations

import csv

import pytest
import torch
from torch import Tensor, nn

from convscope.arithmetic import KINDS, MACS, Convention, LayerTable, layer_table
from convscope.arithmetic.table_text import COLUMNS, text_rows, titles, to_csv, to_markdown
from convscope.errors import UsageError

FIELD = ("operations", "field", "jump")


def table() -> LayerTable:
    network = nn.Sequential(
        nn.Conv2d(3, 4, (3, 1)), nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(128, 2)
    )
    return layer_table(network, (3, 4, 4))


def test_rows_have_a_cell_for_each_column() -> None:
    rows = text_rows(table(), tuple(COLUMNS))
    assert all(len(row) == len(COLUMNS) == len(titles(tuple(COLUMNS))) for row in rows)
    shape = ("  0", "Conv2d", "1 x 4 x 2 x 4", "1", "40", "288", "288")
    assert rows[1] == (*shape, "0.000", "0.000", "3 x 1", "1", "0", "")
    assert text_rows(table(), FIELD)[2] == ("0", "unknown", "")


def test_a_field_that_is_an_upper_bound_is_marked() -> None:
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    rows = text_rows(layer_table(pooled, (3, 4, 4)), FIELD)
    assert [row[1:] for row in rows[2:]] == [("≤ 4", "-"), ("whole input", "")]


class Sorts(nn.Module):
    """Does what the table of operators doesn't know."""

    def forward(self, x: Tensor) -> Tensor:
        """Values in order."""
        return torch.sort(x, dim=1).values


def test_what_is_not_counted_makes_a_lower_bound_that_is_marked_and_named() -> None:
    found = layer_table(nn.Sequential(nn.Conv2d(3, 4, 3), Sorts()), (3, 4, 4))
    assert [row[0] for row in text_rows(found, FIELD)] == ["≥ 432", "432", "≥ 0"]
    assert found.rows[0].uncounted == ("sort",)
    assert found.to_dict()["layers"][0]["status"]["macs"] == "lower bound"


def test_flops_are_twice_the_macs_and_what_is_added_is_said() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    total = layer_table(network, (3, 6, 6)).rows[0].total
    values, macs = 8 * 4 * 4, 8 * 4 * 4 * 27
    assert MACS.count(total) == macs
    assert Convention(flops=True).count(total) == 2 * macs
    everything = Convention(flops=True, kinds=KINDS)
    # A bias, two for normalisation and one for the ReLU of each value, and each value pooled once.
    assert everything.count(total) == 2 * macs + (1 + 2 + 1 + 1) * values
    assert "activation" in everything.description
    trained = layer_table(network, (2, 3, 6, 6), training=True).rows[0].total
    assert trained.normalisation_operations == 2 * 6 * values


def test_operations_that_are_no_macs_are_not_counted_as_such() -> None:
    with pytest.raises(UsageError, match=r"other operations are no multiply-accumulates") as caught:
        Convention(kinds=("bias",))
    assert caught.value.hint is not None
    with pytest.raises(UsageError, match="no kind of operations is called `norm`"):
        Convention(flops=True, kinds=("norm",))


def test_markdown_has_whole_names_and_as_many_cells_in_each_line() -> None:
    lines = to_markdown(table(), depth=0).splitlines()
    assert len(lines) == 3
    lines = to_markdown(table()).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[3].startswith("| `0` | Conv2d | 1 x 4 x 2 x 4 |")


def test_a_spreadsheet_has_all_numbers_and_their_status() -> None:
    found = table()
    rows = list(csv.DictReader(to_csv(found).splitlines()))
    assert [row["name"] for row in rows] == [row.name for row in found.rows]
    first = rows[1]
    assert (first["macs"], first["own_macs"], first["macs_status"]) == ("288", "288", "exact")
    assert (first["field_size_height"], first["field_size_width"]) == ("3", "1")
    assert rows[2]["field_size_height"] == ""
    assert rows[2]["receptive_field_status"] == "unknown"
    counted = list(csv.DictReader(to_csv(found, convention=Convention(flops=True)).splitlines()))
    assert counted[1]["flops"] == "576"


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="the layer table has no column `colour`") as caught:
        text_rows(table(), ("layer", "colour"))
    assert caught.value.hint is not None
    assert "`saved`" in caught.value.hint
