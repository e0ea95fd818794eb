"""What objects show of themselves fits into a line or two, however much they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import convscope
from convscope.classifier import Prediction
from convscope.recipe import Recipe
from convscope.short_repr import MOST_LETTERS, short_repr


@dataclass(frozen=True)
class Held:
    name: str
    share: float
    maps: Tensor
    pixels: NDArray[np.uint8]
    names: tuple[str, ...]
    inner: Prediction | None = None

    __repr__ = short_repr


def held(name: str = "a", names: tuple[str, ...] = ("x", "y")) -> Held:
    pixels = np.zeros((2, 3, 3), np.uint8)
    return Held(name, 1 / 3, torch.zeros(8, 32, 32), pixels, names)


def test_arrays_are_shown_by_their_shape_and_short_values_whole() -> None:
    assert repr(held()) == (
        "Held(name='a', share=0.333333, maps=<float32 8x32x32>, pixels=<uint8 2x3x3>, "
        "names=('x', 'y'), inner=None)"
    )


def test_long_sequences_are_shown_by_their_number_and_long_texts_are_cut() -> None:
    shown = repr(held(name="\x1b" + "a" * 10_000, names=("x",) * 1000))
    assert "names=<tuple of 1000>" in shown
    assert "name='\\x1baaaa" in shown.replace("\\\\", "\\")
    assert len(shown) < MOST_LETTERS


def test_tables_predictions_and_recipes_fit_into_three_hundred_letters() -> None:
    table = convscope.summarize("resnet50")
    probabilities = {f"class {number}": 0.001 for number in range(1000)}
    recipe = Recipe.parse({"data": "x" * 2000, "model": "resnet18", "seed": 3})
    objects = (table, *table.rows, Prediction("a" * 500, "b" * 500, 0.5, probabilities), recipe)
    assert max(len(repr(each)) for each in objects) <= 300


def test_a_recipe_shows_what_was_chosen() -> None:
    recipe = Recipe.parse({"data": "photos", "model": "resnet18", "seed": 3})
    assert repr(recipe) == "Recipe(data='photos', model='resnet18', seed=3)"


def test_a_run_shows_its_place() -> None:
    assert repr(convscope.Run(Path("runs/x"))) == "Run(path=PosixPath('runs/x'))"
