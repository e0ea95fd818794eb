"""Inspect what the layers of a classifier respond to in a data set, and write it as a page."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.api.arguments import checked
from convscope.api.destination import PAGES, output_file
from convscope.api.load import DataOptions, load_with_run, open_evaluation_data
from convscope.classifier import Classifier
from convscope.errors import DataError, UsageError
from convscope.evaluation.subset import Subset
from convscope.files import mark_output, write_text
from convscope.inspection.feature_maps.layer_views import Inspection, LayerQuestion, view_layers
from convscope.paths import REPORT_FILE
from convscope.progress import SILENT, Reporter
from convscope.report.inspection import inspection_page
from convscope.rng import permutation
from convscope.run import Run
from convscope.text import counted

IMAGES = 1000


@checked(LayerQuestion, DataOptions)
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
    """What the layers of a classifier respond to: sparsity, strongest patches, effective fields.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        data: See `open_dataset`; its labels don't matter. None for the data that the run was
            trained on.
        split: `train`, `val`, `test` or `all`; None for images that training never saw.
        num_images: Number of images that are used at most; of more, always the same are drawn.
        workers: Number of threads that decode images; None for one per core.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        options: Fields of `LayerQuestion`: `layers` (names as in `named_modules`), `channels`,
            `count`; and fields of `Recipe` that say how data is read, see `evaluate`.

    Raises:
        DataError: The data can't be used.
        RunError: There is no classifier, or no data is given and none is on record.
        UsageError: No such layer or channel, a number below 1, or an option that doesn't exist.
    """
    names = [field.name for field in fields(LayerQuestion) if field.name in options]
    asked = {name: options.pop(name) for name in names}
    for name in {"layers", "channels"} & asked.keys():  # one alone is no sequence
        if isinstance(asked[name], str | int):
            asked[name] = (asked[name],)
    question = LayerQuestion(**asked)
    for name, number in (("num_images", num_images), ("count", question.count)):
        if number < 1:
            raise UsageError(f"`{name}` can't be {number}", hint="it is 1 or more")
    loaded = load_with_run(classifier, device=device)
    opened = open_evaluation_data(
        [loaded],
        data,
        split=split,
        needs_labels=False,
        workers=workers,
        reporter=reporter,
        **options,
    )
    image_index, (indices, description) = opened.image_index, _drawn(opened.subset, num_images)
    pixels = image_index.pixels(loaded.classifier.preprocessing)
    with reporter.task("looking", len(indices)) as task:
        views = view_layers(loaded.classifier, pixels, indices, question, on_progress=task.advance)
    return Inspection(
        views=tuple(views),
        names=tuple(image_index.dataset.images.name(int(index)) for index in indices),
        images=description,
        labels=tuple(image_index.dataset.classes[label] for label in image_index.labels[indices]),
        example=pixels.take(indices[:1])[0].numpy(),
    )


def _drawn(subset: Subset, most: int) -> tuple[NDArray[np.int64], str]:
    """Indices of at most `most` images of a subset, and their description."""
    indices, description = subset.indices, subset.description
    if not len(indices):
        raise DataError(
            f"there are no images to inspect ({description})", hint="choose another `split`"
        )
    if len(indices) <= most:
        return indices, description
    drawn = permutation("inspect", len(indices))[:most]
    return indices[np.sort(drawn)], f"{counted(most, 'image')} drawn from {description}"


def write_inspection(
    inspection: Inspection,
    path: str | Path,
    *,
    name: str,
    command: str,
    language: str = "en",
) -> Path:
    """Writes the page of an inspection to an HTML file, or as report.html into a folder.

    Raises:
        RunError: The file can't be written.
        UsageError: There is no translation for this language, or the file has another ending.
    """
    file = output_file(path, endings=PAGES, name=REPORT_FILE)
    page = inspection_page(inspection, name=name, command=command, language=language)
    mark_output(file.parent)
    write_text(file, page)
    return file
