"""`convscope networks`."""

from __future__ import annotations

import json
import sys

import click

from convscope.api.destination import FIGURES, output_file
from convscope.cli.flags import OutputPath
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.languages import translated

PLOT = "networks.svg"


@click.command("networks", cls=Verb)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option(
    "--plot",
    type=OutputPath(*FIGURES, name=PLOT),
    metavar="FILE",
    help="Save a plot of ImageNet accuracy, MACs and parameters in this file, as SVG or PNG, or as "
    "networks.svg in a folder.",
)
def command(as_json: bool, plot: str | None) -> None:
    """List the networks with parameters, MACs, input and published weights.

    Top-1 is the ImageNet accuracy of the published weights, as stated by their publisher.
    """
    from convscope.cli.tables import print_table
    from convscope.networks import NETWORKS

    rows = [entry.to_dict() for entry in NETWORKS.values()]
    if plot is not None:
        _draw(plot)
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    print_table(
        ["network", "paper", "input", "classes", "parameters", "million MACs", "weights", "top-1"],
        [
            [
                row["name"],
                row["paper"].split(",")[0],
                "x".join(str(side) for side in row["input"]),
                str(row["num_classes"]),
                f"{row['parameters']:,}",
                f"{row['macs'] / 1e6:,.1f}",
                translated("published") if row["published"] else "",
                f"{row['imagenet_top1']:.1%}" if row["published"] else "",
            ]
            for row in rows
        ],
        left=2,
        first_to_go=("classes", "paper", "weights", "input"),
    )
    say("MACs: multiply-accumulates of convolutions and matrix products for one image")


def _draw(plot: str) -> None:
    from convscope.figures.costs import NetworkMark, draw_costs
    from convscope.figures.style import save_figure
    from convscope.networks.registry import COSTS, IMAGENET_ACCURACY, family_of

    networks = [
        NetworkMark(name, family_of(name), COSTS[name].macs, accuracy.top1, COSTS[name].parameters)
        for name, accuracy in IMAGENET_ACCURACY.items()
    ]
    path = output_file(plot, endings=FIGURES, name=PLOT)
    save_figure(draw_costs(networks), path)
    say(f"plot: {path}", file=sys.stderr)
