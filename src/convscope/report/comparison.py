"""The page that compares classifiers on the same images, or recipes by several trainings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convscope import __version__
from convscope.evaluation.compared import (
    ClassifierPair,
    Comparison,
    Disagreement,
    RecipeComparison,
)
from convscope.evaluation.intervals import Estimate
from convscope.figures.comparison import ComparisonLabels, IntervalRow, draw_differences
from convscope.figures.run_curves import RunCurve, RunCurvesLabels, draw_run_curves
from convscope.figures.style import as_svg
from convscope.report.page import Pictures, isolated, percent, render
from convscope.report.translations import translations_of
from convscope.run import Run

PICTURES_BYTES = 4_000_000
IMAGES_OF_EACH = 12  # that only one of a pair gets right
PAIRS_PICTURED = 6
RUNS_DRAWN = 12


def classifiers_page(found: Comparison, *, command: str, language: str = "en") -> str:
    """The page that compares classifiers as one HTML document, below 5 MB.

    Raises:
        UsageError: There is no such page in this language.
    """
    translations = translations_of("comparison", language)
    index_of = _indices(found)
    pictures = Pictures(
        found.image_index.dataset.images,
        found.image_index.decoding,
        room_bytes=PICTURES_BYTES,
    )
    rows = [
        IntervalRow(f"{pair.second} – {pair.first}", *_flat(pair.difference.accuracy))
        for pair in found.pairs
    ]
    runs = [run for run in found.runs if run is not None]
    names = [each.name for each in found.classifiers]
    return render(
        "comparison",
        language=language,
        names=names,
        text=translations["text"],
        compared={"count": f"{found.num_images:,}", "images": found.images},
        header=translations["columns"].values(),
        rows=[
            [
                each.name,
                percent(each.accuracy.value),
                _interval(each.accuracy, translations),
                f"{each.log_loss:.4f}",
                f"{each.num_parameters:,}",
                f"{each.macs:,}",
                f"{each.images_per_second:,.0f}",
            ]
            for each in found.classifiers
        ],
        table_text=translations["not_recipes"],
        differences=_differences(rows, translations),
        pairs=[_pair_row(pair, translations) for pair in found.pairs],
        conclusions=[_conclusion(pair, translations) for pair in found.pairs],
        curves=_curves(
            [(name, run) for name, run in zip(names, found.runs, strict=True) if run], translations
        ),
        no_curves=translations["no_curves"] if len(runs) < len(found.runs) else "",
        disagreements=[
            _disagreements(pair, pictures, index_of, translations)
            for pair in found.pairs[:PAIRS_PICTURED]
            if pair.disagreements
        ],
        command=command,
        version=__version__,
    )


def recipes_page(found: RecipeComparison, *, command: str, language: str = "en") -> str:
    """The page that compares recipes as one HTML document.

    Raises:
        UsageError: There is no such page in this language.
    """
    translations = translations_of("comparison", language)
    names = [runs[0] for runs, _ in found.recipes]
    pairs = [(names[first], names[second], estimate) for first, second, estimate in found.pairs]
    rows = [IntervalRow(f"{second} – {first}", *_flat(each)) for first, second, each in pairs]
    return render(
        "comparison",
        language=language,
        names=names,
        text=translations["recipes_text"],
        compared=None,
        header=translations["recipe_columns"].values(),
        rows=[
            [
                runs[0],
                translations["folds" if each.are_folds else "seeds"].format(count=len(runs)),
                percent(each.accuracy.value),
                _interval(each.accuracy, translations),
                _range(min(each.accuracies), max(each.accuracies), translations),
            ]
            for runs, each in found.recipes
        ],
        table_text="",
        differences=_differences(rows, translations),
        pairs=[
            [first, second, _points(estimate.value), _points_interval(estimate, translations)]
            for first, second, estimate in pairs
        ],
        conclusions=[_recipe_conclusion(*pair, translations) for pair in pairs],
        curves=_curves([(run.path.name, run) for runs in found.runs for run in runs], translations),
        no_curves="",
        disagreements=[],
        command=command,
        version=__version__,
    )


def _flat(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.interval.low, estimate.interval.high


def _interval(estimate: Estimate, translations: Mapping[str, Any]) -> str:
    return _range(estimate.interval.low, estimate.interval.high, translations)


def _range(low: float, high: float, translations: Mapping[str, Any]) -> str:
    return str(translations["range"].format(low=percent(low), high=percent(high)))


def _points(share: float) -> str:
    """A difference in percentage points."""
    return f"{100 * share:+.2f}".replace("-", "\N{MINUS SIGN}")


def _points_interval(estimate: Estimate, translations: Mapping[str, Any]) -> str:
    _, low, high = _flat(estimate)
    return str(translations["range"].format(low=_points(low), high=_points(high)))


def _pair_row(pair: ClassifierPair, translations: Mapping[str, Any]) -> list[str]:
    found = pair.difference
    return [
        pair.first,
        pair.second,
        _points(found.accuracy.value),
        _points_interval(found.accuracy, translations),
        f"{found.p_value:.2g}",
        f"{found.only_first:,}",
        f"{found.only_second:,}",
    ]


def _conclusion(pair: ClassifierPair, translations: Mapping[str, Any]) -> str:
    texts = translations["conclusions"]
    if pair.better is None or pair.worse is None:
        names = {"first": isolated(pair.first), "second": isolated(pair.second)}
        return str(texts["neither"].format(**names))
    names = {"better": isolated(pair.better), "worse": isolated(pair.worse)}
    return str(texts["better"].format(**names))


def _recipe_conclusion(
    first: str, second: str, estimate: Estimate, translations: Mapping[str, Any]
) -> str:
    texts, (_, low, high) = translations["conclusions"], _flat(estimate)
    if low <= 0 <= high:
        return str(texts["neither_recipe"].format(first=isolated(first), second=isolated(second)))
    better, worse = (second, first) if low > 0 else (first, second)
    return str(texts["better_recipe"].format(better=isolated(better), worse=isolated(worse)))


def _differences(rows: Sequence[IntervalRow], translations: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    labels = ComparisonLabels(**translations["difference_labels"])
    return as_svg(draw_differences(rows, labels=labels))


def _curves(runs: Sequence[tuple[str, Run]], translations: Mapping[str, Any]) -> dict[str, str]:
    """Accuracy and loss of all runs that have a history, by the title of the figure."""
    histories = [(name, run, run.history) for name, run in runs[:RUNS_DRAWN]]
    histories = [each for each in histories if each[2]]
    if not histories:
        return {}

    def column(history: list[dict[str, float]], name: str) -> list[float]:
        return [row.get(name, math.nan) for row in history]

    texts, figures = translations["curves"], {}
    for kind in ("accuracy", "loss"):
        curves = [
            RunCurve(
                name,
                column(history, f"validation_{kind}"),
                column(history, "train_loss") if kind == "loss" else (),
                run.best_epoch,
            )
            for name, run, history in histories
        ]
        labels = RunCurvesLabels(
            label=texts[kind], y=texts[kind], **{k: texts[k] for k in ("x", "train", "best")}
        )
        drawn = draw_run_curves(curves, labels=labels, is_share=kind == "accuracy")
        figures[texts[kind]] = as_svg(drawn)
    return figures


def _indices(found: Comparison) -> dict[str, int]:
    """The index of each image that is named, by its name."""
    wanted = {each.name for pair in found.pairs for each in pair.disagreements}
    images = found.image_index.dataset.images
    names = ((images.name(index), index) for index in range(len(images))) if wanted else ()
    return {name: index for name, index in names if name in wanted}


def _disagreements(
    pair: ClassifierPair,
    pictures: Pictures,
    index_of: Mapping[str, int],
    translations: Mapping[str, Any],
) -> dict[str, Any]:
    """The images that only the first, and only the second gets right."""
    sides = (
        (pair.first, pair.second, pair.difference.only_first, True),
        (pair.second, pair.first, pair.difference.only_second, False),
    )
    return {
        "sides": [
            {
                "title": translations["only"].format(
                    name=isolated(name), other=isolated(other), count=f"{total:,}"
                ),
                "images": list(_pictured(chosen, pictures, index_of, is_first=is_first)),
                "shown": translations["shown_of"].format(
                    shown=len(chosen[:IMAGES_OF_EACH]), count=f"{total:,}"
                )
                if total > len(chosen[:IMAGES_OF_EACH])
                else "",
                "other": other,
            }
            for name, other, total, is_first in sides
            if (chosen := _of_side(pair, is_first=is_first))
        ],
    }


def _of_side(pair: ClassifierPair, *, is_first: bool) -> list[Disagreement]:
    """The images that only one side gets right."""
    return [
        each
        for each in pair.disagreements
        if (each.first if is_first else each.second) == each.label
    ]


def _pictured(
    chosen: Sequence[Disagreement],
    pictures: Pictures,
    index_of: Mapping[str, int],
    *,
    is_first: bool,
) -> Iterator[dict[str, Any]]:
    for each in chosen[:IMAGES_OF_EACH]:
        yield {
            "name": each.name,
            "label": each.label,
            "wrong": each.second if is_first else each.first,
            "picture": pictures.of(index_of[each.name]),
        }
