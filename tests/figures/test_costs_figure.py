"""The picture of networks by cost: every network is named, no name covers another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Annotation, Text

from conftest import Convscope
from convscope.figures.costs import NetworkMark, draw_costs
from convscope.figures.style import as_svg
from convscope.networks.registry import COSTS, IMAGENET_ACCURACY, family_of

pytestmark = pytest.mark.slow

NETWORKS = [
    NetworkMark(name, family_of(name), COSTS[name].macs, accuracy.top1, COSTS[name].parameters)
    for name, accuracy in IMAGENET_ACCURACY.items()
]


def test_every_network_is_named_and_no_name_covers_another() -> None:
    figure = draw_costs(NETWORKS)
    names = [text for text in figure.axes[0].get_children() if isinstance(text, Annotation)]
    assert {name.get_text() for name in names} == set(IMAGENET_ACCURACY)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(name) for name in names]  # without the line to its mark
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_area_is_proportional_to_parameters_and_families_have_their_own_marks() -> None:
    pair = [
        NetworkMark("a", "one", 10**6, 0.5, 10**8),
        NetworkMark("b", "two", 10**7, 0.6, 2 * 10**8),
    ]
    figure = draw_costs(pair)
    *marks, example = cast(Sequence[PathCollection], figure.axes[0].collections)
    assert 2 * example.get_sizes()[0] == marks[0].get_sizes()[0]
    assert "area: 50 M parameters" in as_svg(figure)
    assert marks[1].get_sizes()[0] == 2 * marks[0].get_sizes()[0]
    assert len({tuple(np.asarray(mark.get_facecolor())[0]) for mark in marks}) == 2
    assert len({np.asarray(mark.get_paths()[0].vertices).tobytes() for mark in marks}) == 2


def test_networks_of_one_point_each_named_like_code_are_drawn_as_text() -> None:
    svg = as_svg(draw_costs([NetworkMark("<b>", "$x$", 1000, 0.5, 1)]))
    assert "&lt;b&gt;" in svg
    assert "$x$" in svg


def test_the_command_draws_them(convscope: Convscope, tmp_path: Path) -> None:
    path = tmp_path / "networks.svg"
    done = convscope("networks", "--plot", path)
    assert done.code == 0
    assert "56.5%" in done.out
    assert done.err == f"plot: {path}\n"
    assert "wide_resnet50_2" in path.read_text(encoding="utf-8")
    assert convscope("networks", "--plot", "new").err == "plot: new/networks.svg\n"
    assert Path("new/networks.svg").read_bytes() == path.read_bytes()
    done = convscope("networks", "--plot", tmp_path / "networks.bmp")
    assert "networks.bmp` can't be written: it doesn't end in `.svg` or `.png`" in done.err
