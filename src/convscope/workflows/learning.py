"""Train, then calibrate, evaluate and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convscope.evaluation.choosing import Part
from convscope.evaluation.evaluate import evaluate_part
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run, on_top_of_continued
from convscope.training import session
from convscope.training.cadence import interval_of
from convscope.training.material import Material
from convscope.training.rate_search import RateSearch
from convscope.training.session import USUAL_OPTIONS, SessionOptions, Trained
from convscope.workflows.calibrating import calibrate_on
from convscope.workflows.evaluating import write_evaluation


def train(  # noqa: PLR0913  # what a person may say is flat, as on the command line
    data: str | Path | None = None,
    *,
    project: str | Path = "runs",
    name: str | None = None,
    workers: int | None = None,
    download: bool = False,
    show_batch: str | Path | None = None,
    log_steps: bool = False,
    checkpoint_every: str | int | None = None,
    fresh: bool = False,
    allow_change: bool = False,
    language: str = "en",
    reporter: Reporter = SILENT,
    **recipe: Any,
) -> Run:
    """Trains a classifier on `data` and evaluates it on images that training never saw.

    Args:
        data: See `open_dataset`; None for that of the run that `continues` names.
        project: Folder of run folders.
        name: Of the run; else `<data>-<model>`. An unfinished run of this name is continued, a
            finished one gets the next number.
        workers: Threads that decode images; None for one a core. They don't change the result.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        show_batch: Where a picture of the first batch goes, as the network sees it.
        log_steps: Whether each step gets a line of JSON in the run's `log/steps.jsonl`.
        checkpoint_every: The longest way between two checkpoints: steps, or a time like `90s`; else
            five minutes. They are also written at the ends of epochs, as far as that costs little.
        fresh: Whether an unfinished run begins anew instead of going on.
        allow_change: Whether an unfinished run goes on although its recipe, images, versions or
            machine are others now.
        language: Of the report: `en` or `zh`.
        reporter: Says what happens; `convscope.Reporter()` writes to standard error.
        recipe: Fields of `Recipe`: `model`, `epochs`, `lr` and so on.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    return train_recipe(
        _parse(data, recipe),
        project=Path(project),
        name=name,
        options=SessionOptions(
            workers=workers,
            download=download,
            show_batch=None if show_batch is None else Path(show_batch),
            log_steps=log_steps,
            checkpoint_every=interval_of(checkpoint_every),
            fresh=fresh,
            allow_change=allow_change,
        ),
        language=language,
        reporter=reporter,
    )


def find_learning_rate(
    data: str | Path,
    *,
    workers: int | None = None,
    download: bool = False,
    reporter: Reporter = SILENT,
    **recipe: Any,
) -> RateSearch:
    """The learning rate that suits a training, with the reason; `train(lr="auto")` uses it.

    The search sweeps the rate upwards over the first batches of that training. It has a `rate`,
    `choice.reason`, the `curve`, and `save(path)` draws it.

    Args:
        data: See `open_dataset`.
        workers: Threads that decode images; None for one a core.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        reporter: Says what happens.
        recipe: Fields of `Recipe`, as for `train`.

    Raises:
        TrainingError: The loss falls at no rate.
        ConvscopeError: Anything else that `errors.py` lists.
    """
    return session.find_rate(
        _parse(data, {**recipe, "lr": "auto"}),
        options=SessionOptions(workers=workers, download=download),
        reporter=reporter,
    )


def _parse(data: str | Path | None, fields: dict[str, Any]) -> Recipe:
    given = fields if data is None else {**fields, "data": data}
    return Recipe.parse(on_top_of_continued(given))


def train_recipe(
    recipe: Recipe,
    *,
    project: Path,
    name: str | None = None,
    options: SessionOptions = USUAL_OPTIONS,
    language: str = "en",
    reporter: Reporter = SILENT,
) -> Run:
    """Trains as a recipe says, calibrates, evaluates and reports; see `train`.

    Of several processes the first evaluates; all return when it has.
    """

    def finish(trained: Trained) -> None:
        _finish(trained, language=language, reporter=reporter)

    return session.train(
        recipe, project=project, name=name, options=options, finish=finish, reporter=reporter
    )


def _finish(trained: Trained, *, language: str, reporter: Reporter) -> None:
    """Calibrates on the validation images, measures on the test images, and writes it down.

    What is written last makes the run finished.
    """
    material, run = trained.material, trained.run
    validation = Part(material.split.validation, "validation images, which chose the epoch", None)
    calibrate_on(trained.classifier, material.gallery, validation, reporter=reporter)
    trained.classifier.save(run.classifier_path)
    words = f"test images ({material.split.words}){_copies(material)}"
    evaluation = evaluate_part(
        trained.classifier,
        material.gallery,
        Part(material.split.test, words, 0),
        reporter=reporter,
    )
    write_evaluation(evaluation, run.path, run=run, language=language)


def _copies(material: Material) -> str:
    """Says how many test images have the same pixels as one that training or selection saw."""
    hashes, split = material.gallery.pixel_hashes, material.split
    seen = hashes[np.concatenate([split.train, split.validation])]
    copies = int(np.isin(hashes[split.test], seen).sum())
    return f"; {copies:,} of them have copies that training or selection saw" if copies else ""
