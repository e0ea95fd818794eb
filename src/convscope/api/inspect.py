"""Inspect what the layers of a classifier respond to in a data set, and write it as a page."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convscope.api.arguments import checked
from convscope.api.destination import OutputOptions, output_page, taken_language
from convscope.api.load import DataOptions, load_with_run, open_evaluation_data
from convscope.classifier import Classifier
from convscope.errors import DataError, UsageError
from convscope.evaluation.subset import Subset
from convscope.files import mark_output, write_text
from convscope.inspection.feature_maps.layer_views import Inspection, LayerQuestion, view_layers
from convscope.paths import command_line
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.report.inspection import inspection_page
from convscope.rng import permutation
from convscope.run import Run
from convscope.text import counted

IMAGES = 1000


@checked(LayerQuestion, DataOptions, OutputOptions)
def inspect(
    classifier: Classifier | Run | str | Path,
    data: str | Path | None = None,
    *,
    num_images: int = IMAGES,
    device: str = "auto",
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    **options: Any,
) -> Inspection:
    """What the layers of a classifier respond to: sparsity, strongest patches, effective fields.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        data: See `open_dataset`; its labels don't matter. None for the data that the run was
            trained on.
        num_images: Number of images that are used at most; of more, always the same are drawn.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        output: HTML file, or folder for report.html; None to write nothing.
        reporter: Shows progress.
        options: Which layers and channels, which images, how they are read, and the language of the
            page.

    Raises:
        DataError: The data can't be used.
        RunError: There is no classifier, or no data is given and none is on record.
        UsageError: No such layer or channel, a number below 1, or an option that doesn't exist.
    """
    language = taken_language(options)
    question = _taken_question(options)
    for name, number in (("num_images", num_images), ("count", question.count)):
        if number < 1:
            raise UsageError(f"`{name}` can't be {number}", hint="it is 1 or more")
    file = None if output is None else output_page(output)
    loaded = load_with_run(classifier, device=device)
    opened = open_evaluation_data(
        [loaded],
        data,
        needs_labels=False,
        reporter=reporter,
        **options,
    )
    image_index, (indices, description) = opened.image_index, _drawn(opened.subset, num_images)
    pixels = image_index.pixels(loaded.classifier.preprocessing)
    with reporter.task("looking", len(indices)) as task:
        views = view_layers(loaded.classifier, pixels, indices, question, on_progress=task.advance)
    found = Inspection(
        views=tuple(views),
        names=tuple(image_index.dataset.images.name(int(index)) for index in indices),
        images=description,
        labels=tuple(image_index.dataset.classes[label] for label in image_index.labels[indices]),
        example=pixels.take(indices[:1])[0].numpy(),
    )
    if file is not None:
        place = loaded.run.path if loaded.run else loaded.name
        command = command_line("convscope", "inspect", place)
        write_inspection(found, file, name=loaded.name, command=command, language=language)
    return found


def _taken_question(options: dict[str, Any]) -> LayerQuestion:
    """What is asked of which layers, which is taken out of the options."""
    names = [field.name for field in fields(LayerQuestion) if field.name in options]
    asked = {name: options.pop(name) for name in names}
    for name in {"layers", "channels"} & asked.keys():  # one alone is no sequence
        if isinstance(asked[name], str | int):
            asked[name] = (asked[name],)
    return LayerQuestion(**asked)


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
    output: str | Path,
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
    file = output_page(output)
    page = inspection_page(inspection, name=name, command=command, language=language)
    mark_output(file.parent)
    write_text(file, page)
    return file
