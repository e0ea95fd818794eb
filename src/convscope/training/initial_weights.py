"""Initial weights: random ones, a file, published ones, or those of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from convscope.classifier import Classifier
from convscope.data.batches import normalise
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.distributed import ProcessGroup
from convscope.errors import UsageError, WeightsError
from convscope.networks import (
    head_names,
    load_weights,
    network_entry,
    network_names,
    publication_of,
    published_weights,
    read_weights,
)
from convscope.networks.airbench import WhiteningConv2d, whitening_kernels
from convscope.networks.registry import NetworkEntry, Preparation
from convscope.paths import CLASSIFIER_FOLDER, WEIGHTS_FILE, is_classifier, likely_path, likely_run
from convscope.recipe import FROM_SCRATCH, PUBLISHED, Recipe
from convscope.recipe.habits import VALUE_HABITS
from convscope.run import Run
from convscope.text import counted, did_you_mean, joined
from convscope.training.training_data import TrainingData

IMAGES_TO_WHITEN_BY = 5000  # of 32 px: each has 961 patches
IMAGES_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """Weights that a training starts from, with what using them demands.

    Attributes:
        source: Where they come from, for messages; "" for random weights.
        state: Weights by name; None for random weights.
        model: The network's name, where the weights say it.
        preprocessing: The source classifier's preprocessing, which is kept.
        preparation: How the publisher prepared images, which is kept.
        channels: Number of channels of the first layer, where that is fixed.
        classes: The source classifier's classes, where they are known.
        options: Options that the source network was built with.
    """

    source: str = ""
    state: dict[str, Tensor] | None = None
    model: str | None = None
    preprocessing: Preprocessing | None = None
    preparation: Preparation | None = None
    channels: int | None = None
    classes: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def prescribe_preprocessing(self) -> bool:
        """Whether mean and standard deviation come with the weights."""
        return self.preprocessing is not None or self.preparation is not None

    def load_into(self, network: nn.Module, classes: tuple[str, ...], model: str) -> list[str]:
        """Loads the weights; of a head for other classes, the rows of known classes.

        Returns:
            Sentences that say what happened.

        Raises:
            WeightsError: The weights belong to another network.
        """
        if self.state is None:
            return []
        own = tuple(f"{head}." for head in head_names(network))
        fresh = {n: v.clone() for n, v in network.state_dict().items() if n.startswith(own)}
        report = load_weights(
            network, self.state, renames=network_entry(model).renames, source=self.source
        )
        said = [f"weights from {self.source}"]
        if report.prefix:
            said[0] += f", their names without `{report.prefix}`"
        if report.prefix and report.dropped:
            said[0] += f"; {counted(len(report.dropped), 'tensor')} of other modules left out"
        if not report.replaced_head and self.classes == classes:
            return said
        # Where the head fits, it may be right by size alone and wrong by name.
        network.load_state_dict(fresh, strict=False)
        known = set(self.classes)
        kept = [name for name in classes if name in known]
        if not kept:
            reason = "the head's classes aren't known to be these, so it is newly initialised"
            if not report.has_head:
                reason = "they have no head, so it is newly initialised"
            elif report.replaced_head:
                reason = "the head has other classes and is newly initialised"
            return [*said, f"{reason}: {', '.join(fresh)}"]
        self._keep_rows(network, fresh, classes)
        new = [name for name in classes if name not in known]
        said.append(
            f"the head keeps its rows of {counted(len(kept), 'class')}"
            + (f"; newly initialised for {joined(new)}" if new else "")
        )
        return said

    def _keep_rows(
        self, network: nn.Module, names: Iterable[str], classes: tuple[str, ...]
    ) -> None:
        """Copies the head's rows of classes that the source knows, each to its new position."""
        own, given = network.state_dict(), self.state or {}
        row_of = {label: row for row, label in enumerate(self.classes)}
        for name in names:
            if name in given and len(given[name]) == len(self.classes):
                for row, label in enumerate(classes):
                    if label in row_of:
                        own[name][row] = given[name][row_of[label]]


