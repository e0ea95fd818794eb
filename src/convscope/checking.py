"""Check: open a data set, look at every image, judge, and write the page and the list."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from convscope.cache import Cache
from convscope.data.audit.audit import audit_dataset
from convscope.data.audit.exclusions import exclusion_rows, write_exclusions
from convscope.data.audit.findings import Examined
from convscope.data.audit.result import Audit
from convscope.data.catalogue import open_catalogue
from convscope.data.dataset import Dataset
from convscope.data.decode import USUAL, Decoding
from convscope.data.preprocessing import Fit, Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.data.survey import Survey, survey_images
from convscope.files import write_text
from convscope.progress import SILENT, Reporter
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


@dataclass(frozen=True, slots=True, kw_only=True)
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

    def write(
        self, folder: str | Path, *, command: str | None = None, called: str | None = None
    ) -> Written:
        """Writes the page and the list of images to leave out.

        Args:
            folder: Where to; is made if it isn't there.
            command: What the page says repeats the check.
            called: What the page calls the data in commands; None for its name.

        Raises:
            RunError: The folder can't be written to.
        """
        place, data = Path(folder), called or self.audit.name
        exclude_command = ""
        if any(row.answer == "yes" for row in exclusion_rows(self.audit.findings)):
            words = ["convscope", "train", data, "--exclude", str(place / LIST)]
            exclude_command = shlex.join(words)
        page = check_page(
            self.audit,
            self.examined,
            preprocessing=self.preprocessing,
            decoding=self.decoding,
            command=command or shlex.join(["convscope", "check", data]),
            exclude_command=exclude_command,
        )
        write_text(place / PAGE, page)
        kept = write_exclusions(place / LIST, self.audit.findings)
        return Written(place / PAGE, place / LIST, kept)


def check(
    data: str | Path | Dataset,
    *,
    fit: Fit = "crop",
    img_size: int | None = None,
    judge_labels: bool = True,
    decoding: Decoding = USUAL,
    cache: Cache | None = None,
    reporter: Reporter = SILENT,
) -> Checked:
    """Looks for what is wrong with a data set.

    Args:
        data: A data set, or where one is: see `open_dataset`.
        fit: How images will be brought to the network's input: what is cut off depends on it.
        img_size: Side of that input in pixels; None for 224, or less where images are smaller.
        judge_labels: Whether to look for wrong labels, which takes the longest.
        decoding: How images are decoded.
        cache: Where is remembered what images are like; None for nowhere.
        reporter: Shows progress.

    Raises:
        DataError: The data can't be opened.
    """
    dataset = data if isinstance(data, Dataset) else open_dataset(data)
    started = time.perf_counter()
    with (
        open_catalogue(cache.folder if cache else None) as catalogue,
        reporter.task("looking at images", len(dataset)) as task,
    ):
        survey = survey_images(dataset, decoding, catalogue=catalogue, on_progress=task.advance)
    preprocessing = assumed_preprocessing(survey, fit=fit, img_size=img_size)
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


def assumed_preprocessing(survey: Survey, *, fit: Fit, img_size: int | None) -> Preprocessing:
    """What images will be brought to: the size asked for, else a usual one."""
    rows = survey.facts[survey.readable]
    shorter = np.minimum(rows["height"], rows["width"])
    size = img_size or min(USUAL_PX, int(np.median(shorter)) if len(rows) else USUAL_PX)
    channels = 3 if (rows["channels"] == 3).any() else 1
    return Preprocessing(
        height=size,
        width=size,
        channels=channels,
        fit=fit,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
    )
