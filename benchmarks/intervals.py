"""Whether intervals and comparisons keep their word: `python benchmarks/intervals.py`.

Draws samples whose truth is known and counts how often the evaluation is wrong about it. Each part
prints a Markdown table; `--parts accuracy differences` runs two of them, `--repetitions` says how
many samples each line of a simulation is from. Nothing is measured in time, so it may run beside
other work.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import convscope  # noqa: F401, first, as it decides how torch's threads wait

# isort: split
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from convscope.errors import DataError
from convscope.evaluation.calibration import choose_threshold
from convscope.evaluation.comparison import difference, differences
from convscope.evaluation.error_analysis import find_slices
from convscope.evaluation.intervals import Estimate, proportion
from convscope.evaluation.metrics import compute_metrics
from convscope.evaluation.outputs import Outputs

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

CLASSES = tuple("abcdefghij")
POPULATION = (
    200_000  # images, out of which samples are drawn with replacement: their truth is exact
)
BINS = 15
ACCURACIES = (0.8, 0.95, 0.99)
CORRELATIONS = (0.0, 0.3, 0.7)  # of the mistakes of two classifiers


def print_table(title: str, head: Sequence[str], lines: Iterator[Sequence[str]]) -> None:
    """One line of Markdown after the other, each as soon as it is known."""
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{' --- |' * len(head)}", flush=True)
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def percent(share: float) -> str:
    """As the documentation writes it."""
    return f"{100 * share:.1f} %"


# How often Wilson's interval holds the true accuracy, summed over all that can happen.


def coverages(count: int, accuracies: Floats) -> Floats:
    """(P,) how often the interval of an accuracy on `count` images holds the true one, exactly."""
    right = np.arange(count + 1)
    intervals = [proportion(int(each), count).interval for each in right]
    low = np.array([each.low for each in intervals])[:, None]
    high = np.array([each.high for each in intervals])[:, None]
    chances = binom.pmf(right[:, None], count, accuracies)
    return np.asarray((chances * ((low <= accuracies) & (accuracies <= high))).sum(axis=0))


def accuracy_lines(repetitions: int) -> Iterator[Sequence[str]]:
    """For each number of images the coverage over true accuracies of 0.800, 0.801 to 0.999."""
    accuracies = np.linspace(0.8, 0.999, 200)
    for count in (100, 153, 500, 2000, 10_000):
        found = coverages(count, accuracies)
        at = accuracies[found.argmin()]
        yield f"{count:,}", percent(found.mean()), f"{percent(found.min())} at {percent(at)}"


# How often the other intervals hold the truth of a made-up classifier.


@dataclass(frozen=True)
class Population:
    """A classifier that was never trained, and all images that there are.

    Attributes:
        margin: How far the right class stands out; a larger one makes a higher accuracy.
        sureness: What logits are multiplied by after labels were drawn from their probabilities; 1
            for a classifier that is perfectly calibrated.
        decay: How many images a class has for one of the class before it.
    """

    margin: float
    sureness: float
    decay: float = 1.0

    @cached_property
    def outputs(self) -> Outputs:
        """For all images."""
        random, num_classes = np.random.default_rng(0), len(CLASSES)
        sizes = self.decay ** np.arange(num_classes)
        logits = 1.5 * random.standard_normal((POPULATION, num_classes))
        meant = random.choice(num_classes, POPULATION, p=sizes / sizes.sum())
        logits[np.arange(POPULATION), meant] += 1.5 * self.margin
        plain = Outputs(logits.astype(np.float32), meant, CLASSES)
        drawn = plain.probabilities.cumsum(axis=1) > random.random((POPULATION, 1))
        return Outputs(plain.logits * np.float32(self.sureness), drawn.argmax(axis=1), CLASSES)

    @cached_property
    def truth(self) -> dict[str, float]:
        """Every number over all images, by its name."""
        outputs, num_classes = self.outputs, len(CLASSES)
        cells = outputs.targets * num_classes + outputs.predicted
        table = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
        right, true, named = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
        width = np.ceil(outputs.confidences * BINS).astype(np.int64) - 1
        ranks = np.argsort(np.argsort(outputs.confidences, kind="stable"), kind="stable")
        return {
            "balanced accuracy": float((right / true).mean()),
            "macro F1": float((2 * right / (true + named)).mean()),
            "log loss": float(outputs.losses.mean()),
            "Brier score": float(outputs.brier_terms.mean()),
            "ECE, equal width": self._calibration_error(width),
            "ECE, equal mass": self._calibration_error(ranks * BINS // POPULATION),
        }

    def _calibration_error(self, bins: NDArray[np.int64]) -> float:
        gaps = self.outputs.confidences - self.outputs.is_correct
        return float(np.abs(np.bincount(bins, weights=gaps)).sum() / POPULATION)

    def sample(self, count: int, random: np.random.Generator) -> Outputs:
        """What the classifier gave for some images."""
        return self.outputs.take(random.integers(0, POPULATION, count))


def estimates(outputs: Outputs) -> tuple[Estimate, ...]:
    """In the order of `Population.truth`."""
    found = compute_metrics(outputs)
    calibration = found.calibration
    losses = (found.log_loss, found.brier)
    means = (found.balanced_accuracy, found.macro_f1)
    return (*means, *losses, calibration.equal_width, calibration.equal_mass)


POPULATIONS = {
    "66 %, calibrated": Population(2.5, 1.0),
    "89 %, too sure": Population(4.0, 1.6),
    "97 %, too sure": Population(5.0, 1.6),
    "89 %, not sure enough, uneven classes": Population(4.0, 0.6, decay=0.8),
    "99 %, too sure": Population(6.0, 1.3),
}


def metric_lines(repetitions: int) -> Iterator[Sequence[str]]:
    """For each population and size the coverage of each number's interval."""
    for words, population in POPULATIONS.items():
        truth = np.array(list(population.truth.values()))
        for count in (100, 500, 2000):
            random = np.random.default_rng(count)
            holds = np.zeros(len(truth))
            for _ in range(repetitions):
                found = estimates(population.sample(count, random))
                low = np.array([each.interval.low for each in found])
                high = np.array([each.interval.high for each in found])
                holds += (low <= truth) & (truth <= high)
            yield words, f"{count:,}", *(percent(each) for each in holds / repetitions)


