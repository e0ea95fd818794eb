"""Explain images, and write pictures and pages of what was found."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, overload

from convscope.classifier import Classifier, ImageLike
from convscope.data.decode import USUAL, Decoding
from convscope.errors import DataError, UsageError, either_of
from convscope.figures.attribution import draw_attributions
from convscope.figures.style import save_figure
from convscope.files import write_text
from convscope.inspection.explained_image import Explainer, Explanation, Question, place_of
from convscope.progress import SILENT, Reporter
from convscope.report.explanation import (
    Entry,
    entry_of,
    explanation_page,
    explanation_panels,
    index_page,
)
from convscope.run import Run
from convscope.workflows.using import load_with_run

INDEX = "index.html"


def explain_each(
    classifier: Classifier | Run | str | Path,
    images: Sequence[ImageLike],
    *,
    decoding: Decoding = USUAL,
    device: str = "auto",
    reporter: Reporter = SILENT,
    unreadable: list[str] | None = None,
    **asked: Any,
) -> Iterator[Explanation]:
    """Why a classifier says what it says about each image, one after the other.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        images: What `Classifier.predict` takes.
        decoding: How images are decoded.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        unreadable: Gets the reasons why images can't be read, which are then passed over; without
            it the first one is an error.
        asked: Fields of `Question`; see `explain`.

    Raises:
        DataError: An image can't be read.
        RunError: There is no classifier.
        UsageError: There is no such class, method, layer or value.
        NetworkError: No gradient can be followed through the network.
    """
    unknown = sorted(set(asked) - {field.name for field in fields(Question)})
    if unknown:
        raise UsageError(
            f"{either_of(unknown)} can't be asked",
            hint=f"there are {either_of([field.name for field in fields(Question)])}",
        )
    if isinstance(asked.get("value"), str):
        asked["value"] = place_of(asked["value"])
    question = Question(**asked)
    loaded = load_with_run(classifier, device=device).classifier
    explainer = Explainer(loaded, question, decoding=decoding)
    steps = explainer.num_classified or 1
    with reporter.task("explaining", len(images) * steps, unit="steps") as task:
        for image in images:
            try:
                found = explainer.explain(image, on_progress=task.advance)
            except DataError as error:
                if unreadable is None:
                    raise
                unreadable.append(error.message)
                task.advance(steps)
                continue
            if not question.draws:
                task.advance()
            yield found


@overload
def explain(
    classifier: Classifier | Run | str | Path, images: ImageLike, **options: Any
) -> Explanation: ...


@overload
def explain(
    classifier: Classifier | Run | str | Path,
    images: list[ImageLike] | tuple[ImageLike, ...],
    **options: Any,
) -> list[Explanation]: ...


def explain(
    classifier: Classifier | Run | str | Path,
    images: ImageLike | list[ImageLike] | tuple[ImageLike, ...],
    **options: Any,
) -> Explanation | list[Explanation]:
    """Why a classifier says what it says about an image, or about each of several.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        images: What `Classifier.predict` takes: one, or a list of them.
        options: Those of `explain_each`, and fields of `Question`: `top`, `target`, `against`,
            `method`, `layer`, `value` (a `Place` or `LAYER:CHANNEL,ROW,COLUMN`), `slide`, `draws`,
            `steps`.
            `draws=0` leaves out the comparison with random maps, which takes most of the time.

    Raises:
        DataError: An image can't be read.
        RunError: There is no classifier.
        UsageError: There is no such class, method, layer or value.
        NetworkError: No gradient can be followed through the network.
    """
    if isinstance(images, list | tuple):
        return list(explain_each(classifier, images, **options))
    (found,) = explain_each(classifier, [images], **options)
    return found


class WrittenExplanations(NamedTuple):
    """What was written of explanations.

    Attributes:
        pages: One HTML page an image.
        pictures: One PNG an image.
        overview: The page that leads to them; None for one image.
    """

    pages: tuple[Path, ...]
    pictures: tuple[Path, ...]
    overview: Path | None


class ExplanationFolder:
    """A folder of pages and pictures that fills one explanation after the other.

    Args:
        folder: Is made if it isn't there.
        classifier: That the explanations are about.
        name: What the pages call it.
        language: Of the pages: `en` or `zh`.
        command: What the pages say makes them again; None for one that is made up.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        classifier: Classifier,
        name: str,
        language: str = "en",
        command: str | None = None,
    ) -> None:
        self._folder, self._classifier, self._name = Path(folder), classifier, name
        self._language, self._command = language, command
        self._entries: list[Entry] = []
        self._pictures: list[Path] = []
        self._taken = {Path(INDEX).stem}

    def add(self, explanation: Explanation) -> None:
        """Writes the page and the picture of one image.

        Raises:
            RunError: The folder can't be written to.
            UsageError: There are no words in this language.
        """
        stem = self._free_name(explanation.image)
        again = self._command or shlex.join(["convscope", "explain", self._name, explanation.image])
        page = explanation_page(
            explanation, self._classifier, name=self._name, command=again, language=self._language
        )
        write_text(self._folder / f"{stem}.html", page)
        panels = explanation_panels(explanation)
        label = f"{panels[0].title}: {explanation.prediction.label}"
        picture = self._folder / f"{stem}.png"
        save_figure(draw_attributions(explanation.pixels, panels, label=label), picture)
        self._entries.append(entry_of(explanation, f"{stem}.html"))
        self._pictures.append(picture)

    def finish(self) -> WrittenExplanations:
        """Writes the page that leads to the others, if there are several.

        Raises:
            RunError: The folder can't be written to.
            UsageError: There is nothing to lead to.
        """
        if not self._entries:
            raise UsageError("there are no explanations to write")
        overview = None
        if len(self._entries) > 1:
            overview = self._folder / INDEX
            page = index_page(self._entries, name=self._name, language=self._language)
            write_text(overview, page)
        pages = tuple(self._folder / entry.page for entry in self._entries)
        return WrittenExplanations(pages, tuple(self._pictures), overview)

    def _free_name(self, image: str) -> str:
        """The name of the image's file, with a number where another one has it."""
        stem = Path(image).stem or "image"
        name, number = stem, 1
        while name.lower() in self._taken:  # some systems don't tell large letters from small
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.lower())
        return name


def write_explanation(
    explanations: Explanation | Sequence[Explanation],
    folder: str | Path,
    *,
    classifier: Classifier | Run | str | Path,
    language: str = "en",
    device: str = "auto",
) -> WrittenExplanations:
    """Writes a picture and a page of each image, and a page that leads to several.

    Args:
        explanations: What `explain` gave.
        folder: Where to; is made if it isn't there.
        classifier: That they are about.
        language: Of the pages: `en` or `zh`.
        device: Where a classifier is loaded to.

    Raises:
        RunError: The folder can't be written to.
        UsageError: There are no words in this language, or there is nothing to write.
    """
    loaded = load_with_run(classifier, device=device)
    pages = ExplanationFolder(
        folder, classifier=loaded.classifier, name=loaded.name, language=language
    )
    for each in [explanations] if isinstance(explanations, Explanation) else explanations:
        pages.add(each)
    return pages.finish()
