"""Train, then calibrate, evaluate and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from convscope.api.arguments import checked
from convscope.api.calibrate import NoTemperatureError, calibrate_on
from convscope.api.destination import FIRST_BATCH, PICTURES, output_file
from convscope.api.evaluate import evaluation_page, write_evaluation_files
from convscope.classifier import Classifier
from convscope.data.parallel import num_threads
from convscope.evaluation.evaluate import evaluate_subset
from convscope.evaluation.subset import Subset
from convscope.languages import language_of, speaking
from convscope.progress import DEFAULT_REPORTER, SILENT, Reporter
from convscope.recipe import Recipe
from convscope.run import Run, on_top_of_continued
from convscope.training.autotune.learning_rate_finder import LearningRateSearch
from convscope.training.options import DEFAULT_OPTIONS, TrainOptions
from convscope.training.profiling.profile import check_no_other_profiler
from convscope.training.runs.lock import Claim
from convscope.training.runs.log import checkpoint_interval
from convscope.training.train import find_learning_rate as run_learning_rate_finder
from convscope.training.train import train as run_training
from convscope.training.training_data import TrainingData


class TrainSettings(TypedDict, total=False):
    """Options of a training that don't change its result.

    Attributes:
        workers: Threads that decode images; one a core by default.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        show_batch: Where a picture of the first batch goes, as the network sees it: a file, or a
            folder for first-batch.png.
        log_steps: Whether each step gets a line of JSON in the run's `log/steps.jsonl`.
        profile: Whether the time of some steps is measured and told: waiting for images, forward
            and backward pass, optimizer, layers, operators. The run's `profile/` has the summary
            and a trace.
        checkpoint_every: The longest distance between two checkpoints: steps, or a time like `90s`;
            five minutes by default. They are also written at the ends of epochs, as far as that
            costs little.
        fresh: Whether an unfinished run begins anew instead of being resumed.
        allow_change: Whether an unfinished run is resumed although its recipe, images, versions or
            machine are others now.
    """

    workers: int | None
    download: bool
    show_batch: str | Path | None
    log_steps: bool
    profile: bool
    checkpoint_every: str | int | None
    fresh: bool
    allow_change: bool


@checked(TrainSettings, names=Recipe.model_fields)
def train(
    data: str | Path | None = None,
    *,
    project: str | Path = "runs",
    name: str | None = None,
    language: str = "en",
    reporter: Reporter = DEFAULT_REPORTER,
    **settings: Any,
) -> Run:
    """Trains a classifier on `data` and evaluates it on images that it was not trained on.

    One thread of a program trains at a time. The random states of torch, NumPy and Python are the
    same afterwards, also after an error.

    Args:
        data: See `open_dataset`; None for that of the run that `continues` names.
        project: Folder of run folders.
        name: Name of the run; `<data>-<model>` by default. An unfinished run of this name is
            resumed, a finished one gets the next number.
        language: Language of the report and of what the reporter says: `en` or `zh`.
        reporter: Says what happens, on standard error or in a notebook;
            `convscope.Reporter(quiet=True)` says what concerns the result alone.
        settings: Options that don't change the result, and fields of `Recipe`: see Options.

    Raises:
        ConvscopeError: Anything that `errors.py` lists.
    """
    names = TrainSettings.__optional_keys__ & settings.keys()
    options = {name: settings.pop(name) for name in names}
    return train_recipe(
        _parse(data, settings),
        project=Path(project),
        name=name,
        options=train_options(**options),
        language=language,
        reporter=reporter,
    )


@checked(names=Recipe.model_fields)
def find_learning_rate(
    data: str | Path,
    *,
    workers: int | None = None,
    download: bool = False,
    reporter: Reporter = DEFAULT_REPORTER,
    **recipe: Any,
) -> LearningRateSearch:
    """The learning rate that suits a training, with the reason; `train(lr="auto")` uses it.

    The finder sweeps the learning rate upwards over the first batches of that training. The result
    has a `rate`, `choice.reason`, the `curve`, and `save(path)` draws it.

    Args:
        data: See `open_dataset`.
        workers: Threads that decode images; None for one a core.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        reporter: Says what happens.
        recipe: Fields of `Recipe`, as for `train`.

    Raises:
        TrainingError: The loss falls at no learning rate.
        ConvscopeError: Anything else that `errors.py` lists.
    """
    return run_learning_rate_finder(
        _parse(data, {**recipe, "lr": "auto"}),
        options=TrainOptions(workers=workers, download=download),
        reporter=reporter,
    )


def _parse(data: str | Path | None, fields: dict[str, Any]) -> Recipe:
    given = fields if data is None else {**fields, "data": data}
    return Recipe.parse(on_top_of_continued(given))


def train_options(**given: Unpack[TrainSettings]) -> TrainOptions:
    """The options of a training as a user gives them; see `train`.

    Raises:
        UsageError: No picture can be written there, this is no distance of checkpoints, no number
            of threads, or another profiler runs.
    """
    values: dict[str, Any] = {**given}
    num_threads(values.get("workers"))
    if values.get("profile"):
        check_no_other_profiler()
    if values.get("show_batch") is not None:
        place = values["show_batch"]
        values["show_batch"] = output_file(place, endings=PICTURES, name=FIRST_BATCH)
    values["checkpoint_every"] = checkpoint_interval(values.get("checkpoint_every"))
    return TrainOptions(**values)


def train_recipe(
    recipe: Recipe,
    *,
    project: Path,
    name: str | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
    language: str = "en",
    reporter: Reporter = SILENT,
) -> Run:
    """Trains as a recipe says, calibrates, evaluates and reports; see `train`.

    Of several processes the first evaluates; all return when it has.
    """
    own_name = language_of(language)  # refused now, not at the end of the training

    def finish(claim: Claim, classifier: Classifier, data: TrainingData) -> None:
        _finish(claim, classifier, data, language=language, reporter=reporter)

    with speaking(own_name):
        return run_training(
            recipe, project=project, name=name, options=options, finish=finish, reporter=reporter
        )


def _finish(
    claim: Claim, classifier: Classifier, data: TrainingData, *, language: str, reporter: Reporter
) -> None:
    """Calibrates on the validation images, evaluates on the test images, and writes it down.

    The file that is written last makes the run finished.

    Raises:
        RunError: It can't be written, or the folder may be another training's.
    """
    run = claim.run
    index, split = data.image_index, data.split
    validation = Subset(split.validation, "validation images, which chose the epoch", None)
    try:
        calibrate_on(classifier, index, validation, reporter=reporter)
    except NoTemperatureError as error:  # the training is whole: it keeps a temperature of 1
        reporter.say(f"note: not calibrated, {error.message}")
    claim.check()
    classifier.save(run.classifier_path)
    test = Subset(split.test, f"test images ({split.description}){_copies(data)}", 0)
    evaluation = evaluate_subset(classifier, index, test, reporter=reporter)
    page = evaluation_page(evaluation, run=run, language=language)
    claim.check()
    write_evaluation_files(evaluation, page, run.path, run=run)


def _copies(data: TrainingData) -> str:
    """The number of test images with the same pixels as a train or validation image, in words."""
    hashes, split = data.image_index.pixel_hashes, data.split
    seen = hashes[np.concatenate([split.train, split.validation])]
    copies = int(np.isin(hashes[split.test], seen).sum())
    return f"; {copies:,} of them have copies that training or selection saw" if copies else ""
