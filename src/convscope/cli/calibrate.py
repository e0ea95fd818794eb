"""`convscope calibrate`."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.recipe_flags import reading_flags
from convscope.cli.report_flags import measuring_flags

if TYPE_CHECKING:
    from convscope.evaluation.rejection import Threshold


@click.command("calibrate")
@click.argument("run")
@click.argument("data", required=False)
@click.option(
    "--target-error",
    type=float,
    metavar="SHARE",
    help="Answer only from a confidence on that keeps the error of the answers below this, as "
    "0.01. [default: always answer]",
)
@click.option(
    "--split",
    metavar="train|val|test|all",
    help="Which images to choose on. [default: val of the run's own data, else those that training "
    "never saw]",
)
@measuring_flags
@reading_flags
@click.option("--json", "as_json", is_flag=True, help="Print what was chosen as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(run: str, data: str | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Choose the temperature and the threshold of RUN (a run or a classifier folder).

    They are saved with the classifier: its probabilities follow the temperature, and below the
    threshold it says that it is unsure. Choose on images that no reported number is from: without
    DATA these are the validation images of the training.
    """
    from convscope.progress import Reporter
    from convscope.workflows import calibrate

    found = calibrate(run, data, reporter=Reporter(quiet=quiet), **options)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    print(f"chosen on {found.images}")
    if found.fit is None:
        print("temperature 1: too few images to choose another")
    else:
        print(
            f"temperature {found.fit.temperature:.3f}: log loss {found.fit.log_loss_before:.4f} -> "
            f"{found.fit.log_loss_after:.4f} nats on these {found.fit.num_images:,} images"
        )
    _print_threshold(found.threshold)
    print(f"saved with the classifier; `convscope evaluate {shlex.quote(run)}` measures it anew")


def _print_threshold(threshold: Threshold | None) -> None:
    if threshold is None:
        print("it always answers")
        return
    which = "it always answers; of these images"
    if threshold.min_confidence:
        which = (
            f"it answers from {threshold.min_confidence:.1%} confidence on: "
            f"{threshold.coverage:.1%} of these images, of which"
        )
    print(
        f"{which} {threshold.error:.2%} are wrong, below {threshold.error_bound:.2%} of all such "
        "with 95 % confidence"
    )
