"""Check: open a data set, look at every image, judge, and write the page and the list."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convscope.cache import open_cache
from convscope.data.audit.audit import audit_dataset
from convscope.data.audit.exclusions import exclusion_rows, write_exclusions
from convscope.data.audit.findings import Examined
from convscope.data.audit.result import Audit
from convscope.data.catalogue import open_catalogue
from convscope.data.dataset import Dataset
from convscope.data.decode import Decoding
from convscope.data.preprocessing import Preprocessing
from convscope.data.reading import decoding_of, open_data
from convscope.data.survey import Survey, survey_images
from convscope.files import write_text
from convscope.progress import SILENT, Reporter
from convscope.recipe import Recipe
from convscope.report.check import check_page

USUAL_PX = 224  # input size that is assumed where none is given and the images are not smaller
PAGE = "report.html"
LIST = "exclude.csv"


class Written(NamedTuple):
    """What a check wrote.

    Attributes:
        page: The HTML page.
        exclusions: The list of images, with `yes` where a training should leave one out.
        kept: Where an older list went, which someone may have edited; None if there was none.
    """

    page: Path
    exclusions: Path
    kept: Path | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Checked:
    """A data set that was looked at.

    Attributes:
        audit: What was found.
        examined: The data, and what its images are like.
        preprocessing: What was assumed of the network's input.
        decoding: How images were decoded.
    """

    audit: Audit
    examined: Examined
    preprocessing: Preprocessing
    decoding: Decoding

    def __repr__(self) -> str:
        return f"Checked({self.audit.name}: {self.audit.counts_in_words}. {self.audit.verdict})"

    def write(
        self, folder: str | Path, *, command: str | None = None, train_command: str | None = None
    ) -> Written:
        """Writes the page and the list of images to leave out.

        Args:
            folder: Where to; is made if it isn't there.
            command: What the page says repeats the check.
            train_command: What trains on the data as it was read here.

        Raises:
            RunError: The folder can't be written to.
        """
        place = Path(folder)
        exclude_command = ""
        if any(row.answer == "yes" for row in exclusion_rows(self.audit.findings)):
            trains = train_command or shlex.join(["convscope", "train", self.audit.name])
            exclude_command = f"{trains} --exclude {shlex.quote(str(place / LIST))}"
        page = check_page(
            self.audit,
            self.examined,
            preprocessing=self.preprocessing,
            decoding=self.decoding,
            command=command or shlex.join(["convscope", "check", self.audit.name]),
            exclude_command=exclude_command,
        )
        write_text(place / PAGE, page)
        kept = write_exclusions(place / LIST, self.audit.findings)
        return Written(place / PAGE, place / LIST, kept)


def check(
    data: str | Path | Dataset,
    *,
    judge_labels: bool = True,
    workers: int | None = None,
    download: bool = False,
    reporter: Reporter = SILENT,
    **reading: Any,
) -> Checked:
    """Looks for what is wrong with a data set.

    Args:
        data: A data set, or where one is: see `open_dataset`.
        judge_labels: Whether to look for wrong labels, which takes the longest.
        workers: Threads that decode images; None for one a core.
        download: Whether `data` may name a data set that is fetched (`mnist`, `cifar10`).
        reporter: Shows progress.
        reading: Fields of `Recipe` that say how data is read and what it is brought to:
            `path_column`, `group`, `max_pixels`, `fit`, `img_size` (else 224, or less where images
            are smaller) and so on.

    Raises:
        DataError: The data can't be opened.
        UsageError: A field of `reading` doesn't exist or has a value that can't be.
    """
    given = {name: value for name, value in reading.items() if value is not None}
    name = data.name if isinstance(data, Dataset) else str(data)
    recipe = Recipe.parse({"data": name, **given})
    decoding = decoding_of(recipe)
    dataset = data if isinstance(data, Dataset) else open_data(recipe, download=download)
    started = time.perf_counter()
    with (
        open_catalogue(open_cache()) as catalogue,
        reporter.task("looking at images", len(dataset)) as task,
    ):
        survey = survey_images(
            dataset,
            decoding,
            catalogue=catalogue,
            workers=workers,
            on_progress=task.advance,
        )
    preprocessing = assumed_preprocessing(survey, recipe)
    examined = Examined(dataset, survey)
    audit = audit_dataset(
        examined,
        preprocessing=preprocessing,
        decoding=decoding,
        judge_labels=judge_labels,
        seconds_reading=time.perf_counter() - started,
        reporter=reporter,
    )
    return Checked(audit=audit, examined=examined, preprocessing=preprocessing, decoding=decoding)


def assumed_preprocessing(survey: Survey, recipe: Recipe) -> Preprocessing:
    """What images will be brought to: the size asked for, else a usual one."""
    rows = survey.facts[survey.readable]
    shorter = np.minimum(rows["height"], rows["width"])
    side = min(USUAL_PX, int(np.median(shorter)) if len(rows) else USUAL_PX)
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
