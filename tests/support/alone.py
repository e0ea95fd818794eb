"""Trainings alone: without evaluation and report, which take most of the time of a small one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import convscope
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.training.options import TrainOptions
from convscope.training.train import train

OPTIONS = {field.name for field in fields(TrainOptions)}


def train_alone(
    data: str | Path, *, project: Path, reporter: Reporter = SILENT, **given: Any
) -> convscope.Run:
    """Trains like `convscope.train`; the run has its classifier and stays unfinished.

    Args:
        data: What to train on.
        project: The folder of the run.
        reporter: Says what happens.
        given: Fields of the recipe, and `TrainOptions`.
    """
    options = TrainOptions(**{name: given.pop(name) for name in OPTIONS & given.keys()})
    recipe = Recipe.parse({**given, "data": data})
    return train(recipe, project=project, options=options, reporter=reporter)
