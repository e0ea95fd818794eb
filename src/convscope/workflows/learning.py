"""Train, then evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convscope.evaluation.evaluate import evaluate_part
from convscope.files import write_json
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run
from convscope.training import session
from convscope.training.material import Material
from convscope.training.session import USUAL_OPTIONS, SessionOptions


def train(
    data: str | Path,
    *,
    project: str | Path = "runs",
    name: str | None = None,
    workers: int | None = None,
    download: bool = False,
    show_batch: str | Path | None = None,
    reporter: Reporter = SILENT,
    **recipe: Any,
) -> Run:
    """Trains a classifier on `data` and evaluates it on images that training never saw.

    Args:
        data: See `open_dataset`.
        project: Folder of run folders.
        name: Of the run; else `<data>-<model>`. An unfinished run of this name is continued, a
            finished one gets the next number.
        workers: Threads that decode images; None for one a core. They don't change the result.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        show_batch: Where a picture of the first batch goes, as the network sees it.
        reporter: Says what happens; `convscope.Reporter()` writes to standard error.
        recipe: Fields of `Recipe`: `model`, `epochs`, `lr` and so on.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    return train_recipe(
        Recipe.parse({"data": data, **recipe}),
        project=Path(project),
        name=name,
        options=SessionOptions(
            workers=workers,
            download=download,
            show_batch=None if show_batch is None else Path(show_batch),
        ),
        reporter=reporter,
    )


def train_recipe(
    recipe: Recipe,
    *,
    project: Path,
    name: str | None = None,
    options: SessionOptions = USUAL_OPTIONS,
    reporter: Reporter = SILENT,
) -> Run:
    """Trains as a recipe says, and evaluates; see `train`."""
    trained = session.train(recipe, project=project, name=name, options=options, reporter=reporter)
    material = trained.material
    evaluation = evaluate_part(
        trained.classifier,
        material.gallery,
        material.split.test,
        pixels=material.evaluation,
        images=f"test images ({material.split.words}){_copies(material)}",
        reporter=reporter,
    )
    write_json(trained.run.evaluation_path, evaluation.to_dict())
    return trained.run


def _copies(material: Material) -> str:
    """Says how many test images have the same pixels as one that training or selection saw."""
    hashes, split = material.gallery.pixel_hashes, material.split
    seen = hashes[np.concatenate([split.train, split.validation])]
    copies = int(np.isin(hashes[split.test], seen).sum())
    return f"; {copies:,} of them have copies that training or selection saw" if copies else ""
