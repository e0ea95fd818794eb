"""`convscope networks`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("networks")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw accuracy on ImageNet, MACs and parameters here, as SVG or PNG.",
)
def command(as_json: bool, plot: Path | None) -> None:
    """List the networks with parameters, MACs, input and published weights.

    Top-1 is the accuracy of the published weights on ImageNet, as their publisher states it.
    """
    from convscope.cli.tables import print_table
    from convscope.networks.listing import network_facts

    rows = network_facts()
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
                "published" if row["published"] else "",
                f"{row['imagenet_top1']:.1%}" if row["published"] else "",
            ]
            for row in rows
        ],
        left=2,
    )
    print("MACs: multiply-accumulates of convolutions and matrix products, one image, evaluation.")


def _draw(path: Path) -> None:
    from convscope.figures.costs import Network, draw_costs
    from convscope.figures.style import save_figure
    from convscope.networks.accuracies import IMAGENET_ACCURACY
    from convscope.networks.costs import COSTS
    from convscope.networks.variants import family_of

    networks = [
        Network(name, family_of(name), COSTS[name].macs, accuracy.top1, COSTS[name].parameters)
        for name, accuracy in IMAGENET_ACCURACY.items()
    ]
    save_figure(draw_costs(networks), path)
