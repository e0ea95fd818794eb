"""Loading a classifier, and the data that it is evaluated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np

from convscope.api.arguments import checked
from convscope.cache import open_cache
from convscope.classifier import Classifier
from convscope.data.dataset import Dataset
from convscope.data.decoding.content import Decoding
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.pixels.preprocessing import ResizeGeometry
from convscope.data.reading import decoding_of, open_data
from convscope.device import choose_device
from convscope.errors import DataError, RunError, UsageError
from convscope.evaluation.subset import (
    Subset,
    choose_subset,
    match_classes,
    read_synonyms,
    without_unknown,
)
from convscope.files import restore_replaced
from convscope.paths import is_classifier, is_run
from convscope.progress import Reporter
from convscope.recipe import DECODING_FIELDS, Recipe
from convscope.run import Run
from convscope.text import counted


@checked()
def load(path: str | Path, *, device: str = "auto") -> Classifier:
    """The classifier of a run, or in a classifier folder.

    Raises:
        RunError: There is none, it is damaged or from another version.
        DeviceError: The machine has no such device.
    """
    place = Path(path)
    where = choose_device(device, "float32").torch
    if not place.exists():
        restore_replaced(place)
    if is_classifier(place):
        return Classifier.load(place, device=where)
    run = Run.open(place)
    if not run.classifier_path.is_dir():
        restore_replaced(run.classifier_path)
    if not run.classifier_path.is_dir():
        raise _no_classifier(run)
    return Classifier.load(run.classifier_path, device=where)


class Loaded(NamedTuple):
    """A classifier, and the run that it is from.

    Attributes:
        classifier: The classifier.
        run: Its run; None for a classifier alone, which doesn't say what data it was trained on.
        name: What a user calls it.
    """

    classifier: Classifier
    run: Run | None
    name: str


def load_with_run(classifier: Classifier | Run | str | Path, *, device: str) -> Loaded:
    """A classifier with its run, where there is one; raises as `load` does."""
    if isinstance(classifier, Classifier):
        return Loaded(classifier, None, classifier.choice.name)
    run = None
    if isinstance(classifier, Run):
        run = classifier
    elif is_run(Path(classifier)):
        run = Run(Path(classifier))
    place = run.path if run else Path(str(classifier))
    return Loaded(load(place, device=device), run, place.name)


class DecodingOptions(TypedDict, total=False):
    """Fields of `Recipe` that say what may be decoded; None stands for the default."""

    max_pixels: int | None
    extra_formats: str | Sequence[str] | None
    allow_damaged: bool | None


def decoding_from(**options: Unpack[DecodingOptions]) -> Decoding:
    """The decoding that fields of `Recipe` describe.

    Raises:
        UsageError: A value is out of its range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return decoding_of(Recipe.parse({"data": "-", **given}))


def with_min_confidence(classifier: Classifier, min_confidence: float) -> Classifier:
    """A copy of the classifier with another threshold; the caller's keeps its own.

    Raises:
        UsageError: The threshold is not within 0 to 1.
    """
    other = copy(classifier)
    other.decision = replace(classifier.decision, min_confidence=min_confidence)
    return other


def _no_classifier(run: Run) -> RunError:
    if run.state == "diverged":
        return RunError(
            f"`{run.path}` has no classifier: {run.failure}",
            hint="train again with a lower `--lr`",
        )
    return RunError(
        f"`{run.path}` is {run.state}: it has no classifier yet",
        hint="the same `convscope train` command continues it",
    )


# Fields of a recipe that say which images there are, and where their labels come from.
READ_FROM = (
    *("path_column", "label_column", "split_column", "group", "exclude"),
    *("class_level", "zip_encoding"),
)

Synonyms = Mapping[str, str] | str | Path | None


class DataOptions(DecodingOptions, total=False):
    """Options for the images that are evaluated on; None stands for the default.

    Those that are fields of `Recipe` mean what they mean there.

    Attributes:
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        synonyms: What the classifier calls classes of the data, or a CSV file with the columns
            `data` and `classifier`; an empty name leaves a class out.
        ignore_unknown: Whether images of classes that the classifier doesn't know are left out; an
            error else.
        workers: Number of threads that decode images; None for one per core.
    """

    split: str | None
    synonyms: Synonyms
    ignore_unknown: bool | None
    workers: int | None
    path_column: str | None
    label_column: str | None
    split_column: str | None
    group: str | None
    exclude: str | None
    class_level: str | None
    zip_encoding: str | None


class EvaluationData(NamedTuple):
    """Images that a classifier is evaluated on.

    Attributes:
        image_index: All images of the data; labels count the classifier's classes where labels are
            needed.
        subset: The images to evaluate on.
        name: Name of the data set.
    """

    image_index: ImageIndex
    subset: Subset
    name: str


