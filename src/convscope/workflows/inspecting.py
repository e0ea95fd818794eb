"""Look at what the layers of a classifier answer to in a data set, and write it down."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.classifier import Classifier
from convscope.data.counters import permutation
from convscope.errors import DataError, UsageError, counted
from convscope.evaluation.choosing import Part
from convscope.files import write_text
from convscope.inspection.layer_views import Inspection, LayerQuestion, view_layers
from convscope.progress import SILENT, Reporter
from convscope.report.inspection import inspection_page
from convscope.run import Run
from convscope.workflows.measured_data import open_measured
from convscope.workflows.using import load_with_run

IMAGES = 1000


def inspect(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    num_images: int = IMAGES,
    workers: int | None = None,
    device: str = "auto",
    reporter: Reporter = SILENT,
    **options: Any,
) -> Inspection:
    """What the layers of a classifier answer to: zeros, strongest patches, fields that count.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        data: See `open_dataset`; its labels don't matter. None for the data that the run was
            trained on.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        num_images: Of more images so many are drawn, always the same ones.
        workers: Threads that decode images; None for one a core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        options: Fields of `LayerQuestion`: `layers` (names as in `named_modules`), `channels`,
            `count`; and fields of `Recipe` that say how data is read, see `evaluate`.

    Raises:
        DataError: The data can't be used.
        RunError: There is no classifier, or no data is given and none is on record.
        UsageError: No such layer or channel, a number that can't be, or an option that doesn't
            exist.
    """
    names = [field.name for field in fields(LayerQuestion) if field.name in options]
    question = LayerQuestion(**{name: options.pop(name) for name in names})
    for name, number in (("num_images", num_images), ("count", question.count)):
        if number < 1:
            raise UsageError(f"`{name}` can't be {number}", hint="it is 1 or more")
    loaded = load_with_run(classifier, device=device)
    measured = open_measured(
        [loaded],
        data,
        split=split,
        needs_labels=False,
        workers=workers,
        reporter=reporter,
        source=options,
    )
    gallery, (indices, words) = measured.gallery, _drawn(measured.part, num_images)
    pixels = gallery.pixels(loaded.classifier.preprocessing)
    with reporter.task("looking", len(indices)) as task:
        views = view_layers(loaded.classifier, pixels, indices, question, on_progress=task.advance)
    return Inspection(
        views=tuple(views),
        names=tuple(gallery.dataset.images.name(int(index)) for index in indices),
        images=words,
        example=pixels.take(indices[:1])[0].numpy(),
    )


def _drawn(part: Part, most: int) -> tuple[NDArray[np.int64], str]:
    """Which images are looked at, and what they are in words."""
    indices, words = part.indices, part.words
    if not len(indices):
        raise DataError(f"there are no images to look at ({words})", hint="choose another `split`")
    if len(indices) <= most:
        return indices, words
    drawn = permutation("inspect", len(indices))[:most]
    return indices[np.sort(drawn)], f"{counted(most, 'image')} drawn from {words}"


def write_inspection(
    inspection: Inspection,
    path: str | Path,
    *,
    name: str,
    command: str,
    language: str = "en",
) -> Path:
    """Writes the page of an inspection.

    Args:
        inspection: What was found.
        path: Of the HTML file.
        name: What a user calls the classifier.
        command: That makes the page again.
        language: Of the page: `en` or `zh`.

    Raises:
        RunError: The file can't be written.
        UsageError: There are no words in this language.
    """
    place = Path(path)
    page = inspection_page(inspection, name=name, command=command, language=language)
    write_text(place, page)
    return place
