"""Explain predictions, and write the explanations as pages and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, overload

from convscope.api.arguments import checked
from convscope.api.destination import OutputOptions, output_folder, taken_language
from convscope.api.load import load_with_run
from convscope.classifier import Classifier, ImageLike
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.errors import DataError
from convscope.figures.attribution import draw_attributions
from convscope.figures.style import save_figure
from convscope.files import mark_output, write_text
from convscope.inspection.explained_image import (
    Explainer,
    Explanation,
    Question,
    ValuePosition,
    parse_position,
)
from convscope.languages import language_of
from convscope.paths import command_line, short_path
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.report.explanation import (
    IndexEntry,
    explanation_page,
    explanation_panels,
    index_entry,
    index_page,
)
from convscope.run import Run

INDEX = "index.html"
JUDGED = ("target", "against", "value")  # fields of `Question` that take more than their type


class JudgedOptions(TypedDict, total=False):
    """Fields of `Question` in forms that people write.

    Attributes:
        value: The value whose arithmetic is traced, as `LAYER:CHANNEL,ROW,COLUMN` or a
            `ValuePosition`; None for none.
    """

    value: ValuePosition | str | None


@checked(JudgedOptions, Question, names=JUDGED)
def explain_each(
    classifier: Classifier | Run | str | Path,
    images: Sequence[ImageLike],
    *,
    decoding: Decoding = DEFAULT_DECODING,
    device: str = "auto",
    reporter: Reporter = DEFAULT_REPORTER,
    unreadable: list[str] | None = None,
    **asked: Any,
) -> Iterator[Explanation]:
    """Explanations of a classifier's predictions for images, one after the other.

    See `explain` for what it raises.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        images: What `Classifier.predict` takes.
        decoding: How images are decoded.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        reporter: Shows progress.
        unreadable: A list to which the reasons why images can't be read are added; such images are
            then skipped. Without it the first one is an error.
        asked: Fields of `Question`.
    """
    if isinstance(asked.get("value"), str):
        asked["value"] = parse_position(asked["value"])
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
            task.hide()
            yield found


@overload
def explain(
    classifier: Classifier | Run | str | Path,
    images: ImageLike,
    *,
    decoding: Decoding = DEFAULT_DECODING,
    device: str = "auto",
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    unreadable: list[str] | None = None,
    **asked: Any,
) -> Explanation: ...


@overload
def explain(
    classifier: Classifier | Run | str | Path,
    images: list[ImageLike] | tuple[ImageLike, ...],
    *,
    decoding: Decoding = DEFAULT_DECODING,
    device: str = "auto",
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    unreadable: list[str] | None = None,
    **asked: Any,
) -> list[Explanation]: ...


@checked(JudgedOptions, Question, OutputOptions, names=JUDGED)
def explain(
    classifier: Classifier | Run | str | Path,
    images: ImageLike | list[ImageLike] | tuple[ImageLike, ...],
    *,
    decoding: Decoding = DEFAULT_DECODING,
    device: str = "auto",
    output: str | Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
    unreadable: list[str] | None = None,
    **asked: Any,
) -> Explanation | list[Explanation]:
    """The explanation of a classifier's prediction for an image, or for each of several.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        images: What `Classifier.predict` takes: one, or a list of them.
        decoding: How images are decoded.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        output: Folder for pages and pictures; None to write nothing.
        reporter: Shows progress.
        unreadable: A list to which the reasons why some of several images can't be read are added;
            such images are then skipped. Without it the first one is an error.
        asked: What is asked, and the language of the pages, see Options. `draws=0` leaves out the
            comparison with random maps, which takes most of the time.

    Raises:
        DataError: An image can't be read.
        RunError: There is no classifier.
        UsageError: There is no such class, method, layer or value.
        NetworkError: No gradient can be computed through the network.
    """
    several: Sequence[ImageLike] = images if isinstance(images, list | tuple) else [images]
    language = taken_language(asked)
    place = None if output is None else output_folder(output)
    loaded = load_with_run(classifier, device=device)
    found = list(
        explain_each(
            loaded.classifier,
            several,
            decoding=decoding,
            reporter=reporter,
            unreadable=unreadable if several is images else None,
            **asked,
        )
    )
    if place is not None and found:
        name = short_path(loaded.run.path) if loaded.run else loaded.name
        folder = ExplanationFolder(
            place, classifier=loaded.classifier, name=name, language=language
        )
        for each in found:
            folder.add(each)
        folder.finish()
    return found if several is images else found[0]


class WrittenExplanations(NamedTuple):
    """The files of written explanations.

    Attributes:
        pages: One HTML page for each image.
        pictures: One PNG for each image.
        overview: The page that links to them; None for one image.
    """

    pages: tuple[Path, ...]
    pictures: tuple[Path, ...]
    overview: Path | None


class ExplanationFolder:
    """A folder to which the pages and pictures of explanations are written one by one.

    Args:
        folder: The folder; it is created if it doesn't exist.
        classifier: The classifier that is explained.
        name: Name of the classifier on the pages.
        language: Language of the pages: `en` or `zh`.
        command: The command that makes the pages again; None for a default one.
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
        self._folder, self._classifier, self._name = output_folder(folder), classifier, name
        self._language, self._command = language_of(language), command
        self._entries: list[IndexEntry] = []
        self._pictures: list[Path] = []
        self._taken = {Path(INDEX).stem}

    def add(self, explanation: Explanation) -> None:
        """Writes the page and the picture of one image.

        Raises:
            RunError: The folder can't be written to.
            UsageError: There is no translation for this language.
        """
        mark_output(self._folder)
        stem = self._free_name(explanation.image)
        again = self._command or command_line("convscope", "explain", self._name, explanation.image)
        page = explanation_page(
            explanation, self._classifier, name=self._name, command=again, language=self._language
        )
        write_text(self._folder / f"{stem}.html", page)
        panels = explanation_panels(explanation)
        label = f"{panels[0].title}: {explanation.prediction.label}"
        picture = self._folder / f"{stem}.png"
        save_figure(draw_attributions(explanation.pixels, panels, label=label), picture)
        self._entries.append(index_entry(explanation, f"{stem}.html"))
        self._pictures.append(picture)

    def finish(self) -> WrittenExplanations:
        """Writes the page that links to the others, if there are several.

        Raises:
            RunError: The folder can't be written to.
        """
        overview = None
        if len(self._entries) > 1:
            overview = self._folder / INDEX
            page = index_page(self._entries, name=self._name, language=self._language)
            write_text(overview, page)
        pages = tuple(self._folder / entry.page for entry in self._entries)
        return WrittenExplanations(pages, tuple(self._pictures), overview)

    def _free_name(self, image: str) -> str:
        """The stem of the image's file name, with a number if another image has it."""
        stem = Path(image).stem or "image"
        name, number = stem, 1
        while name.lower() in self._taken:  # some systems don't tell large letters from small
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.lower())
        return name


