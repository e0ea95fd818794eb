"""What a comparison of classifiers or of recipes found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convscope.data.index.image_index import ImageIndex
from convscope.evaluation.comparison import Difference, RepeatedAccuracy
from convscope.evaluation.intervals import Estimate, Record, named
from convscope.run import Run
from convscope.short_repr import Shown, short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedClassifier(Record):
    """One of the classifiers that were compared.

    Attributes:
        name: What a user calls it.
        accuracy: Its accuracy on the images of the comparison.
        log_loss: Its mean log loss, in nats.
        num_parameters: Number of parameters of its network.
        macs: Multiply-accumulates for one image.
        images_per_second: Throughput, preprocessing included, measured here.
    """

    name: str
    accuracy: Estimate
    log_loss: float
    num_parameters: int
    macs: int
    images_per_second: float

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement(Record):
    """An image that only one of two classifiers gets right.

    Attributes:
        name: What a user calls it.
        label: Its class.
        first: The first classifier's prediction.
        second: The second classifier's prediction.
    """

    name: str
    label: str
    first: str
    second: str

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierPair(Record):
    """Two classifiers, and how they differ.

    Attributes:
        first: Name of one.
        second: Name of the other.
        difference: Difference of their accuracies.
        disagreements: Images that only one gets right, the most confidently classified first.
    """

    first: str
    second: str
    difference: Difference
    disagreements: tuple[Disagreement, ...]

    __repr__ = short_repr

    @property
    def conclusion(self) -> str:
        """A sentence that says which one is better, if the images can tell."""
        if self.better is None:
            return f"can't tell {self.first} and {self.second} apart"
        return f"{self.better} is better than {self.worse}"

    @property
    def better(self) -> str | None:
        """The name of the better one, if the images can tell."""
        return {"first": self.first, "second": self.second}.get(self.difference.verdict)

    @property
    def worse(self) -> str | None:
        """The name of the other one, if the images can tell."""
        return {"first": self.second, "second": self.first}.get(self.difference.verdict)

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            **self.difference.to_dict(),
            "words": self.conclusion,
            "disagreements": [each.to_dict() for each in self.disagreements],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Record, Shown):
    """Several classifiers on the same images.

    Attributes:
        images: Description of the images.
        num_images: Number of images.
        classifiers: The classifiers, in the order given.
        pairs: Each pair of them.
        runs: The run of each classifier; None for a classifier alone.
        image_index: All images of the data.
    """

    images: str
    num_images: int
    classifiers: tuple[ComparedClassifier, ...]
    pairs: tuple[ClassifierPair, ...]
    runs: tuple[Run | None, ...]
    image_index: ImageIndex

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        """The numbers, ready for JSON."""
        return {
            "images": self.images,
            "num_images": self.num_images,
            "classifiers": [each.to_dict() for each in self.classifiers],
            "pairs": [each.to_dict() for each in self.pairs],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeComparison(Shown):
    """Recipes with the accuracies of their trainings.

    Attributes:
        recipes: Names of each recipe's runs, with their accuracy.
        pairs: Indices of two recipes, with the second's accuracy minus the first's.
        runs: The runs of each recipe.
    """

    recipes: tuple[tuple[tuple[str, ...], RepeatedAccuracy], ...]
    pairs: tuple[tuple[int, int, Estimate], ...]
    runs: tuple[tuple[Run, ...], ...]

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "recipes": [
                {"runs": list(runs), **repeated.to_dict()} for runs, repeated in self.recipes
            ],
            "pairs": [
                {"first": first, "second": second, **named("accuracy_difference", estimate)}
                for first, second, estimate in self.pairs
            ],
        }