def find_initial_weights(recipe: Recipe) -> InitialWeights:
    """Reads the weights that a recipe names, or those of the run that it continues.

    Raises:
        WeightsError: The weights can't be read, or belong to another model.
        UsageError: Weights in a file don't say their network, and no model is given.
        DownloadError: Published weights could not be fetched.
    """
    weights, model = recipe.weights, recipe.model
    if recipe.continues is not None:
        Run.open(recipe.continues)
        return _from_classifier(Path(recipe.continues), model)
    if weights is None or weights == FROM_SCRATCH:
        return InitialWeights()
    if weights == PUBLISHED and model is None:
        return InitialWeights()  # those of the network that suits the images
    place = Path(weights)
    if place.name == WEIGHTS_FILE and is_classifier(place.parent):
        place = place.parent  # the file beside it says what these weights are
    if weights != PUBLISHED and not place.exists():
        raise WeightsError(
            f"the weights file `{weights}` is missing",
            hint=_likely_weights(weights) or "give the path of a file that is there",
        )
    if place.is_dir():
        return _from_classifier(place, model)
    if model is None:
        raise UsageError(
            f"`weights={weights}` needs `model`",
            hint="a file of weights doesn't say which network it belongs to; add `--model NAME`",
        )
    row = network_entry(model)
    if weights == PUBLISHED:
        return _from_file(published_weights(model), publication_of(model).source, row)
    return _from_file(place, f"`{weights}`", row)


@torch.no_grad()
def whiten(network: nn.Module, data: TrainingData, processes: ProcessGroup) -> None:
    """Sets the kernels of whitening layers that see the images to those of the train images.

    They are computed from up to 5,000 images, evenly spread, as prediction prepares them. All
    processes get those of the first, since rounding may differ.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, WhiteningConv2d)]
    if not layers:
        return
    train = data.split.train
    every = max(1, len(train) // IMAGES_TO_WHITEN_BY)
    chosen = train[::every][:IMAGES_TO_WHITEN_BY]
    (whitening,) = layers
    if processes.is_main:
        whitening.weight.copy_(
            whitening_kernels(
                normalise(data.evaluation_pixels.take(part), data.preprocessing)
                for part in np.array_split(chosen, -(-len(chosen) // IMAGES_AT_A_TIME))
            )
        )
    content = processes.broadcast(whitening.weight.numpy().tobytes())
    kernels = torch.frombuffer(bytearray(content), dtype=torch.float32)
    whitening.weight.copy_(kernels.view_as(whitening.weight))


def _likely_weights(weights: str) -> str | None:
    """A hint for weights that aren't there: those of `published`, or another path."""
    if weights in network_names():
        return f"did you mean `--model {weights} --weights {PUBLISHED}`?"
    name = weights.rpartition(".")[2]  # of `ResNet18_Weights.DEFAULT`
    return did_you_mean(name, (PUBLISHED,), habits=VALUE_HABITS["weights"]) or likely_path(weights)


def with_range_of(weights: InitialWeights, recipe: Recipe) -> Recipe:
    """The recipe with the source's range of values, unless it has one of its own.

    Everything that decodes goes by the recipe, so that training sees what prediction will.
    """
    source = weights.preprocessing
    if recipe.value_range is not None or source is None or source.value_range is None:
        return recipe
    return recipe.model_copy(update={"value_range": source.value_range})


def _from_file(path: Path, source: str, row: NetworkEntry) -> InitialWeights:
    return InitialWeights(
        source=source,
        state=read_weights(path),
        model=row.name,
        preparation=row.preparation,
        channels=row.input[0],
    )


def _from_classifier(place: Path, model: str | None) -> InitialWeights:
    inside = place / CLASSIFIER_FOLDER
    folder = inside if inside.is_dir() else place
    if not is_classifier(folder):
        raise WeightsError(
            f"`{place}` is neither a run nor a classifier folder",
            hint=likely_run(place) or "give a file of weights in it, or a run that is finished",
        )
    source = Classifier.load(folder)
    if model is not None and model != source.choice.name:
        raise WeightsError(
            f"`{place}` holds a `{source.choice.name}`, but `model` is `{model}`",
            hint="leave out `--model`, or choose weights of that network",
        )
    return InitialWeights(
        source=f"`{place}`",
        state=source.network.state_dict(),
        model=source.choice.name,
        preprocessing=source.preprocessing,
        channels=source.choice.in_channels,
        classes=source.classes,
        options=source.choice.options,
    )
