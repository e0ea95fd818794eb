"""The accuracies in docs/results.md: one recipe, several seeds or folds.

    python benchmarks/accuracy.py DATA [--recipe recipes/NAME.yaml] [--folds 5 | --seeds 0 1 2]
                                       [--set FIELD=VALUE ...]

Prints a line a training, then mean and range.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import convscope  # first, as it decides how torch's threads wait

# isort: split
import torch
import yaml

from convscope.recipe import read_values


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--recipe", type=Path)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="fields", nargs="+", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


def trainings(given: argparse.Namespace) -> list[dict[str, Any]]:
    """The recipes of an experiment."""
    values = read_values(given.recipe) if given.recipe else {}
    for word in given.fields:
        name, _, value = word.partition("=")
        values[name] = yaml.safe_load(value)
    values["data"] = given.data
    if given.folds:
        return [{**values, "folds": given.folds, "fold": fold} for fold in range(given.folds)]
    return [{**values, "seed": seed} for seed in given.seeds]


def main() -> None:
    """Trains, and prints a line a training and a summary."""
    given = arguments()
    if given.threads:
        torch.set_num_threads(given.threads)
    accuracies = []
    for number, recipe in enumerate(trainings(given)):
        with tempfile.TemporaryDirectory() as project:
            started = time.perf_counter()
            run = convscope.train(**recipe, project=project)
            seconds = time.perf_counter() - started
            epochs = [row["epoch_seconds"] for row in run.history]
            rates = [row["images_per_second"] for row in run.history]
            accuracies.append(run.evaluation["accuracy"])
            print(
                f"{number}: accuracy {accuracies[-1]:.4f} "
                f"on {run.evaluation['num_images']} images, {len(epochs)} epochs, "
                f"{sum(epochs):.1f} s of learning ({statistics.median(rates):,.0f} images/s), "
                f"{seconds:.1f} s in all",
                flush=True,
            )
    print(
        f"mean {statistics.mean(accuracies):.4f}, from {min(accuracies):.4f} to "
        f"{max(accuracies):.4f}; torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    main()
