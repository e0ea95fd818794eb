"""What results of verbs show of themselves in a notebook; what they are made of is in `report`.

An object asks for its view by `short_repr.Shown`, which finds this module by its name: what draws
knows what is drawn, and not the other way round.
"""

from __future__ import annotations

import numpy as np
from markupsafe import escape

from convscope.api.calibrate import CalibrationResult
from convscope.api.check import Checked
from convscope.data.image_files import image_grid
from convscope.evaluation.compared import Comparison, RecipeComparison
from convscope.evaluation.intervals import Estimate
from convscope.figures.comparison import IntervalRow, draw_differences
from convscope.figures.feature_maps import striped
from convscope.inspection.feature_maps.layer_views import Inspection, LayerView
from convscope.report.inspection import layer_row
from convscope.report.notebook import facts, figure, heading, html_of, picture, table
from convscope.report.translations import translations_of
from convscope.training.autotune.learning_rate_finder import LearningRateSearch

PATCH_PX = 72


@html_of.register
def _(shown: Checked) -> str:
    audit = shown.audit
    rows = [[found.severity, found.title, found.count_text] for found in audit.findings]
    found = table(["", "finding", "images"], rows) if rows else ""
    known = [("images", f"{audit.counts_text}{audit.splits_text}")]
    return f"{heading(audit.name)}{facts(known)}<p>{escape(audit.verdict)}</p>{found}"


@html_of.register
def _(shown: Comparison) -> str:
    rows = [
        [
            each.name,
            _percent(each.accuracy),
            f"{each.log_loss:.4f}",
            f"{each.num_parameters:,}",
            f"{each.macs:,}",
            f"{each.images_per_second:,.0f}",
        ]
        for each in shown.classifiers
    ]
    titles = ["classifier", "accuracy", "log loss", "parameters", "MACs", "images/s"]
    differences = [
        _interval_row(pair.first, pair.second, pair.difference.accuracy) for pair in shown.pairs
    ]
    conclusions = "".join(f"<p>{escape(pair.conclusion)}</p>" for pair in shown.pairs)
    drawn = figure(draw_differences(differences))
    return heading(shown.images) + table(titles, rows) + conclusions + drawn


@html_of.register
def _(shown: RecipeComparison) -> str:
    rows = [
        [runs[0], f"{len(runs)}", _percent(repeated.accuracy)] for runs, repeated in shown.recipes
    ]
    names = [runs[0] for runs, _ in shown.recipes]
    differences = [
        _interval_row(names[first], names[second], estimate)
        for first, second, estimate in shown.pairs
    ]
    drawn = figure(draw_differences(differences)) if differences else ""
    return table(["recipe", "runs", "accuracy"], rows) + drawn


@html_of.register
def _(shown: CalibrationResult) -> str:
    fitted = "1: too few images to fit another"
    if shown.fit is not None:
        fitted = f"{shown.fit.temperature:.3g}"
    known = [("images", shown.images), ("temperature", fitted)]
    if shown.threshold is not None:
        known.append(("threshold", f"{shown.threshold.min_confidence:.4f}"))
    return heading("calibration") + facts(known)


@html_of.register
def _(shown: LearningRateSearch) -> str:
    known = [("learning rate", f"{shown.rate:.3g}")]
    reason = f"<p>{escape(shown.choice.reason)}</p>"
    return heading(shown.title) + facts(known) + reason + figure(shown.draw())


@html_of.register
def _(shown: Inspection) -> str:
    words = translations_of("inspection", "en")
    titles = [words["layer"], words["type"], *words["columns"].values()]
    rows = table(titles, [layer_row(view, words) for view in shown.views])
    patches = "".join(_strongest_patches(view, shown) for view in shown.views if view.patches)
    return heading(shown.images) + rows + patches


def _strongest_patches(view: LayerView, inspection: Inspection) -> str:
    """The patches of a layer, one row for each channel, folded away until they are asked for."""
    rows = []
    for channel, patches in view.patches.items():
        rows.append(f"<p>channel {channel}{'' if patches else ': nowhere above 0'}</p>")
        if patches:
            names = inspection.labels
            labels = [names[each.image] for each in patches] if names else None
            pixels = [striped(each.pixels, each.is_padding) for each in patches]
            grid = image_grid(pixels, labels, columns=len(pixels), cell_px=PATCH_PX)
            rows.append(picture(np.asarray(grid), f"channel {channel}"))
    return (
        f"<details><summary>strongest patches of <code>{escape(view.layer)}</code></summary>"
        f"{''.join(rows)}</details>"
    )


def _percent(estimate: Estimate) -> str:
    interval = estimate.interval
    return f"{estimate.value:.2%} ({interval.low:.2%} to {interval.high:.2%})"


def _interval_row(first: str, second: str, difference: Estimate) -> IntervalRow:
    interval = difference.interval
    return IntervalRow(f"{second} – {first}", difference.value, interval.low, interval.high)
