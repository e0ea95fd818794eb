"""Flags of the verbs that write a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

LANGUAGES = ("en", "zh")

Function = Callable[..., Any]


def report_flags(function: Function) -> Function:
    """Adds the flag that says in which language the report is."""
    return click.option(
        "--lang",
        "language",
        default="en",
        type=click.Choice(LANGUAGES),
        help="Language of the report. [default: en]",
    )(function)


def measuring_flags(function: Function) -> Function:
    """Adds the flags that say which images a classifier is measured on, and how."""
    return click.option(
        "--synonyms",
        metavar="FILE",
        help="CSV file of what classes of DATA are called by the classifier: columns data and "
        "classifier; an empty name leaves a class out.",
    )(machine_flags(function))


def machine_flags(function: Function) -> Function:
    """Adds the flags that say by what images are decoded and a network is computed."""
    options = (
        click.option("-j", "--workers", type=click.IntRange(min=1), help="Threads that decode."),
        click.option(
            "--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps. [default: auto]"
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
