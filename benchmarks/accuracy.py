"""The accuracies in docs/results.md: `python benchmarks/accuracy.py digits|mnist|hymenoptera DATA`.

Runs the defaults several times and prints each accuracy, mean and range:

- `digits`: five folds of the embedded digits, `lenet5_relu`;
- `mnist DATA`: the 10,000 test images, `lenet5_relu`, three seeds;
- `hymenoptera DATA WEIGHTS`: the val folder, head only on SqueezeNet 1.1, three seeds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from typing import Any

import convscope  # first, as it decides how torch's threads wait

# isort: split
import torch

SEEDS = (0, 1, 2)
FOLDS = 5


def recipes(words: list[str]) -> list[dict[str, Any]]:
    """The trainings that an experiment consists of."""
    match words:
        case ["digits"]:
            return [
                {"data": "digits", "model": "lenet5_relu", "folds": FOLDS, "fold": fold}
                for fold in range(FOLDS)
            ]
        case ["mnist", data]:
            return [{"data": data, "model": "lenet5_relu", "seed": seed} for seed in SEEDS]
        case ["hymenoptera", data, weights]:
            common = {"data": data, "model": "squeezenet1_1", "weights": weights, "tune": "head"}
            return [{**common, "seed": seed} for seed in SEEDS]
    raise SystemExit(__doc__)


def main() -> None:
    """Trains, and prints a line a training and a summary."""
    accuracies = []
    for number, recipe in enumerate(recipes(sys.argv[1:])):
        with tempfile.TemporaryDirectory() as project:
            started = time.perf_counter()
            run = convscope.train(**recipe, project=project)
            seconds = time.perf_counter() - started
            epochs = [row["epoch_seconds"] for row in run.history]
            rates = [row["images_per_second"] for row in run.history]
            accuracies.append(run.evaluation["accuracy"])
            print(
                f"{number}: accuracy {accuracies[-1]:.4f} "
                f"on {run.evaluation['num_images']} images, "
                f"{len(epochs)} epochs, {statistics.median(rates):,.0f} images/s in the loop "
                f"(best epoch {max(rates):,.0f}), {seconds:.1f} s in all",
                flush=True,
            )
    print(
        f"mean {statistics.mean(accuracies):.4f}, from {min(accuracies):.4f} to "
        f"{max(accuracies):.4f}; torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    main()
