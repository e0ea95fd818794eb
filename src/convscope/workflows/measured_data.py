"""The images that a trained classifier is measured on: a run's own, or any others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convscope.cache import open_cache
from convscope.data.dataset import Dataset
from convscope.data.gallery import Gallery, look_at
from convscope.data.pixels import Geometry
from convscope.data.reading import decoding_of, open_data
from convscope.errors import DataError, RunError, UsageError, counted, either_of
from convscope.evaluation.choosing import Part, choose_part, match_classes, read_synonyms
from convscope.progress import Reporter
from convscope.recipe import DECODED_BY, Recipe
from convscope.run import Run
from convscope.workflows.using import Loaded

# Fields of a recipe that say which images there are, and where their labels come from.
READ_FROM = ("path_column", "label_column", "split_column", "group", "exclude")

Synonyms = Mapping[str, str] | str | Path | None


class MeasuredData(NamedTuple):
    """Images to measure on.

    Attributes:
        gallery: All of the data's, with labels that count the classifier's classes where labels
            are needed.
        part: Those to measure on.
        name: Of the data.
    """

    gallery: Gallery
    part: Part
    name: str


def open_measured(
    loaded: Sequence[Loaded],
    data: str | Path | None,
    *,
    split: str | None,
    synonyms: Synonyms = None,
    needs_labels: bool = True,
    geometries: Sequence[Geometry] = (),
    workers: int | None,
    reporter: Reporter,
    source: Mapping[str, Any],
) -> MeasuredData:
    """The images that one or several classifiers of the same classes are measured on.

    Args:
        loaded: The classifiers; without `split`, what any of them saw is left out.
        data: See `open_dataset`; None for what the first one was trained on.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        synonyms: What classes of the data are called by the classifier, or a CSV file that says it.
        needs_labels: Whether the data's classes have to be ones that the classifier knows.
        geometries: Sizes that will be wanted besides the classifiers' own.
        workers: Threads that decode images; None for one a core.
        reporter: Says what happens.
        source: Fields of `Recipe` that say how data is read.

    Raises:
        DataError: The data can't be used, or has classes that the classifier doesn't know.
        RunError: No data is given and none is on record.
        UsageError: A field of `source` doesn't exist or has a value that can't be.
    """
    first = loaded[0]
    reading = _reading(first.run, data, source)
    if isinstance(synonyms, str | Path):
        synonyms = read_synonyms(Path(synonyms))
    opened = _open(reading, first.run, is_own=data is None)
    dataset = opened
    if needs_labels:
        dataset = match_classes(opened, first.classifier.classes, synonyms=synonyms)
    for remark in dataset.remarks:
        reporter.say(f"note: {remark}")
    gallery = look_at(
        dataset,
        cache=open_cache(),
        decoding=first.classifier.preprocessing.decoding(decoding_of(reading)),
        workers=workers,
        geometries=[*(each.classifier.preprocessing for each in loaded), *geometries],
        allow_damaged=reading.allow_damaged,
        reporter=reporter,
    )
    if data is None and first.run is not None:
        _note_changed(gallery, first.run.image_uses, reporter)
    return MeasuredData(gallery, _part(gallery, loaded, split), dataset.name)


def _part(gallery: Gallery, loaded: Sequence[Loaded], split: str | None) -> Part:
    """The part that all classifiers agree on."""
    uses = [each.run.image_uses if each.run else None for each in loaded]
    parts = [choose_part(gallery, split=split, uses=each) for each in uses]
    if len(parts) == 1:
        return parts[0]
    common = parts[0].indices
    for part in parts[1:]:
        common = np.intersect1d(common, part.indices)
    seen = [part.num_seen for part in parts]
    words = parts[0].words
    if len(common) < len(parts[0].indices):
        words += f"; {counted(len(common), 'image')} that none of the others saw either"
    known = [count for count in seen if count is not None]
    return Part(common, words, max(known) if len(known) == len(seen) else None)


def _note_changed(gallery: Gallery, uses: Mapping[int, frozenset[str]], reporter: Reporter) -> None:
    """Says how many images of a run's own data aren't those that it knows: they count as unseen."""
    others = sum(int(key) not in uses for key in gallery.pixel_hashes)
    if others:
        reporter.say(
            f"note: {others:,} of {counted(len(gallery), 'image')} aren't those of the training: "
            "they changed, or are decoded in another way"
        )


def _reading(run: Run | None, data: str | Path | None, given: Mapping[str, Any]) -> Recipe:
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
