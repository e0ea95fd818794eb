"""`convscope predict`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.flags import OutputPath, decoding_flags, device_flag
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.errors import DataError, UsageError
from convscope.files import csv_text
from convscope.languages import translated
from convscope.text import listed

if TYPE_CHECKING:
    from convscope.classifier import Prediction

Row = dict[str, Any]


@click.command("predict", cls=Verb)
@click.argument("run")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--top", default=3, type=click.IntRange(min=1), help="Classes shown per image. [default: 3]"
)
@click.option(
    "--save-inputs",
    type=OutputPath(),
    metavar="FOLDER",
    help="Folder for the network's input of each image, as PNG files.",
)
@click.option(
    "--min-confidence",
    type=float,
    metavar="PROBABILITY",
    help="Mark predictions below this probability as unsure, for instance 0.8. [default: the "
    "threshold that `convscope calibrate` chose]",
)
@decoding_flags
@device_flag
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: image, rank, label and so on.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    images: tuple[str, ...],
    top: int,
    as_json: bool,
    as_csv: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Classify images with RUN (a run or a classifier folder).

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    """
    if as_json and as_csv:
        raise UsageError("`--json` and `--csv` exclude each other")
    from convscope.api.predict import predict
    from convscope.progress import Reporter

    predicted = predict(run, images, reporter=Reporter(quiet=quiet), **options)
    rows = [_row(prediction, top) for prediction in predicted]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    elif as_csv:
        _print_csv(rows)
    else:
        _print_table(rows)
    if predicted.unreadable:
        count = len(predicted.unreadable)
        say(f"error: {count} of {len(predicted)} images can't be read", file=sys.stderr)
        say(listed(predicted.unreadable), file=sys.stderr)
        return DataError.exit_code
    return 0


def _row(prediction: Prediction, top: int) -> Row:
    """The printed part of a prediction; keeping all of a thousand classes would fill the memory."""
    return {
        "image": prediction.image,
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": dict(prediction.top(top)),
        "is_unsure": prediction.is_unsure,
    }


def _print_csv(rows: Sequence[Row]) -> None:
    lines = [
        [row["image"], rank, label, f"{probability:.6f}", "yes" if row["is_unsure"] else ""]
        for row in rows
        for rank, (label, probability) in enumerate(row["probabilities"].items(), 1)
    ]
    print(csv_text(["image", "rank", "label", "probability", "is_unsure"], lines), end="")


def _print_table(rows: Sequence[Row]) -> None:
    from rich.cells import cell_len

    width = max((cell_len(row["image"]) for row in rows), default=0)
    for row in rows:
        classes = "  ".join(
            f"{label} {probability:.1%}" for label, probability in row["probabilities"].items()
        )
        unsure = translated("unsure:") + " " if row["is_unsure"] else ""
        gap = " " * (width - cell_len(row["image"]))
        print(f"{row['image']}{gap}  {unsure}{classes}")
