"""Check: opens a data set, scans every image, audits it, and writes the page and the list."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convscope.api.arguments import checked
from convscope.api.destination import OutputOptions, output_folder, taken_language
from convscope.api.judge import PREPROCESSING, Judge, open_judge
from convscope.api.load import READ_FROM
from convscope.audit.audit import audit_dataset
from convscope.audit.findings import Examined
from convscope.audit.result import (
    Audit,
    ExclusionRow,
    PlannedTraining,
    earlier_rows,
    exclusion_rows,
    write_exclusions,
)
from convscope.cache import open_cache
from convscope.data.dataset import Dataset, check_classes, check_trainable
from convscope.data.decoding.content import Decoding
from convscope.data.index.metadata_cache import open_metadata_cache
from convscope.data.index.scan import Scan, scan_images
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.reading import decoding_of, left_out_text, open_with_excluded
from convscope.data.recipe_split import split_for
from convscope.errors import DataError
from convscope.files import write_text
from convscope.paths import EXCLUSIONS_FILE, REPORT_FILE, command_line, shell_word
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.recipe import DECODING_FIELDS, Recipe
from convscope.report.check import NextStep, check_page
from convscope.run import Run
from convscope.short_repr import LONGEST_SENTENCE, LONGEST_TEXT, Shown
from convscope.text import one_line

DEFAULT_PX = 224  # assumed input size where none is given and the images are not smaller


class CheckFiles(NamedTuple):
    """The files that a check wrote.

    Attributes:
        page: The HTML page.
        exclusions: The list of images, with `yes` where a training should leave one out.
        kept: Where an older list went, which someone may have edited; None if there was none.
        next_step: The training that follows; None where none can begin.
    """

    page: Path
    exclusions: Path
    kept: Path | None
    next_step: NextStep | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Checked(Shown):
    """A data set that was checked.

    Attributes:
        audit: What was found.
        examined: The data set with its scan.
        preprocessing: The assumed preprocessing.
        decoding: How images were decoded.
        left_out: Images that were left out from the beginning, as an earlier list said.
    """

    audit: Audit
    examined: Examined
    preprocessing: Preprocessing
    decoding: Decoding
    left_out: tuple[ExclusionRow, ...] = ()

    def __repr__(self) -> str:
        name = one_line(self.audit.name, at_most=LONGEST_TEXT)
        text = f"{name}: {self.audit.counts_text}. {self.audit.verdict}"
        return f"Checked({one_line(text, at_most=LONGEST_SENTENCE)})"

    def write(
        self,
        output: str | Path,
        *,
        command: str | None = None,
        train_command: str | None = None,
        language: str = "en",
    ) -> CheckFiles:
        """Writes the page and the list of images to leave out.

        Args:
            output: Folder where the files go; made if it isn't there.
            command: The command that repeats the check, for the page.
            train_command: The command that trains on the data as it was read here.
            language: Language of the page: `en` or `zh`.

        Raises:
            RunError: The folder can't be written to.
            UsageError: There is no page in this language.
        """
        folder = output_folder(output)
        next_step = self._next_step(folder / EXCLUSIONS_FILE, train_command)
        page = check_page(
            self.audit,
            self.examined,
            preprocessing=self.preprocessing,
            decoding=self.decoding,
            command=command or command_line("convscope", "check", self.audit.name),
            next_step=next_step,
            language=language,
        )
        write_text(folder / REPORT_FILE, page)
        rows = [*self.left_out, *exclusion_rows(self.audit.findings)]
        kept = write_exclusions(folder / EXCLUSIONS_FILE, rows)
        return CheckFiles(folder / REPORT_FILE, folder / EXCLUSIONS_FILE, kept, next_step)

    def _next_step(self, exclusions: Path, train_command: str | None) -> NextStep | None:
        """The training that the list is for; None where no training can begin."""
        training = self.audit.training
        if training is None:
            return None
        command = train_command or command_line("convscope", "train", self.audit.name)
        images = training.split.counts_text
        if not training.num_left_out:
            return NextStep(command, images, has_list=False)
        images += f"; {left_out_text(training.num_left_out, exclusions)}"
        return NextStep(f"{command} --exclude {shell_word(exclusions)}", images, has_list=True)


@checked(OutputOptions, names=(*READ_FROM, *DECODING_FIELDS, *PREPROCESSING))
def check(
    data: str | Path | Dataset,
    *,
    run: Run | str | Path | None = None,
    workers: int | None = None,
    download: bool = False,
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    **reading: Any,
) -> Checked:
    """Checks a data set for what may be wrong with it.

    Wrong labels are looked for with a trained run only: it names those that its network
    contradicts. Images that it was trained on are judged by cross-validation on its features.

    Args:
        data: A data set, or its path: see `open_dataset`.
        run: A run, or its folder, whose classifier knows the classes of the data; None to judge no
            labels. Images are then read and seen as it was trained.
        workers: Number of threads that decode images; None for one per core.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        output: Folder for the page and the list of images to leave out; None to write nothing.
        reporter: Shows progress.
        reading: Fields of `Recipe` that say how data is read and preprocessed; `img_size` is else
            224, or less where images are smaller; and the language of the page.

    Raises:
        DataError: The data can't be opened, or has classes that the run doesn't know.
        RunError: There is no such run, or it has no classifier.
        UsageError: A field of `reading` doesn't exist, has a value that can't be, or the run says
            it.
    """
    language = taken_language(reading)
    place = None if output is None else output_folder(output)
    judge, recipe = _read_as(data, run, reading)
    decoding = decoding_of(recipe)
    dataset, left_out = _opened(data, recipe, download=download)
    # Before anything is scanned, as it may be refused.
    matched = dataset if judge is None else judge.matched(dataset)
    scan, seconds_reading = _scanned(dataset, decoding, workers, reporter)
    if judge is None or not len(scan.readable):
        preprocessing, labels = assumed_preprocessing(scan, recipe), None
    else:
        preprocessing = judge.classifier.preprocessing
        labels = judge.labels(matched, scan, decoding, workers=workers, reporter=reporter)
    examined = Examined(dataset, scan)
    audit = audit_dataset(
        examined,
        preprocessing=preprocessing,
        decoding=decoding,
        labels=labels,
        cache=open_cache(),
        seconds_reading=seconds_reading,
    )
    found = Checked(
        audit=replace(audit, training=planned_training(examined, audit, recipe, left_out)),
        examined=examined,
        preprocessing=preprocessing,
        decoding=decoding,
        left_out=left_out,
    )
    if place is not None:
        found.write(place, language=language)
    return found


def _read_as(
    data: str | Path | Dataset, run: Run | str | Path | None, reading: Mapping[str, Any]
) -> tuple[Judge | None, Recipe]:
    """The judge of the labels, and how data is read: as it was trained, where there is one."""
    given = {name: value for name, value in reading.items() if value is not None}
    judge = None if run is None else open_judge(run, given)
    name = (data.name or "-") if isinstance(data, Dataset) else str(data)
    return judge, Recipe.parse({"data": name, **(judge.reading if judge else {}), **given})


def _opened(
    data: str | Path | Dataset, recipe: Recipe, *, download: bool
) -> tuple[Dataset, tuple[ExclusionRow, ...]]:
    """The data set, and the rows of images that a list leaves out."""
    if isinstance(data, Dataset):
        return data, ()
    dataset, excluded = open_with_excluded(recipe, download=download)
    names = [excluded.images.name(index) for index in range(len(excluded))]
    return dataset, tuple(earlier_rows(names, str(recipe.exclude)))


def _scanned(
    dataset: Dataset, decoding: Decoding, workers: int | None, reporter: Reporter
) -> tuple[Scan, float]:
    """A scan of all images, and the seconds that it took."""
    started = time.perf_counter()
    with (
        open_metadata_cache(open_cache()) as metadata_cache,
        reporter.task("scanning images", len(dataset)) as task,
    ):
        scan = scan_images(
            dataset,
            decoding,
            metadata_cache=metadata_cache,
            workers=workers,
            on_progress=task.advance,
        )
    return scan, time.perf_counter() - started


def planned_training(
    examined: Examined, audit: Audit, recipe: Recipe, left_out: Sequence[ExclusionRow]
) -> PlannedTraining | None:
    """What a training without the images on the list will do; None if it can't begin.

    Args:
        examined: The data set with its scan.
        audit: Its findings say which images the list leaves out.
        recipe: How the data was read.
        left_out: Images that are on the list besides.
    """
    dataset = examined.dataset
    excluded = {row.image for row in exclusion_rows(audit.findings) if row.answer == "yes"}
    kept = [index for index in examined.readable if examined.name(index) not in excluded]
    rows = np.array(kept, dtype=np.int64)
    if len(rows) < 2:
        return None
    rest = dataset.take(rows)
    try:
        check_classes(dataset.classes, where=dataset.name)
        split = split_for(recipe, rest, examined.statistics[rows], cache=open_cache())
        check_trainable(
            rest.classes,
            np.bincount(rest.labels[split.train], minlength=len(rest.classes)).tolist(),
        )
    except DataError:  # a training says why
        return None
    return PlannedTraining(split, len(dataset) - len(rows) + len(left_out))


def assumed_preprocessing(scan: Scan, recipe: Recipe) -> Preprocessing:
    """The preprocessing of a training: the size asked for, else a common one."""
    rows = scan.statistics[scan.readable]
    shorter = np.minimum(rows["height"], rows["width"])
    side = min(DEFAULT_PX, int(np.median(shorter)) if len(rows) else DEFAULT_PX)
    height, width = recipe.input_sides or (side, side)
    channels = 3 if (rows["channels"] == 3).any() else 1
    return Preprocessing(
        height=height,
        width=width,
        channels=channels,
        fit=recipe.fit or "crop",
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        value_range=recipe.value_range,
    )