# How often comparisons find what isn't there, and what is.


def right_answers(
    accuracies: Sequence[float], correlation: float, count: int, random: np.random.Generator
) -> list[Bools]:
    """Which images each of several classifiers gets right, (count,) each.

    Args:
        accuracies: Of each.
        correlation: Of the mistakes of any two of the same accuracy.
        count: Images.
        random: Draws them.
    """
    # Every two share their luck with this chance only if each does with its root.
    shares = random.random((len(accuracies), count)) < np.sqrt(correlation)
    own, common = random.random((len(accuracies), count)), random.random(count)
    luck = np.where(shares, common, own)
    return [each < accuracy for each, accuracy in zip(luck, accuracies, strict=True)]


def share_of(happens: Callable[[np.random.Generator], bool], repetitions: int, seed: int) -> float:
    """How often something happens."""
    random = np.random.default_rng(seed)
    return sum(happens(random) for _ in range(repetitions)) / repetitions


def finds_two(accuracies: Sequence[float], correlation: float, count: int) -> Callable[..., bool]:
    """Whether two classifiers are told apart."""

    def happens(random: np.random.Generator) -> bool:
        first, second = right_answers(accuracies, correlation, count, random)
        return difference(first, second).verdict != "neither"

    return happens


def finds_any(accuracy: float, correlation: float, count: int) -> Callable[..., bool]:
    """Whether any two of three equal classifiers are told apart."""

    def happens(random: np.random.Generator) -> bool:
        correct = right_answers([accuracy] * 3, correlation, count, random)
        return any(each.verdict != "neither" for each in differences(correct).values())

    return happens


def difference_lines(repetitions: int) -> Iterator[Sequence[str]]:
    """For each accuracy, correlation and size: false verdicts of two and of three, and power."""
    for accuracy in ACCURACIES:
        for correlation in CORRELATIONS:
            for count in (100, 1000, 10_000):
                kinds = (
                    finds_two([accuracy] * 2, correlation, count),
                    finds_any(accuracy, correlation, count),
                    finds_two([accuracy - 0.02, accuracy], correlation, count),
                )
                shares = [share_of(happens, repetitions, count) for happens in kinds]
                yield (
                    f"{100 * accuracy:.0f} %",
                    f"{correlation:g}",
                    f"{count:,}",
                    *(percent(each) for each in shares),
                )