def open_evaluation_data(
    loaded: Sequence[Loaded],
    data: str | Path | None,
    *,
    needs_labels: bool = True,
    geometries: Sequence[ResizeGeometry] = (),
    reporter: Reporter,
    **options: Unpack[DataOptions],
) -> EvaluationData:
    """The images that one or several classifiers of the same classes are evaluated on.

    Args:
        loaded: The classifiers; without a split, what any of them saw is left out.
        data: See `open_dataset`; None for what the first one was trained on.
        needs_labels: Whether the data's classes have to be known to the classifier.
        geometries: Sizes that are needed besides the classifiers' own.
        reporter: Shows notes and progress.
        **options: See `DataOptions`; images are decoded as in training where they don't say.

    Raises:
        DataError: The data can't be used, or has classes that the classifier doesn't know.
        RunError: No data is given and the run is unknown.
        UsageError: An option doesn't exist or has an invalid value.
    """
    first = loaded[0]
    ranges = {each.classifier.preprocessing.value_range for each in loaded}
    if len(ranges) > 1:  # images are decoded once for all of them
        raise UsageError(
            "the classifiers were trained with different value ranges: "
            f"{', '.join(sorted(map(str, ranges)))}",
            hint="evaluate each of them by itself",
        )
    recipe = _reading_recipe(first.run, data, options)
    synonyms = options.get("synonyms")
    if isinstance(synonyms, str | Path):
        synonyms = read_synonyms(Path(synonyms))
    dataset, left_out = _open(recipe, first.run, is_own=data is None), ""
    if needs_labels:
        classes = first.classifier.classes
        if options.get("ignore_unknown"):
            dataset, left_out = without_unknown(dataset, classes, synonyms=synonyms)
        dataset = match_classes(dataset, classes, synonyms=synonyms)
    for remark in dataset.remarks:
        reporter.say(f"note: {remark}")
    image_index = build_image_index(
        dataset,
        cache=open_cache(),
        decoding=first.classifier.preprocessing.decoding(decoding_of(recipe)),
        workers=options.get("workers"),
        geometries=[*(each.classifier.preprocessing for each in loaded), *geometries],
        reporter=reporter,
    )
    if data is None and first.run is not None:
        _note_changed(image_index, first.run.image_splits, reporter)
    subset = _common_subset(image_index, loaded, options.get("split"))
    if left_out:
        subset = subset._replace(description=f"{subset.description}; {left_out}")
    return EvaluationData(image_index, subset, dataset.name)


def _common_subset(image_index: ImageIndex, loaded: Sequence[Loaded], split: str | None) -> Subset:
    """The subset that suits all classifiers."""
    uses = [each.run.image_splits if each.run else None for each in loaded]
    subsets = [choose_subset(image_index, split=split, uses=each) for each in uses]
    if len(subsets) == 1:
        return subsets[0]
    common = subsets[0].indices
    for subset in subsets[1:]:
        common = np.intersect1d(common, subset.indices)
    seen = [subset.num_seen for subset in subsets]
    description = subsets[0].description
    if len(common) < len(subsets[0].indices):
        description += f"; {counted(len(common), 'image')} that none of the others saw either"
    known = [count for count in seen if count is not None]
    return Subset(common, description, max(known) if len(known) == len(seen) else None)


def _note_changed(
    image_index: ImageIndex, uses: Mapping[int, frozenset[str]], reporter: Reporter
) -> None:
    """Notes how many images of a run's own data it doesn't know: they count as unseen."""
    others = sum(int(key) not in uses for key in image_index.pixel_hashes)
    if others:
        reporter.say(
            f"note: {others:,} of {counted(len(image_index), 'image')} aren't those of the "
            "training: they changed, or are decoded differently"
        )


def _reading_recipe(run: Run | None, data: str | Path | None, options: Mapping[str, Any]) -> Recipe:
    """A recipe for reading data: decoded as in training, the run's own from the same columns."""
    if data is None and run is None:
        raise RunError(
            "a classifier alone doesn't say what data to evaluate on", hint="give the data too"
        )
    fields = (*READ_FROM, *DECODING_FIELDS)
    values: dict[str, Any] = {"data": data}
    if run is not None:
        names = DECODING_FIELDS if data is not None else (*fields, "data")
        values.update({name: getattr(run.recipe, name) for name in names})
    values.update({name: options[name] for name in fields if options.get(name) is not None})
    return Recipe.parse(values)


def _open(recipe: Recipe, run: Run | None, *, is_own: bool) -> Dataset:
    try:
        return open_data(recipe)
    except DataError as error:
        if run is None or not is_own or Path(recipe.data).is_absolute():
            raise
        raise DataError(
            f"the data of `{run.path}` isn't found: {error.message}",
            hint=f"its recipe says `{recipe.data}`, as seen from the folder in which it was "
            "trained; give the data too",
        ) from error
