"""`convscope networks`."""

from __future__ import annotations

import json

import click


@click.command("networks")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(as_json: bool) -> None:
    """List the networks with parameters, MACs, input and published weights."""
    from convscope.cli.tables import print_table
    from convscope.networks.listing import network_facts

    rows = network_facts()
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    print_table(
        ["network", "paper", "input", "classes", "parameters", "million MACs", "weights"],
        [
            [
                row["name"],
                row["paper"].split(",")[0],
                "x".join(str(side) for side in row["input"]),
                str(row["num_classes"]),
                f"{row['parameters']:,}",
                f"{row['macs'] / 1e6:,.1f}",
                "published" if row["published"] else "",
            ]
            for row in rows
        ],
        left=2,
    )
    print("MACs: multiply-accumulates of convolutions and matrix products, one image, evaluation.")
