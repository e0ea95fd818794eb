"""`convscope calibrate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.flags import evaluation_flags
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.paths import shell_word

if TYPE_CHECKING:
    from convscope.evaluation.calibration import Threshold


@click.command("calibrate", cls=Verb)
@click.argument("run")
@click.argument("data", required=False)
@click.option(
    "--target-error",
    type=float,
    metavar="ERROR",
    help="Choose a confidence threshold that keeps the error rate of accepted predictions below "
    "this, for instance 0.01. [default: no threshold]",
)
@click.option(
    "--split",
    metavar="train|val|test|all",
    help="Images to calibrate on. [default: val of the run's own data, else images that training "
    "never saw]",
)
@evaluation_flags
@click.option("--json", "as_json", is_flag=True, help="Print what was chosen as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(run: str, data: str | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Choose the temperature and the confidence threshold of RUN (a run or a classifier folder).

    They are saved with the classifier: its probabilities are scaled by the temperature, and
    predictions below the threshold are marked as unsure. Calibrate on images that no metric is
    reported on: without DATA these are the validation images of the training.
    """
    from convscope.api.calibrate import calibrate
    from convscope.progress import Reporter

    found = calibrate(run, data, reporter=Reporter(quiet=quiet), **options)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    say(f"calibrated on {found.images}")
    if found.fit is None:
        say("temperature 1: too few images to fit another")
    else:
        kept = "" if found.fit.temperature != 1 else ": no other is proven to be better"
        say(
            f"temperature {found.fit.temperature:.3f}: log loss {found.fit.log_loss_before:.4f} -> "
            f"{found.fit.log_loss_after:.4f} nats on these {found.fit.num_images:,} images{kept}"
        )
    say(_threshold_text(found.threshold))
    say(f"saved with the classifier; `convscope evaluate {shell_word(run)}` measures the effect")


def _threshold_text(threshold: Threshold | None) -> str:
    from convscope.evaluation.calibration import LEVELS

    text = "no threshold: all predictions are accepted"
    if threshold is None:
        return text
    if threshold.min_confidence:
        text = (
            f"threshold {threshold.min_confidence:.1%}: {threshold.coverage:.1%} of these images "
            "are accepted"
        )
        if threshold.coverage * LEVELS < 1.5:
            text += ", the fewest that are tried"
    return (
        f"{text}, error rate {threshold.error:.2%}; on new images of this kind below "
        f"{threshold.error_bound:.2%} with 95 % confidence"
    )