def finds_worse(accuracy: float, count: int) -> Callable[..., bool]:
    """Whether a group is called worse though all are equal: properties of seven kinds."""

    def happens(random: np.random.Generator) -> bool:
        sharpness = random.lognormal(size=count)
        properties: dict[str, Sequence[str] | Floats] = {
            "brightness": random.random(count),
            "sharpness": sharpness,
            "contrast": sharpness + random.standard_normal(count),
            "shorter_side_px": random.integers(2, 9, count) * 100.0,
            "aspect_ratio": random.choice([0.75, 1.0, 4 / 3], count),
            "camera": random.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1]).tolist(),
            "site": [str(number) for number in random.integers(0, 20, count)],
        }
        found = find_slices(random.random(count) < accuracy, properties)
        return any(each.is_worse for each in found)

    return happens


def slice_lines(repetitions: int) -> Iterator[Sequence[str]]:
    """For each accuracy and size how often a group is wrongly called worse."""
    for accuracy in ACCURACIES:
        for count in (500, 2000):
            share = share_of(finds_worse(accuracy, count), repetitions, count)
            yield f"{100 * accuracy:.0f} %", f"{count:,}", percent(share)


def exceeds(population: Population, target: float, count: int) -> Callable[..., bool]:
    """Whether the error among all images that a threshold answers is above the target."""
    outputs = population.outputs
    order = np.argsort(-outputs.confidences)
    falling, wrong = -outputs.confidences[order], np.cumsum(~outputs.is_correct[order])

    def happens(random: np.random.Generator) -> bool:
        try:
            threshold = choose_threshold(population.sample(count, random), target).min_confidence
        except DataError:
            return False  # nothing is promised
        answered = int(np.searchsorted(falling, -threshold, side="right"))
        return bool(wrong[answered - 1] > target * answered)

    return happens


def exceeds_everywhere(target: float, count: int) -> Callable[..., bool]:
    """Whether a threshold is found though the error is just above the target at all of them."""

    def happens(random: np.random.Generator) -> bool:
        sure = random.uniform(0.5, 5, count).astype(np.float32)
        is_wrong = random.random(count) < target * 1.0001
        logits = np.stack([sure, -sure], axis=1)
        try:
            choose_threshold(Outputs(logits, is_wrong.astype(np.int64), ("a", "b")), target)
        except DataError:
            return False
        return True

    return happens


def threshold_lines(repetitions: int) -> Iterator[Sequence[str]]:
    """For each target and size how often the true error is above the target."""
    for target in (0.01, 0.02, 0.05):
        for count in (200, 1000, 5000):
            kinds = [exceeds(each, target, count) for each in list(POPULATIONS.values())[:3]]
            kinds.append(exceeds_everywhere(target, count))
            shares = [share_of(happens, repetitions, count) for happens in kinds]
            yield f"{100 * target:.0f} %", f"{count:,}", *(percent(each) for each in shares)


PARTS: dict[str, tuple[str, Sequence[str], Callable[[int], Iterator[Sequence[str]]]]] = {
    "accuracy": (
        "Wilson's interval holds the true accuracy, for accuracies from 80.0 to 99.9 %",
        ("images", "on average", "least"),
        accuracy_lines,
    ),
    "metrics": (
        "The interval holds the true number",
        ("classifier", "images", *Population(2.5, 1.0).truth),
        metric_lines,
    ),
    "differences": (
        "`compare` tells classifiers apart",
        ("accuracy", "correlation", "images", "two equal ones", "any of three equal ones",
         "two that are 2 points apart"),
        difference_lines,
    ),
    "slices": (
        "A group is called worse though all are equal",
        ("accuracy", "images", "at least one group"),
        slice_lines,
    ),
    "thresholds": (
        "The true error is above the target of `choose_threshold`",
        ("target", "images", *list(POPULATIONS)[:3], "error above the target everywhere"),
        threshold_lines,
    ),
}  # fmt: skip


def main() -> None:
    """Prints the tables of the parts that are asked for."""
    parser = argparse.ArgumentParser(description="Counts how often intervals hold the truth.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repetitions", type=int, default=1000)
    arguments = parser.parse_args()
    for name in arguments.parts:
        title, head, lines = PARTS[name]
        print_table(title, head, lines(arguments.repetitions))


if __name__ == "__main__":
    main()
