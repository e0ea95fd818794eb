"""What one verb strings together: train, then evaluate; load; evaluate on any data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.arithmetic import LayerTable, layer_table
from convscope.cache import open_cache
from convscope.classifier import Classifier
from convscope.data.decode import Decoding
from convscope.data.gallery import look_at
from convscope.device import choose_device
from convscope.errors import RunError, UsageError
from convscope.evaluation.evaluate import Evaluation, choose_part, evaluate_part, match_classes
from convscope.files import read_json, write_json
from convscope.networks import build, entry
from convscope.progress import SILENT, Reporter
from convscope.recipe import DataFields, DecodingFields, Recipe
from convscope.run import Run
from convscope.training import session
from convscope.training.material import decoding_of, open_data
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
        Recipe.parse({"data": str(data), **{k: _plain(v) for k, v in recipe.items()}}),
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
        images=f"test images ({material.split.words})",
        reporter=reporter,
    )
    write_json(trained.run.evaluation_path, evaluation.to_dict())
    return trained.run


def load(path: str | Path, *, device: str = "auto") -> Classifier:
    """The classifier of a run, or in a classifier folder.

    Raises:
        RunError: There is none, it is damaged or from another version.
        DeviceError: The machine has no such device.
    """
    place = Path(path)
    where = choose_device(device, "float32").torch
    if (place / "classifier.json").is_file():
        return Classifier.load(place, device=where)
    run = Run.open(place)
    if not run.classifier_path.is_dir():
        raise _no_classifier(run)
    return Classifier.load(run.classifier_path, device=where)


def evaluate(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    allow_damaged: bool | None = None,
    workers: int | None = None,
    device: str = "auto",
    reporter: Reporter = SILENT,
    **source: Any,
) -> Evaluation:
    """Evaluates a classifier on any data, classes matched by name.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        data: See `open_dataset`; None for the data that the run was trained on.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        allow_damaged: Takes truncated images as far as they go, and goes on although more than
            5 % of the images can't be read; None for what training did.
        workers: Threads that decode images; None for one a core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        source: Fields of `Recipe` that say how data is read: `path_column`, `label_column`,
            `split_column`, `exclude`, `max_pixels`, `extra_formats`.

    Raises:
        DataError: The data can't be used, or has classes that the classifier doesn't know.
        RunError: There is no classifier, or no data is given and none is on record.
        UsageError: A field of `source` doesn't exist or has a value that can't be.
    """
    run = None
    if isinstance(classifier, str | Path) and (Path(classifier) / "recipe.yaml").is_file():
        run = Run.open(classifier)
    elif isinstance(classifier, Run):
        run = classifier
    if not isinstance(classifier, Classifier):
        classifier = load(run.path if run else str(classifier), device=device)
    reading = _reading(run, data, {**source, "allow_damaged": allow_damaged})
    dataset = match_classes(open_data(reading), classifier)
    for remark in dataset.remarks:
        reporter.say(f"note: {remark}")
    gallery = look_at(
        dataset,
        cache=open_cache(),
        decoding=classifier.preprocessing.decoding(decoding_of(reading)),
        workers=workers,
        geometries=[classifier.preprocessing],
        allow_damaged=reading.allow_damaged,
        reporter=reporter,
    )
    part, words = choose_part(gallery, split=split, uses=run.image_uses if run else None)
    return evaluate_part(
        classifier,
        gallery,
        part,
        pixels=gallery.pixels(classifier.preprocessing),
        images=words,
        reporter=reporter,
    )


def _reading(run: Run | None, data: str | Path | None, given: dict[str, Any]) -> Recipe:
    """How data is to be read: as training read it, where it is the run's own."""
    if data is None and run is None:
        raise RunError(
            "a classifier alone doesn't say what data to evaluate on", hint="give the data too"
        )
    values = {"data": str(data)} if data is not None else {}
    if run is not None and data is None:
        names = (*DataFields.model_fields, *DecodingFields.model_fields)
        values = {name: getattr(run.recipe, name) for name in names}
    values.update({name: _plain(value) for name, value in given.items() if value is not None})
    return Recipe.parse(values)


def decoding_from(**fields: Any) -> Decoding:
    """How images are decoded, from the fields of `Recipe` that say so; None stands for the usual.

    Raises:
        UsageError: A value can't be.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    return decoding_of(Recipe.parse({"data": "-", **given}))


def summarize(
    network: nn.Module | str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    **options: Any,
) -> LayerTable:
    """The layer table of a network: output shapes, parameters, MACs, receptive fields.

    Args:
        network: A name of the table of networks, a run, a classifier folder, or any module.
        input_shape: Channels, height and width of one image; else what it was made for.
        num_classes: K; else what it was made for.
        batch_size: N.
        options: Of the named network, for instance `stem="small"`.

    Raises:
        NetworkError: No network has this name, or it can't take this input.
        UsageError: A module without `input_shape`, or options for a network that is built already.
    """
    if isinstance(network, str | Path) and not _is_saved(Path(network)):
        if Path(network).is_dir() or len(Path(network).parts) > 1:
            Run.open(network)  # says what is wrong with the folder
        return _summarize_named(str(network), input_shape, num_classes, batch_size, options)
    if num_classes is not None or options:
        raise UsageError(
            "`num_classes` and options only apply to a network given by name",
            hint="this one is built already",
        )
    if isinstance(network, nn.Module):
        if input_shape is None:
            raise UsageError(
                "`input_shape` is missing", hint="a module doesn't say what images it takes"
            )
        return layer_table(network, (batch_size, *input_shape))
    classifier = load(network, device="cpu")
    choice = classifier.choice
    shape = input_shape or (choice.in_channels, *choice.input_size)
    return layer_table(classifier.network, (batch_size, *shape))


def _summarize_named(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int | None,
    batch_size: int,
    options: dict[str, Any],
) -> LayerTable:
    shape = input_shape or entry(name).input
    with torch.device("meta"):  # shapes are all that counts here; VGG has 550 MB of weights
        network = build(
            name,
            num_classes=num_classes,
            in_channels=shape[0],
            input_size=(shape[1], shape[2]),
            **options,
        )
    return layer_table(network, (batch_size, *shape))


def _no_classifier(run: Run) -> RunError:
    if run.state == "diverged":
        why = read_json(run.failure_path).get("message", "its training diverged")
        return RunError(
            f"`{run.path}` has no classifier: {why}",
            hint="train again with a lower `--lr`",
        )
    return RunError(
        f"`{run.path}` is {run.state}: it has no classifier yet",
        hint="the same `convscope train` command continues it",
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _is_saved(place: Path) -> bool:
    return any((place / name).is_file() for name in ("recipe.yaml", "classifier.json"))
