"""Load a classifier, and evaluate it on any data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convscope.cache import open_cache
from convscope.classifier import Classifier
from convscope.data.dataset import Dataset
from convscope.data.decode import Decoding
from convscope.data.gallery import Gallery, look_at
from convscope.data.reading import decoding_of, open_data
from convscope.device import choose_device
from convscope.errors import DataError, RunError, UsageError, counted, either_of
from convscope.evaluation.evaluate import Evaluation, choose_part, evaluate_part, match_classes
from convscope.files import read_json
from convscope.progress import SILENT, Reporter
from convscope.recipe import DECODED_BY, Recipe
from convscope.run import Run

# Fields of a recipe that say which images there are, and where their labels come from.
READ_FROM = ("path_column", "label_column", "split_column", "group", "exclude")


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
        workers: Threads that decode images; None for one a core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        source: Fields of `Recipe` that say how data is read: `path_column`, `label_column`,
            `split_column`, `exclude`, `max_pixels`, `extra_formats`, `allow_damaged`; where they
            aren't given, images are decoded as in training.

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
    reading = _reading(run, data, source)
    dataset = match_classes(_open(reading, run, is_own=data is None), classifier)
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
    uses = run.image_uses if run else None
    if data is None and uses is not None:
        _note_changed(gallery, uses, reporter)
    part, words = choose_part(gallery, split=split, uses=uses)
    return evaluate_part(
        classifier,
        gallery,
        part,
        pixels=gallery.pixels(classifier.preprocessing),
        images=words,
        reporter=reporter,
    )


def _note_changed(gallery: Gallery, uses: Mapping[int, frozenset[str]], reporter: Reporter) -> None:
    """Says how many images of a run's own data aren't those that it knows: they count as unseen."""
    others = sum(int(key) not in uses for key in gallery.pixel_hashes)
    if others:
        reporter.say(
            f"note: {others:,} of {counted(len(gallery), 'image')} aren't those of the training: "
            "they changed, or are decoded in another way"
        )


def _reading(run: Run | None, data: str | Path | None, given: dict[str, Any]) -> Recipe:
    """How data is to be read: decoded as training did, and its own data from the same columns."""
    if data is None and run is None:
        raise RunError(
            "a classifier alone doesn't say what data to evaluate on", hint="give the data too"
        )
    unknown = sorted(set(given) - {*READ_FROM, *DECODED_BY})
    if unknown:
        raise UsageError(
            f"{either_of(unknown)} can't be given to an evaluation",
            hint=f"it takes {either_of((*READ_FROM, *DECODED_BY))}",
        )
    values: dict[str, Any] = {"data": data}
    if run is not None:
        names = DECODED_BY if data is not None else (*READ_FROM, *DECODED_BY, "data")
        values.update({name: getattr(run.recipe, name) for name in names})
    values.update({name: value for name, value in given.items() if value is not None})
    return Recipe.parse(values)


def _open(reading: Recipe, run: Run | None, *, is_own: bool) -> Dataset:
    try:
        return open_data(reading)
    except DataError as error:
        if run is None or not is_own or Path(reading.data).is_absolute():
            raise
        raise DataError(
            f"the data of `{run.path}` isn't found: {error.message}",
            hint=f"its recipe says `{reading.data}`, as seen from the folder in which it was "
            "trained; give the data too",
        ) from error


def decoding_from(**fields: Any) -> Decoding:
    """How images are decoded, from the fields of `Recipe` that say so; None stands for the usual.

    Raises:
        UsageError: A value can't be.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    return decoding_of(Recipe.parse({"data": "-", **given}))


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
