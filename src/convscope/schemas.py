"""Schemas: what each file of a run, a classifier and the cache holds, with its limits."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from convscope.recipe.types import MAX_EPOCHS, MAX_SIDE_PX, Fit
from convscope.records import FileSchema
from convscope.text import shown

MAX_CLASSES = 1_000_000
LARGEST = 1 << 53  # whole number that every reader of JSON keeps

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Length = Annotated[int, Field(ge=1, le=LARGEST)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]
Seconds = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Values = dict[str, Any]  # checked by whoever takes them


class RunFile(FileSchema):
    """A file of a run; what is not declared isn't used, only shown."""

    model_config = ConfigDict(extra="allow")
    way_out = "it was damaged or changed; put it back as it was, or take the folder `classifier`"


class EnvironmentFile(RunFile):
    """`environment.json`: how a run was begun."""

    formats = (1,)

    format: int
    run: Annotated[str, Field(min_length=1, max_length=100)]
    threads: Length
    processes: Length
    data_fingerprint: str
    launch: str | None
    changes: list[list[Any]] = []
    recipes: list[Hash] = []  # SHA-256 of `recipe.yaml`, and of the one that it replaced
    recipe_sha256: Hash | None = None  # of the first one alone, in versions before this one


class TimePlan(RunFile):
    """The plan of a training with `--time`."""

    given: str
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    reserve_seconds: Seconds = 0.0


class MeasuredFile(RunFile):
    """`measured.json`: what chose batch size, learning rate or the number of epochs."""

    formats = (1, 2)
    sealed_from = 2
    way_out = "`--fresh` begins the run anew"

    format: int
    asked: str
    batch_size: Values | None = None
    learning_rate: Values | None = None
    trained_layers: Values | None = None
    formats_chosen: Values | None = None
    time: TimePlan | None = None


class FailureFile(RunFile):
    """`failure.json`: why a training could not go on."""

    formats = (1, 2)
    sealed_from = 2

    format: int
    message: str
    step: Count


class OwnerFile(FileSchema):
    """`training.json`: the process that trains in a run's folder."""

    process: Count
    machine: str


class EvaluationFile(RunFile):
    """`evaluation.json`: what is read back of an evaluation.

    In a run it holds the SHA-256 of the files that nothing changes after the training.
    """

    formats = (2, 3)
    sealed_from = 3

    format: int
    accuracy: Fraction
    num_images: Length
    files: dict[str, Hash] = {}


class HashesFile(RunFile):
    """`hashes.json`: what `files` of a later `evaluation.json` is."""

    formats = (1,)
    sealed_from = 1

    format: int
    files: dict[str, Hash]


class HistoryRow(RunFile):
    """A row of `history.csv`: one epoch."""

    model_config = ConfigDict(extra="forbid")

    epoch: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    step: Count
    learning_rate: Annotated[float, Field(ge=0)]
    train_loss: float
    train_accuracy: Fraction
    validation_loss: float
    validation_accuracy: Fraction
    epoch_seconds: Seconds
    images_per_second: Annotated[float, Field(ge=0)]


class StepLine(FileSchema):
    """A line of `log/steps.jsonl`: one optimizer step."""

    step: Count
    learning_rate: float
    loss: float
    num_images: Count
    num_correct: Count


class ManifestEntry(FileSchema):
    """A file of a checkpoint, as its manifest names it."""

    bytes: Count
    sha256: Hash


class ManifestFile(FileSchema):
    """`manifest.json` of a checkpoint, without its seal and after its format was checked."""

    format: int
    run: str
    step: Count
    files: dict[str, ManifestEntry]


class StepSums(FileSchema):
    """The sums over the steps of an unfinished epoch."""

    loss_sum: float
    num_correct: Count
    num_images: Count
    steps: Count


class StateFile(FileSchema):
    """`state.json` of a checkpoint: where a training is."""

    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    epoch: Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
    step: Count
    sums: StepSums
    epoch_seconds: Seconds
    history: Annotated[list[HistoryRow], Field(max_length=MAX_EPOCHS)]
    best_epoch: Annotated[int, Field(ge=-1, le=MAX_EPOCHS)]
    best_accuracy: Annotated[float, Field(ge=-1, le=1)]
    best_loss: float | None
    first_epoch: Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
    used_seconds: Seconds
    planned_epochs: Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
    steps_per_epoch: Count
    cycles: list[Seconds]
    optimizer: dict[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")], Values]

    @model_validator(mode="after")
    def _has_a_row_for_each_epoch(self) -> Self:
        if [row.epoch for row in self.history] != list(range(1, self.epoch + 1)):
            raise ValueError(f"`history` has no row for each of {self.epoch} epochs")
        return self


class NetworkSection(FileSchema):
    """The arguments that a network was built with."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    num_classes: Annotated[int, Field(ge=1, le=MAX_CLASSES)]
    in_channels: Annotated[int, Field(ge=1, le=4096)]
    input_size: Annotated[list[Side], Field(min_length=2, max_length=2)]
    options: Values


class PreprocessingSection(FileSchema):
    """How an image becomes the network's input."""

    height: Side
    width: Side
    channels: int
    fit: Fit
    resize: Annotated[int, Field(ge=1, le=2 * MAX_SIDE_PX)] | None
    mean: list[float]
    std: list[Annotated[float, Field(gt=0)]]
    value_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None

    @model_validator(mode="after")
    def _has_a_value_for_each_channel(self) -> Self:
        if self.channels not in (1, 3):
            raise ValueError(f"`channels` can't be {self.channels}: it is 1 or 3")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise ValueError(f"`{name}` has {len(values)} values for {self.channels} channels")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            raise ValueError("`value_range` must be two numbers, the lower one first")
        return self


class DecisionSection(FileSchema):
    """The rule that turns logits into a prediction."""

    temperature: Annotated[float, Field(gt=0)]
    min_confidence: Fraction


class WeightsSection(FileSchema):
    """The file of a classifier's weights."""

    sha256: Hash


class ClassifierFile(FileSchema):
    """`classifier.json`, whose format 3 is sealed; format 2 had no seal."""

    formats = (2, 3)
    sealed_from = 3
    way_out = "copy the classifier's folder again, as a whole"

    format: int
    network: NetworkSection
    classes: Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=MAX_CLASSES)]
    preprocessing: PreprocessingSection
    decision: DecisionSection
    metrics: Values
    weights: WeightsSection

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> Self:
        if len(self.classes) != self.network.num_classes:
            raise ValueError(
                f"{len(self.classes)} classes for a network of {self.network.num_classes} outputs"
            )
        if len(set(self.classes)) < len(self.classes):
            name, count = Counter(self.classes).most_common(1)[0]
            raise ValueError(f"the class `{shown(name)}` stands there {count} times")
        if self.network.in_channels != self.preprocessing.channels:
            raise ValueError(
                f"images of {self.preprocessing.channels} channels for a network that takes "
                f"{self.network.in_channels}"
            )
        return self


class SettingsFile(FileSchema):
    """`settings.json` of the cache."""

    formats = (1,)
    way_out = "`convscope cache --limit 64GB`, or another size, writes it anew"

    format: int
    limit_bytes: Annotated[int, Field(ge=0)]
