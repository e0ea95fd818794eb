"""`convscope device`."""

from __future__ import annotations

import json

import click

from convscope.cli.verb import Verb
from convscope.languages import translated


@click.command("device", cls=Verb)
@click.argument("name", default="auto", metavar="[DEVICE]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str, as_json: bool) -> None:
    """Show which device a training takes, and how fast it multiplies.

    DEVICE is auto, cpu, cuda, cuda:1 or mps. Products of matrices and convolutions are measured for
    about five seconds, in each number format and order in memory that the device has; a training
    with `--precision auto` chooses by its own steps.
    """
    from convscope.cli.tables import print_table
    from convscope.device import choose_device, describe
    from convscope.device_speed import measure_rates

    device = choose_device(name)
    facts = describe(device)
    rates = measure_rates(device)
    if as_json:
        content = {**facts, "rates": [rate._asdict() for rate in rates]}
        print(json.dumps(content, ensure_ascii=False))
        return
    for key, value in facts.items():
        print(f"{translated(key)}: {translated(value)}")
    print()
    print_table(
        ["operation", "format", "order in memory", "GFLOP/s"],
        [
            [
                translated(rate.operation),
                rate.precision,
                translated((rate.memory_format or "").replace("_", " ")),
                f"{rate.flops / 1e9:,.0f}",
            ]
            for rate in rates
        ],
    )