class ExplainedFiles(NamedTuple):
    """The outcome of explaining image files.

    Attributes:
        num_explained: Number of images that were explained.
        written: The files that were written; None if there are none.
        unreadable: The reasons why other images can't be read.
    """

    num_explained: int
    written: WrittenExplanations | None
    unreadable: tuple[str, ...]


def explain_files(
    classifier: Classifier | Run | str | Path,
    images: Sequence[str],
    *,
    on_explained: Callable[[Explanation], None],
    output: str | Path | None,
    name: str,
    language: str = "en",
    command: str | None = None,
    **options: Any,
) -> ExplainedFiles:
    """Explains image files one after the other, and writes each explanation at once.

    Args:
        classifier: A run, its folder, a classifier folder, or a classifier.
        images: Paths of the images; those that can't be read are skipped.
        on_explained: Called with each explanation, once it is written.
        output: Folder for pages and pictures; None to write nothing.
        name: Name of the classifier on the pages.
        language: Language of the pages: `en` or `zh`.
        command: The command that makes the pages again; None for a default one.
        options: Options of `explain`.

    Raises:
        RunError: There is no classifier, or the folder can't be written to.
        UsageError: There is no such class, method, layer, value or language.
        NetworkError: No gradient can be computed through the network.
    """
    loaded = load_with_run(classifier, device=options.pop("device", "auto")).classifier
    folder = None
    if output is not None:
        folder = ExplanationFolder(
            output, classifier=loaded, name=name, language=language, command=command
        )
    unreadable: list[str] = []
    num_explained = 0
    for explanation in explain_each(loaded, images, unreadable=unreadable, **options):
        num_explained += 1
        if folder is not None:
            folder.add(explanation)
        on_explained(explanation)
    written = folder.finish() if folder is not None and num_explained else None
    return ExplainedFiles(num_explained, written, tuple(unreadable))
