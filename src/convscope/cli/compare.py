"""`convscope compare`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from convscope.api.destination import FIGURES, PAGES, output_file
from convscope.cli.flags import OutputPath, evaluation_flags, output_flag, typed
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.errors import UsageError
from convscope.languages import spoken, translated
from convscope.paths import REPORT_FILE
from convscope.text import counted

if TYPE_CHECKING:
    from convscope.evaluation.compared import Comparison, RecipeComparison

NOT_RECIPES = (
    "This compares these classifiers, not their recipes: each training is partly chance. "
    "`--recipes` compares recipes by several runs of each."
)
DISAGREEMENTS_SHOWN = 10
PLOT = "differences.svg"
OWN = ("output", "plot", "as_json", "quiet")


@click.command("compare", cls=Verb)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--data", help="Data to compare on. [default: that of the first run]")
@click.option(
    "--split",
    metavar="train|val|test|all",
    help="Which images. [default: images that no training saw]",
)
@click.option(
    "--recipes",
    is_flag=True,
    help="Compare recipes, each by several runs that differ in seed or fold alone.",
)
@evaluation_flags
@click.option(
    "--plot",
    type=OutputPath(*FIGURES, name=PLOT),
    metavar="FILE",
    help="Save a plot of the differences in this file, as SVG or PNG, or as differences.svg in a "
    "folder.",
)
@output_flag(
    "Also write a page: an HTML file, or a folder for report.html.", *PAGES, name=REPORT_FILE
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    runs: tuple[str, ...],
    recipes: bool,
    plot: str | None,
    output: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Say which of several RUNs (or classifier folders) is better on the same images.

    Says "can't tell" where their difference may be chance: by McNemar's test (5 %), or because its
    95 % interval includes 0.
    """
    from convscope.api.compare import compare, compare_recipes, write_comparison
    from convscope.progress import Reporter

    if recipes:
        given = [name for name, value in options.items() if value not in (None, (), False, "auto")]
        if given:
            raise UsageError(
                f"`--{given[0].replace('_', '-')}` doesn't apply to `--recipes`",
                hint="recipes are compared by the evaluations of their runs",
            )
        repeated = compare_recipes(*runs)
        found = repeated.to_dict()
        if plot is not None:
            names = [row["runs"][0] for row in found["recipes"]]
            pairs = [
                {**pair, "first": names[pair["first"]], "second": names[pair["second"]]}
                for pair in found["pairs"]
            ]
            _save_plot(pairs, plot)
        print(json.dumps(found, ensure_ascii=False)) if as_json else _print_recipes(found)
        result: Comparison | RecipeComparison = repeated
    else:
        result = compare(*runs, reporter=Reporter(quiet=quiet), **options)
        compared = result.to_dict()
        if plot is not None:
            _save_plot(compared["pairs"], plot)
        if as_json:
            print(json.dumps(compared, ensure_ascii=False, allow_nan=False))
        else:
            _print_classifiers(compared)
    if output is not None:
        again = typed(click.get_current_context(), "compare", without=OWN)
        page = write_comparison(result, output, language=spoken(), command=again)
        say(f"\npage: {page}", file=sys.stderr if as_json else sys.stdout)


def _save_plot(pairs: Sequence[Mapping[str, Any]], plot: str) -> None:
    """Saves a plot of the differences with their intervals."""
    from convscope.figures.comparison import IntervalRow, draw_differences
    from convscope.figures.style import save_figure

    rows = [
        IntervalRow(
            f"{pair['second']} – {pair['first']}",
            pair["accuracy_difference"],
            pair["accuracy_difference_interval"]["low"],
            pair["accuracy_difference_interval"]["high"],
        )
        for pair in pairs
    ]
    if not rows:
        raise UsageError("there is nothing to draw", hint="give runs of two recipes at least")
    path = output_file(plot, endings=FIGURES, name=PLOT)
    save_figure(draw_differences(rows), path)
    say(f"plot: {path}", file=sys.stderr)


def _print_classifiers(found: dict[str, Any]) -> None:
    from convscope.cli.tables import print_table

    say(f"\non {found['num_images']:,} images: {found['images']}")
    print_table(
        ["classifier", "accuracy", "95 % interval", "log loss", "parameters", "MACs", "images/s"],
        [
            [
                row["name"],
                f"{row['accuracy']:.2%}",
                translated("{low:.2%} to {high:.2%}".format(**row["accuracy_interval"])),
                f"{row['log_loss']:.4f}",
                f"{row['num_parameters']:,}",
                f"{row['macs']:,}",
                f"{row['images_per_second']:,.0f}",
            ]
            for row in found["classifiers"]
        ],
    )
    for pair in found["pairs"]:
        say(
            f"{pair['words']}: {_difference(pair)} from {pair['first']} to {pair['second']}, "
            f"p = {pair['p_value']:.2g}; only {pair['first']} gets "
            f"{counted(pair['only_first'], 'image')} right, only {pair['second']} "
            f"{pair['only_second']:,}"
        )
        for image in pair["disagreements"][:DISAGREEMENTS_SHOWN]:
            say(f"  {image['name']}: {image['first']} / {image['second']}, is {image['label']}")
    say(NOT_RECIPES)


def _difference(pair: Mapping[str, Any]) -> str:
    """A difference of accuracies with its interval, in percentage points."""
    interval = pair["accuracy_difference_interval"]
    value, low, high = (
        100 * number for number in (pair["accuracy_difference"], interval["low"], interval["high"])
    )
    return f"{value:+.2f} points of accuracy (95 % interval {low:+.2f} to {high:+.2f})"


def _print_recipes(found: dict[str, Any]) -> None:
    from convscope.cli.tables import print_table

    print_table(
        ["recipe", "runs", "mean accuracy", "95 % interval", "range"],
        [
            [
                row["runs"][0],
                translated(f"{len(row['runs'])} {'folds' if row['are_folds'] else 'seeds'}"),
                f"{row['accuracy']:.2%}",
                translated("{low:.2%} to {high:.2%}".format(**row["accuracy_interval"])),
                translated(f"{min(row['accuracies']):.2%} to {max(row['accuracies']):.2%}"),
            ]
            for row in found["recipes"]
        ],
    )
    names = [row["runs"][0] for row in found["recipes"]]
    for pair in found["pairs"]:
        interval = pair["accuracy_difference_interval"]
        conclusion = "can't tell the recipes apart"
        if not interval["low"] <= 0 <= interval["high"]:
            better = "second" if interval["low"] > 0 else "first"
            conclusion = f"{names[pair[better]]} has the better recipe"
        first, second = names[pair["first"]], names[pair["second"]]
        say(f"{conclusion}: {_difference(pair)} from the recipe of {first} to that of {second}")
