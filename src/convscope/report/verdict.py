"""Verdict: what an evaluation comes to, in one paragraph of a language's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from convscope.evaluation.evaluate import Evaluation
from convscope.evaluation.intervals import Estimate
from convscope.report.page import isolated, percent

FEW_IMAGES = 200  # with fewer, the interval of 90 % is wider than 8 points
SLICES_NAMED = 3
TELLING = 0.1  # a calibration error that chance alone explains; beyond, being below says little
ONE_SIDED = 0.7  # the share of the calibration error that has one sign


def verdict(evaluation: Evaluation, *, name: str, words: Mapping[str, Any]) -> str:
    """The paragraph.

    Args:
        evaluation: What was found.
        name: Of what was evaluated.
        words: Of the report, in one language.
    """
    gap = " " if words["verdict_perfect"].isascii() else ""  # Chinese sentences need none
    return gap.join(_sentences(evaluation, name, words))


def _sentences(evaluation: Evaluation, name: str, words: Mapping[str, Any]) -> Iterator[str]:
    metrics = evaluation.metrics
    seen = evaluation.part.num_seen
    kind = "unknown" if seen is None else "seen" if seen else "unseen"
    yield words[f"verdict_{kind}"].format(
        count=f"{metrics.num_images:,}",
        seen=f"{seen:,}" if seen else "",
        name=isolated(name),
        accuracy=percent(metrics.accuracy.value),
        low=percent(metrics.accuracy.interval.low),
        high=percent(metrics.accuracy.interval.high),
    )
    if metrics.num_images < FEW_IMAGES:
        yield words["verdict_few"]
    support = metrics.confusion.sum(axis=1)
    majority = int(support.argmax())
    yield words["verdict_baseline"].format(
        majority=isolated(metrics.classes[majority].name),
        share=percent(float(support[majority] / metrics.num_images)),
    )
    if not evaluation.mistakes.pairs:
        yield words["verdict_perfect"]
    else:
        pair = evaluation.mistakes.pairs[0]
        yield words["verdict_pair"].format(
            label=isolated(pair.label),
            predicted=isolated(pair.predicted),
            count=f"{pair.num_images:,}",
            support=f"{round(pair.num_images / pair.share):,}",
        )
    yield _on_calibration(evaluation, words)
    worse = [each for each in evaluation.slices if each.is_worse]
    if worse:
        groups = [
            f"{isolated(words['properties'].get(each.grouped_by, each.grouped_by))} "
            f"{isolated(each.value)} ({percent(each.accuracy.value)})"
            for each in worse[:SLICES_NAMED]
        ]
        yield words["verdict_slices"].format(groups=", ".join(groups))


def _on_calibration(evaluation: Evaluation, words: Mapping[str, Any]) -> str:
    calibration = evaluation.metrics.calibration
    error = calibration.equal_width.value
    if error <= calibration.by_chance:
        is_told = calibration.by_chance <= TELLING
        return str(words["verdict_calibrated" if is_told else "verdict_calibration_untold"])
    gap = float(np.mean(evaluation.outputs.confidences - evaluation.outputs.is_correct))
    kind = "uneven"
    if abs(gap) > ONE_SIDED * error:
        kind = "overconfident" if gap > 0 else "underconfident"
    return str(words[f"verdict_{kind}"].format(error=percent(error)))


def estimate_texts(name: str, estimate: Estimate) -> tuple[str, str]:
    """A headline number and its interval, as they are written: shares in percent."""
    low, high = estimate.interval.low, estimate.interval.high
    if name in ("macro_f1", "log_loss", "brier"):
        return f"{estimate.value:.4f}", f"{low:.4f} – {high:.4f}"
    return percent(estimate.value), f"{percent(low)} – {percent(high)}"
