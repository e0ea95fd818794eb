"""How much sooner does `cifar10-speedrun` reach an accuracy than the plain `cifar10-resnet20`?

    python benchmarks/speedrun.py DATA [--images 5000] [--accuracy 0.9] [--rounds 3]
                                  [--plain FILE] [--fast FILE]

DATA has splits `train` and `test`; with `--images` so many of its train images are trained on,
2,000 others choose the epoch, and the fast recipe is `cifar10-speedrun-5000`. Both train in turns,
each in a process of its own, on the device that the package chooses. Printed are the seconds of
training (without validation) until the validation accuracy is first at least `--accuracy`; else at
least that of the plain recipe's last epoch.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import convscope  # first, as it decides how torch's threads wait

# isort: split
import numpy as np

RECIPES = Path(__file__).parents[1] / "recipes"
NUM_VALIDATION = 2000
NUM_TEST = 500  # their evaluation is not measured


class Epoch(NamedTuple):
    """The end of an epoch: seconds of training so far, and validation accuracy."""

    seconds: float
    accuracy: float


def subset(data: str, num_train: int, place: Path) -> Path:
    """A file with as many train images of each class, others for validation, and test images."""
    dataset = convscope.open_dataset(data)
    splits, labels = np.array(dataset.given_splits), np.asarray(dataset.labels)
    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(splits == "train"))
    # One of each class after the other: the first N have as many of each.
    rank = np.empty(len(shuffled), dtype=np.int64)
    for label in range(len(dataset.classes)):
        own = labels[shuffled] == label
        rank[own] = np.arange(own.sum())
    shuffled = shuffled[np.argsort(rank, kind="stable")]
    parts = {
        "train": shuffled[:num_train],
        "val": shuffled[num_train : num_train + NUM_VALIDATION],
        "test": np.flatnonzero(splits == "test"),
    }
    parts["test"] = parts["test"][:: -(-len(parts["test"]) // NUM_TEST)]
    arrays = {}
    for name, drawn in parts.items():
        chosen = np.sort(drawn)  # an archive is read in its order
        arrays[f"{name}_images"] = np.stack([dataset[int(index)][0] for index in chosen])
        arrays[f"{name}_labels"] = labels[chosen]
    np.savez(place / "images.npz", **arrays)  # type: ignore[arg-type]
    return place / "images.npz"


def trained(data: str, recipe: Path, project: Path, *, seed: int) -> list[Epoch]:
    """The epochs of a training in a process of its own."""
    command = [sys.executable, "-m", "convscope", "train", data, "--recipe", str(recipe)]
    words = ["--project", str(project), "--name", str(seed), "--seed", str(seed), "--quiet"]
    subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL)
    with (project / str(seed) / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seconds = np.cumsum([float(row["epoch_seconds"]) for row in rows])
    accuracies = [float(row["validation_accuracy"]) for row in rows]
    return [Epoch(float(each), right) for each, right in zip(seconds, accuracies, strict=True)]


def seconds_to(accuracy: float, epochs: Sequence[Epoch]) -> float | None:
    """Seconds of training until an accuracy is first reached; None where it never is."""
    return next((epoch.seconds for epoch in epochs if epoch.accuracy >= accuracy), None)


def described(name: str, epochs: Sequence[Epoch], seconds: float | None) -> str:
    """A line about a training."""
    reached = "not reached" if seconds is None else f"reached after {seconds:.1f} s of training"
    last = epochs[-1]
    return f"  {name}: {reached}; {last.accuracy:.2%} after all {last.seconds:.1f} s"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, help="train images; all by default")
    parser.add_argument("--accuracy", type=float, help="a fraction")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--plain", type=Path, default=RECIPES / "cifar10-resnet20.yaml")
    parser.add_argument("--fast", type=Path)
    given = parser.parse_args()
    if given.fast is None:
        size = "" if given.images is None else "-5000"
        given.fast = RECIPES / f"cifar10-speedrun{size}.yaml"
    return given


def main() -> None:
    """Trains both in turns, and prints seconds and their ratio."""
    given, ratios = arguments(), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = str(subset(given.data, given.images, place)) if given.images else given.data
        for number in range(given.rounds):
            plain = trained(data, given.plain, place / "plain", seed=number)
            fast = trained(data, given.fast, place / "fast", seed=number)
            accuracy = plain[-1].accuracy if given.accuracy is None else given.accuracy
            slow_seconds, fast_seconds = (seconds_to(accuracy, each) for each in (plain, fast))
            print(f"seed {number}: validation accuracy {accuracy:.2%}")
            print(described(given.plain.stem, plain, slow_seconds))
            print(described(given.fast.stem, fast, fast_seconds), flush=True)
            if slow_seconds is not None and fast_seconds is not None:
                ratios.append(slow_seconds / fast_seconds)
    if ratios:
        low, high = min(ratios), max(ratios)
        median = statistics.median(ratios)
        print(f"times as fast: {median:.1f} ({low:.1f} to {high:.1f}), {len(ratios)} seeds")


if __name__ == "__main__":
    main()
