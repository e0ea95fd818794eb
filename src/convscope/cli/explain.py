"""`convscope explain`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convscope.cli.flags import (
    decoding_flags,
    device_flag,
    output_flag,
    typed,
)
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.errors import DataError, UsageError
from convscope.languages import spoken, translated
from convscope.text import counted, listed

if TYPE_CHECKING:
    from convscope.inspection.attribution.attribution import Attribution
    from convscope.inspection.attribution.faithfulness import Faithfulness
    from convscope.inspection.explained_image import Explanation

OWN = ("output", "as_json", "quiet")
QUESTION = ("top", "target", "against", "method", "layer", "value", "slide", "draws")


@click.command("explain", cls=Verb)
@click.argument("run")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    help="Number of most probable classes to explain. [default: 3]",
)
@click.option("--class", "target", metavar="CLASS", help="Explain this class alone.")
@click.option(
    "--against",
    metavar="CLASS",
    help="Show the evidence for the class rather than for this one.",
)
@click.option(
    "--method",
    default="grad-cam",
    metavar="grad-cam|guided-backprop|integrated-gradients|occlusion",
    help="Attribution method. [default: grad-cam]",
)
@click.option(
    "--layer",
    metavar="LAYER",
    help="Layer for Grad-CAM. [default: the last feature maps before the head]",
)
@click.option(
    "--value",
    metavar="LAYER:CHANNEL,ROW,COLUMN",
    help="Also show the arithmetic of this one value, e.g. `conv1:3,10,12`.",
)
@click.option(
    "--slide",
    metavar="HxW",
    help="Also slide over the image at this larger size, and show where the class is found (LeNet, "
    "AlexNet, VGG).",
)
@click.option(
    "--draws",
    default=20,
    type=click.IntRange(min=0),
    help="Number of random maps that each map is compared with; 0 compares nothing and is much "
    "faster. [default: 20]",
)
@decoding_flags
@device_flag
@output_flag("Folder for pages and pictures. [default: explanations/RUN]")
@click.option("--json", "as_json", is_flag=True, help="Print everything but pictures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    run: str,
    images: tuple[str, ...],
    output: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Explain the predictions of RUN (a run or a classifier folder) for images.

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    Writes a page and a picture of each: Grad-CAM of the most probable classes, whether it is better
    than random maps, and the feature maps of each stage of the network.
    """
    from convscope.api.explain import explain_files
    from convscope.api.load import decoding_from
    from convscope.api.predict import find_images
    from convscope.cli.evaluate import short_name
    from convscope.progress import Reporter

    found: list[dict[str, Any]] = []
    name = short_name(Path(run))
    asked = _asked(options)
    device = options.pop("device")
    decoding = decoding_from(**options)
    reporter = Reporter(quiet=quiet)
    paths = find_images(images, extra_formats=decoding.extra_formats, reporter=reporter)
    outcome = explain_files(
        run,
        paths,
        on_explained=(lambda each: found.append(each.to_dict())) if as_json else _print,
        output=output or (None if as_json else f"explanations/{name}/"),
        name=name,
        language=spoken(),
        command=typed(click.get_current_context(), "explain", without=OWN),
        device=device,
        decoding=decoding,
        reporter=reporter,
        **asked,
    )
    if as_json:
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))
    elif outcome.written is not None and outcome.written.overview is not None:
        say(f"\npages: {outcome.written.overview}")
    elif outcome.written is not None:
        say(f"\npage:    {outcome.written.pages[0]}\npicture: {outcome.written.pictures[0]}")
    if outcome.unreadable:
        number = counted(len(outcome.unreadable), "image")
        say(f"error: {number} of {len(paths)} can't be read", file=sys.stderr)
        say(listed(outcome.unreadable), file=sys.stderr)
        return DataError.exit_code
    return 0


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The flags that are fields of `Question`, removed from the others."""
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
    unsure = translated("unsure:") + " " if prediction.is_unsure else ""
    print(f"{explanation.image}  {unsure}{prediction.label} {prediction.probability:.1%}")
    chosen = explanation.attributions[0].grad_cam_layer
    if chosen is not None:
        say(f"  {chosen.reason}")
    judged = explanation.faithfulness or [None] * len(explanation.attributions)
    for attribution, verdict in zip(explanation.attributions, judged, strict=True):
        rather = f" rather than {attribution.against}" if attribution.against else ""
        say(f"  for {attribution.target}{rather}: {_verdict(attribution, verdict)}")
        for note in attribution.notes:
            say(f"    note: {note}")
    if explanation.value is not None:
        say(f"\n{explanation.value.to_text()}")


def _verdict(attribution: Attribution, found: Faithfulness | None) -> str:
    if found is None:
        return attribution.warning or "not compared with random maps"
    if found.warning is not None:
        return found.warning
    return (
        f"better than random maps: {found.num_as_good} of {len(found.random_deletion)} take the "
        "class away as fast"
    )
