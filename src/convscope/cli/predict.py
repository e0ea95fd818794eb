"""`convscope predict`."""

from __future__ import annotations

import csv
import glob
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.recipe_flags import decoding_flags
from convscope.errors import DataError, UsageError, counted, listed
from convscope.files import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from convscope.classifier import Prediction

SOME_FAILED = DataError.exit_code


@click.command("predict")
@click.argument("run")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--top", default=3, type=click.IntRange(min=1), help="Classes shown. [default: 3]")
@click.option(
    "--save-inputs",
    type=click.Path(path_type=Path),
    help="Folder for what the network sees of each image, as PNG files.",
)
@click.option(
    "--min-confidence",
    type=float,
    metavar="SHARE",
    help="Say that it is unsure below this probability, as 0.8. [default: what `convscope "
    "calibrate` chose]",
)
@decoding_flags
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps. [default: auto]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: image, rank, label and so on.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    images: tuple[str, ...],
    top: int,
    save_inputs: Path | None,
    min_confidence: float | None,
    device: str,
    as_json: bool,
    as_csv: bool,
    quiet: bool,
    **decoding: Any,
) -> int:
    """Classify images with RUN (a run or a classifier folder).

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    """
    if as_json and as_csv:
        raise UsageError("`--json` and `--csv` exclude each other")
    paths = find_images(images)

    from convscope.progress import Reporter
    from convscope.workflows import decoding_from, load

    classifier = load(run, device=device)
    if min_confidence is not None:
        classifier.decision = replace(classifier.decision, min_confidence=min_confidence)
    way = decoding_from(**decoding)
    predictions: list[Prediction] = []
    failures: list[str] = []
    with Reporter(quiet=quiet).task("predicting", len(paths)) as task:
        for path in paths:
            try:
                pixels = classifier.prepare(path, decoding=way)
            except DataError as error:
                failures.append(error.message)
            else:
                if save_inputs is not None:
                    _save_input(pixels, save_inputs, len(predictions), path)
                predictions += classifier.predict_prepared(pixels[None], names=[printable(path)])
            task.advance()
    if as_json:
        print(json.dumps([_fields(p, top) for p in predictions], indent=1, ensure_ascii=False))
    elif as_csv:
        _print_csv(predictions, top)
    else:
        _print_table(predictions, top)
    if failures:
        print(f"error: {len(failures)} of {len(paths)} images can't be read", file=sys.stderr)
        print(listed(failures), file=sys.stderr)
        return SOME_FAILED
    return 0


def find_images(words: tuple[str, ...]) -> list[str]:
    """The files that files, folders and patterns stand for, each once, in a stable order.

    Raises:
        DataError: A word stands for nothing.
    """
    from convscope.data.sources.listing import images_and_others_below

    found: list[str] = []
    missing: list[str] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            here, others = images_and_others_below(path)
            if others:
                print(
                    f"note: {counted(others, 'file')} in `{word}` passed over, no images by their "
                    "names",
                    file=sys.stderr,
                )
        elif path.exists():
            here = [word]
        else:
            names = glob.glob(word, recursive=True)  # noqa: PTH207 - absolute patterns too
            here = sorted(name for name in names if Path(name).is_file())
        if not here:
            missing.append(f"`{word}`{' (a folder without images)' if path.is_dir() else ''}")
        found += here
    if missing:
        raise DataError(
            f"no image is found for {counted(len(missing), 'argument')}\n{listed(missing)}"
        )
    return list(dict.fromkeys(found))


def _save_input(pixels: NDArray[np.uint8], folder: Path, number: int, path: str) -> None:
    from convscope.data.pictures import save_image

    folder.mkdir(parents=True, exist_ok=True)
    save_image(pixels, folder / f"{number:05d}-{Path(path).stem}.png")


def _fields(prediction: Prediction, top: int) -> dict[str, object]:
    return {
        "image": prediction.image,
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": dict(prediction.top(top)),
        "is_unsure": prediction.is_unsure,
    }


def _print_csv(predictions: list[Prediction], top: int) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "rank", "label", "probability", "is_unsure"])
    for prediction in predictions:
        for rank, (label, probability) in enumerate(prediction.top(top), 1):
            unsure = "yes" if prediction.is_unsure else ""
            writer.writerow([prediction.image, rank, label, f"{probability:.6f}", unsure])


def _print_table(predictions: list[Prediction], top: int) -> None:
    width = max((len(prediction.image) for prediction in predictions), default=0)
    for prediction in predictions:
        classes = "  ".join(f"{label} {share:.1%}" for label, share in prediction.top(top))
        unsure = "unsure: " if prediction.is_unsure else ""
        print(f"{prediction.image:<{width}}  {unsure}{classes}")
