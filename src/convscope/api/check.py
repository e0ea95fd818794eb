"""Check: opens a data set, scans every image, audits it, and writes the page and the list."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convscope.api.arguments import checked
from convscope.api.destination import output_folder
from convscope.api.load import READ_FROM
from convscope.audit.audit import audit_dataset
from convscope.audit.findings import Examined
from convscope.audit.result import Audit, exclusion_rows, write_exclusions
from convscope.cache import open_cache
from convscope.data.dataset import Dataset
from convscope.data.decoding.content import Decoding
from convscope.data.index.metadata_cache import open_metadata_cache
from convscope.data.index.scan import Scan, scan_images
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.reading import decoding_of, open_data
from convscope.files import write_text
from convscope.paths import EXCLUSIONS_FILE, REPORT_FILE
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.recipe import DECODING_FIELDS, Recipe
from convscope.report.check import check_page
from convscope.short_repr import LONGEST_SENTENCE, LONGEST_TEXT, Shown
from convscope.text import one_line

DEFAULT_PX = 224  # assumed input size where none is given and the images are not smaller
PREPROCESSING = ("value_range", "img_size", "fit")  # fields of a recipe


class CheckFiles(NamedTuple):
    """The files that a check wrote.

    Attributes:
        page: The HTML page.
        exclusions: The list of images, with `yes` where a training should leave one out.
        kept: Where an older list went, which someone may have edited; None if there was none.
    """

    page: Path
    exclusions: Path
    kept: Path | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Checked(Shown):
    """A data set that was checked.

    Attributes:
        audit: What was found.
        examined: The data set with its scan.
        preprocessing: The assumed preprocessing.
        decoding: How images were decoded.
    """

    audit: Audit
    examined: Examined
    preprocessing: Preprocessing
    decoding: Decoding

    def __repr__(self) -> str:
        name = one_line(self.audit.name, at_most=LONGEST_TEXT)
        text = f"{name}: {self.audit.counts_text}. {self.audit.verdict}"
        return f"Checked({one_line(text, at_most=LONGEST_SENTENCE)})"

    def write(
        self, output: str | Path, *, command: str | None = None, train_command: str | None = None
    ) -> CheckFiles:
        """Writes the page and the list of images to leave out.

        Args:
            output: Folder where the files go; made if it isn't there.
            command: The command that repeats the check, for the page.
            train_command: The command that trains on the data as it was read here.

        Raises:
            RunError: The folder can't be written to.
        """
        folder = output_folder(output)
        exclude_command = ""
        if any(row.answer == "yes" for row in exclusion_rows(self.audit.findings)):
            trains = train_command or shlex.join(["convscope", "train", self.audit.name])
            exclude_command = f"{trains} --exclude {shlex.quote(str(folder / EXCLUSIONS_FILE))}"
        page = check_page(
            self.audit,
            self.examined,
            preprocessing=self.preprocessing,
            decoding=self.decoding,
            command=command or shlex.join(["convscope", "check", self.audit.name]),
            exclude_command=exclude_command,
        )
        write_text(folder / REPORT_FILE, page)
        kept = write_exclusions(folder / EXCLUSIONS_FILE, self.audit.findings)
        return CheckFiles(folder / REPORT_FILE, folder / EXCLUSIONS_FILE, kept)


@checked(names=(*READ_FROM, *DECODING_FIELDS, *PREPROCESSING))
def check(
    data: str | Path | Dataset,
    *,
    workers: int | None = None,
    download: bool = False,
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    **reading: Any,
) -> Checked:
    """Checks a data set for what may be wrong with it.

    Wrong labels are not looked for: the report of a trained run lists the labels that its network
    contradicts.

    Args:
        data: A data set, or its path: see `open_dataset`.
        workers: Number of threads that decode images; None for one per core.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        output: Folder for the page and the list of images to leave out; None to write nothing.
        reporter: Shows progress.
        reading: Fields of `Recipe` that say how data is read and preprocessed; `img_size` is else
            224, or less where images are smaller.

    Raises:
        DataError: The data can't be opened.
        UsageError: A field of `reading` doesn't exist or has a value that can't be.
    """
    place = None if output is None else output_folder(output)
    given = {name: value for name, value in reading.items() if value is not None}
    name = (data.name or "-") if isinstance(data, Dataset) else str(data)
    recipe = Recipe.parse({"data": name, **given})
    decoding = decoding_of(recipe)
    dataset = data if isinstance(data, Dataset) else open_data(recipe, download=download)
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
    preprocessing = assumed_preprocessing(scan, recipe)
    examined = Examined(dataset, scan)
    audit = audit_dataset(
        examined,
        preprocessing=preprocessing,
        decoding=decoding,
        seconds_reading=time.perf_counter() - started,
    )
    found = Checked(audit=audit, examined=examined, preprocessing=preprocessing, decoding=decoding)
    if place is not None:
        found.write(place)
    return found


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
