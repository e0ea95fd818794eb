"""Predictions for image files."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from convscope.api.arguments import checked
from convscope.api.destination import output_folder
from convscope.api.load import (
    DecodingOptions,
    decoding_from,
    load_with_run,
    with_min_confidence,
)
from convscope.classifier import Classifier, Prediction, evaluation_batch
from convscope.data.decoding.content import Decoding
from convscope.data.image_files import save_image
from convscope.data.parallel import in_parallel
from convscope.data.sources.listing import images_below
from convscope.data.sources.naming import with_formats
from convscope.errors import DataError
from convscope.files import mark_output, printable
from convscope.paths import likely_path
from convscope.progress import DEFAULT_REPORTER, SILENT, Reporter
from convscope.run import Run
from convscope.text import counted, listed

DECODED_AHEAD = 128  # files that are decoded before they are classified; bounds the memory

Prepared = NDArray[np.uint8] | str  # the network's input, or why the file can't be read


class PredictedFiles:
    """Predictions of image files, in the files' order, computed while they are iterated over.

    Files are decoded by several threads and classified in full batches, so that memory does not
    grow with their number.

    Args:
        classifier: Classifies them.
        paths: The files.
        decoding: How images are decoded.
        save_inputs: Folder for the network's input of each image, as PNG; None for none.
        reporter: Shows progress.

    Attributes:
        paths: The files.
        unreadable: Why files could not be read, of those met so far; they have no prediction.
    """

    def __init__(
        self,
        classifier: Classifier,
        paths: Sequence[str],
        *,
        decoding: Decoding,
        save_inputs: Path | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        self.paths = paths
        self.unreadable: list[str] = []
        self._classifier, self._decoding = classifier, decoding
        self._save_inputs, self._reporter = save_inputs, reporter

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Prediction]:
        self.unreadable.clear()
        if self._save_inputs is not None:
            mark_output(self._save_inputs)
        batch_size = evaluation_batch(self._classifier.preprocessing, self._classifier.device)
        names: list[str] = []
        batch: list[NDArray[np.uint8]] = []
        num_readable = 0
        with self._reporter.task("predicting", len(self.paths)) as task:
            all_prepared = in_parallel(self._prepare, self.paths, ahead=DECODED_AHEAD)
            for path, prepared in zip(self.paths, all_prepared, strict=True):
                if isinstance(prepared, str):
                    self.unreadable.append(prepared)
                    task.advance()
                    continue
                if self._save_inputs is not None:
                    name = f"{num_readable:05d}-{Path(path).stem}.png"
                    save_image(prepared, self._save_inputs / name)
                num_readable += 1
                names.append(printable(path))
                batch.append(prepared)
                if len(batch) == batch_size:
                    yield from self._classifier.predict_prepared(np.stack(batch), names=names)
                    task.advance(len(batch))
                    names, batch = [], []
            if batch:
                yield from self._classifier.predict_prepared(np.stack(batch), names=names)
                task.advance(len(batch))

    def _prepare(self, path: str) -> Prepared:
        try:
            return self._classifier.prepare(path, decoding=self._decoding)
        except DataError as error:
            return error.message


@checked()
def predict(
    classifier: Classifier | Run | str | Path,
    images: str | Path | Sequence[str | Path],
    *,
    min_confidence: float | None = None,
    save_inputs: str | Path | None = None,
    device: str = "auto",
    reporter: Reporter = DEFAULT_REPORTER,
    **decoding: Unpack[DecodingOptions],
) -> PredictedFiles:
    """Predictions for files, folders and patterns; see `find_images`.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        images: Files, folders (all images in them and below) and patterns such as `photos/*.jpg`.
        min_confidence: Probability below which a prediction is unsure; None for the classifier's
            own threshold.
        save_inputs: Folder for the network's input of each image, as PNG; None for none.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        **decoding: What may be decoded; see `DecodingOptions`.

    Raises:
        DataError: A file, folder or pattern yields no image.
        RunError: There is no classifier.
        UsageError: A value is out of its range, or `save_inputs` is the name of a file.
    """
    how = decoding_from(**decoding)
    folder = None if save_inputs is None else output_folder(save_inputs)
    paths = find_images(images, extra_formats=how.extra_formats, reporter=reporter)
    loaded = load_with_run(classifier, device=device).classifier
    if min_confidence is not None:
        loaded = with_min_confidence(loaded, min_confidence)
    return PredictedFiles(
        loaded,
        paths,
        decoding=how,
        save_inputs=folder,
        reporter=reporter,
    )


def find_images(
    images: str | Path | Sequence[str | Path],
    *,
    extra_formats: Sequence[str] = (),
    reporter: Reporter = SILENT,
) -> list[str]:
    """The image files that files, folders and patterns stand for, each once, in a stable order.

    Args:
        images: Files, folders (all images in them and below) and patterns such as `photos/*.jpg`.
        extra_formats: Pillow's names of further formats whose files are images.
        reporter: Says how many files of a folder were skipped.

    Raises:
        DataError: A file, folder or pattern yields no image; all of them are named.
    """
    found: list[str] = []
    missing: list[str] = []
    for pattern in map(str, [images] if isinstance(images, str | Path) else images):
        path = Path(pattern)
        if path.is_dir():
            with with_formats(extra_formats):
                here, num_others, remarks = images_below(path)
            for remark in remarks:
                reporter.say(f"note: {remark}")
            if num_others:
                others = counted(num_others, "file")
                reporter.say(
                    f"note: {others} in `{pattern}` skipped: not image files by their names"
                )
        elif path.exists():
            here = [pattern]
        else:
            here = _matching(pattern)
        if not here:
            near = None if path.is_dir() else likely_path(pattern)
            why = " (a folder without images)" if path.is_dir() else near and f"; {near}"
            missing.append(f"`{pattern}`{why or ''}")
        found += here
    if missing:
        raise DataError(
            f"no image is found for {counted(len(missing), 'argument')}\n{listed(missing)}"
        )
    return list(dict.fromkeys(found))


def _matching(pattern: str) -> list[str]:
    """The files that match a pattern; folders in it that exist are meant as they are named."""
    folder = next((each for each in Path(pattern).parents if each.is_dir()), Path())
    if glob.has_magic(str(folder)):
        rest = Path(pattern).relative_to(folder)
        pattern = str(Path(glob.escape(str(folder))) / rest)
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - absolute patterns too
    return sorted(name for name in names if Path(name).is_file())
