"""`convscope explain`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.recipe_flags import decoding_flags
from convscope.cli.report_flags import report_flags
from convscope.cli.typed import typed
from convscope.errors import DataError, UsageError, counted, listed

if TYPE_CHECKING:
    from convscope.inspection.attribution import Attribution
    from convscope.inspection.explained_image import Explanation
    from convscope.inspection.faithfulness import Faithfulness

OWN = ("output", "as_json", "quiet")
QUESTION = ("top", "target", "against", "method", "layer", "value", "slide", "draws")


@click.command("explain")
@click.argument("run")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--top", type=click.IntRange(min=1), help="Classes shown. [default: 3]")
@click.option("--class", "target", metavar="CLASS", help="Explain this class alone.")
@click.option(
    "--against",
    metavar="CLASS",
    help="Show what speaks for the class rather than for this one.",
)
@click.option(
    "--method",
    default="grad-cam",
    metavar="grad-cam|guided-backprop|integrated-gradients|occlusion",
    help="How. [default: grad-cam]",
)
@click.option(
    "--layer",
    metavar="LAYER",
    help="Whose feature maps Grad-CAM weighs. [default: the last before the head]",
)
@click.option(
    "--value",
    metavar="LAYER:CHANNEL,ROW,COLUMN",
    help="Also show the arithmetic of this one value, as `conv1:3,10,12`.",
)
@click.option(
    "--slide",
    metavar="HxW",
    help="Also slide over the image at this larger size, and show where the class is seen (LeNet, "
    "AlexNet, VGG).",
)
@click.option(
    "--draws",
    default=20,
    type=click.IntRange(min=0),
    help="Random maps that each map is compared with; 0 compares nothing and is much faster. "
    "[default: 20]",
)
@decoding_flags
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps. [default: auto]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for pages and pictures. [default: explanations/RUN]",
)
@report_flags
@click.option("--json", "as_json", is_flag=True, help="Print everything but pictures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    images: tuple[str, ...],
    output: Path | None,
    language: str,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Show why RUN (a run or a classifier folder) says what it says about images.

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    Writes a page and a picture of each: what speaks for the most probable classes, whether that is
    better than random maps, and what each stage of the network makes of the image.
    """
    from convscope.cli.evaluate import short_name
    from convscope.cli.predict import find_images
    from convscope.progress import Reporter
    from convscope.workflows import ExplanationFolder, decoding_from, explain_each, load

    paths = find_images(images)
    asked = _asked(options)
    classifier = load(run, device=options.pop("device"))
    name = short_name(Path(run))
    folder = None
    if output or not as_json:
        folder = ExplanationFolder(
            output or Path("explanations", name),
            classifier=classifier,
            name=name,
            language=language,
            command=typed(click.get_current_context(), "explain", without=OWN),
        )
    failures: list[str] = []
    found: list[dict[str, Any]] = []
    for explanation in explain_each(
        classifier,
        paths,
        decoding=decoding_from(**options),
        reporter=Reporter(quiet=quiet),
        unreadable=failures,
        **asked,
    ):
        found.append(explanation.to_dict())
        if folder is not None:
            folder.add(explanation)
        if not as_json:
            _print(explanation)
    written = folder.finish() if folder is not None and found else None
    if as_json:
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))
    elif written is not None and written.overview is not None:
        print(f"\npages: {written.overview}")
    elif written is not None:
        print(f"\npage:    {written.pages[0]}\npicture: {written.pictures[0]}")
    if failures:
        number = counted(len(failures), "image")
        print(f"error: {number} of {len(paths)} can't be read", file=sys.stderr)
        print(listed(failures), file=sys.stderr)
        return DataError.exit_code
    return 0


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The flags that are fields of the question, taken out of the others."""
    asked = {name: options.pop(name) for name in QUESTION}
    if asked["top"] is None:
        del asked["top"]
    elif asked["target"] or asked["against"]:
        raise UsageError(
            "`--top` has no effect: one class alone is explained",
            hint="leave it away, or `--class` and `--against`",
        )
    if asked["slide"] is not None:
        asked["slide"] = _size(asked["slide"])
    return asked


def _size(text: str) -> tuple[int, int]:
    """Height and width from `448x600`."""
    match = re.fullmatch(r"([1-9]\d*)[xX×]([1-9]\d*)", text)
    if match is None:
        raise UsageError(f"`--slide` can't be `{text}`", hint="write height and width: 448x600")
    return int(match[1]), int(match[2])


def _print(explanation: Explanation) -> None:
    prediction = explanation.prediction
    unsure = "unsure: " if prediction.is_unsure else ""
    print(f"{explanation.image}  {unsure}{prediction.label} {prediction.probability:.1%}")
    weighed = explanation.attributions[0].weighed
    if weighed is not None:
        print(f"  {weighed.reason}")
    judged = explanation.faithfulness or [None] * len(explanation.attributions)
    for attribution, verdict in zip(explanation.attributions, judged, strict=True):
        rather = f" rather than {attribution.against}" if attribution.against else ""
        print(f"  for {attribution.target}{rather}: {_verdict(attribution, verdict)}")
        for note in attribution.notes:
            print(f"    note: {note}")
    if explanation.value is not None:
        print(f"\n{explanation.value.to_text()}")


def _verdict(attribution: Attribution, found: Faithfulness | None) -> str:
    if found is None:
        return attribution.warning or "not compared with random maps"
    if found.warning is not None:
        return found.warning
    return (
        f"better than random maps: {found.num_as_good} of {len(found.random_deletion)} take the "
        "class away as fast"
    )
