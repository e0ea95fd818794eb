"""What objects show of themselves fits into a line or two, however much they hold."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import convscope
from convscope.api.check import Checked
from convscope.classifier import Prediction
from convscope.data.dataset import ArrayImages, FileImages
from convscope.data.index.image_index import build_image_index
from convscope.data.split import split_images
from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.outputs import Outputs
from convscope.inspection.receptive_fields import Box, ValueField
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


def test_data_of_many_images_is_shown_in_three_hundred_letters(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (5000, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", x=pixels, y=np.arange(5000) % 7)
    index = build_image_index(convscope.open_dataset(tmp_path / "data.npz"), cache=None)
    split = split_images(index.dataset.given_splits, index.pixel_hashes)
    images = index.dataset.images
    assert isinstance(images, ArrayImages)
    logits = random.normal(size=(5, 5000)).astype(np.float32)
    outputs = Outputs(logits, np.arange(5), tuple(images.names))
    files = FileImages(Path("/photos"), [f"{number}.jpg" for number in range(5000)])
    some = index.dataset.take(split.test).images
    objects = (index, index.scan, images, split, outputs, files, some)
    assert {type(each).__name__: len(repr(each)) for each in objects if len(repr(each)) > 300} == {}
    assert repr(files) == "FileImages(root=PosixPath('/photos'), paths=<list of 5000>)"


HUGE = "x" * 100_000


def returned_classes() -> set[type]:
    """The public classes, and those of what public functions return."""
    found: set[type] = set()
    waiting: list[Any] = [getattr(convscope, name) for name in convscope.__all__]
    while waiting:
        each = waiting.pop()
        waiting += get_args(each)
        if inspect.isfunction(each):
            waiting.append(get_type_hints(inspect.unwrap(each))["return"])
        elif isinstance(each, type) and each.__module__.startswith("convscope."):
            found.add(each)
    return found


def is_filled(kind: type) -> bool:
    return is_dataclass(kind) or issubclass(kind, tuple)


def filled(kind: Any) -> object:
    """An object whose fields are too long to be shown, whatever they should be."""
    if issubclass(kind, tuple):
        return kind(*[HUGE] * len(kind._fields))
    value = object.__new__(kind)
    for field in fields(kind):
        object.__setattr__(value, field.name, HUGE)
    return value


def made_huge() -> dict[type, object]:
    """Objects of classes that have a text of their own, as long as they can be."""
    huge = SimpleNamespace(name=HUGE, counts_text=HUGE, verdict=HUGE, description=HUGE)
    checked, evaluation = filled(Checked), filled(Evaluation)
    object.__setattr__(checked, "audit", huge)
    object.__setattr__(evaluation, "subset", huge)
    object.__setattr__(evaluation, "metrics", SimpleNamespace(accuracy=SimpleNamespace(value=0.5)))
    recipe = Recipe.parse({"data": HUGE, "model": "resnet18", "seed": 3})
    box = Box(100_000, 100_000, 200_000, 200_000)
    value = ValueField(HUGE, 100_000, 100_000, box, box, box)
    return {Checked: checked, Evaluation: evaluation, Recipe: recipe, ValueField: value}


def test_whatever_public_functions_return_is_shown_in_three_hundred_letters() -> None:
    own = made_huge()
    kinds = {kind for kind in returned_classes() if kind in own or is_filled(kind)}
    letters = {kind.__name__: len(repr(own.get(kind) or filled(kind))) for kind in kinds}
    assert {name: number for name, number in letters.items() if number > 300} == {}
    assert {"Checked", "Comparison", "Dataset", "Evaluation", "LayerTable", "Run"} <= set(letters)
