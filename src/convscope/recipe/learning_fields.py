"""Fields of the recipe that say how a network learns: how long, by which steps, towards what."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from convscope.recipe.values import BatchSize, Betas, Duration, Epochs, Rate, Sides, flags

Opt = Literal[
    "sgd",
    "asgd",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "adamax",
    "rmsprop",
    "rprop",
    "lbfgs",
    "muon",
]
Sched = Literal["constant", "step", "multi-step", "exponential", "plateau", "cosine", "one-cycle"]


class CourseFields(BaseModel):
    """How long it learns, and in which steps."""

    epochs: int | None = Field(None, ge=1, le=100_000, description="Passes over the train images.")
    time: Duration | None = Field(
        None,
        description="Train this long, as 90s, 10m or 1h30m: epochs and schedule are planned from "
        "the measured time of a step.",
    )
    batch_size: BatchSize | None = Field(
        None,
        description="Images a step, over all processes; `auto` finds the largest power of two that "
        "fits into memory, up to 1024 and to an eighth of the train images.",
        json_schema_extra=flags("-b", "--batch-size", "--batch"),
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="Parts of a step whose gradients are added up: a large batch in the memory of "
        "a small one; only batch normalisation and dropout see the parts.",
    )
    sampler: Literal["shuffle", "balanced"] = Field(
        "shuffle",
        description="Order of the images: all once an epoch, or (balanced) as many of each class.",
    )
    train_sizes: Sides | None = Field(
        None,
        description="Progressive image sizes, as 32,48: the epochs begin with the first of these "
        "sides and end with `--img-size`, each for as many epochs.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many epochs without a better validation accuracy (or, where "
        "that is the same, loss).",
    )
    sync_batch_norm: bool = Field(
        False,
        description="Of several processes on GPUs: let batch normalisation see the images of all, "
        "not each process its own.",
    )
    deterministic: bool = Field(
        False,
        description="Only algorithms that give the same bits each time; on GPUs it costs speed, on "
        "CPUs they do anyway.",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Everything random follows from it.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of convolutions and matrix products.",
        json_schema_extra=flags("--precision", "--amp"),
    )


class OptimizerFields(BaseModel):
    """How the weights move."""

    opt: Opt | None = Field(
        None, description="Optimizer; sgd is with Nesterov's momentum. [default: adamw]"
    )
    lr: Rate | None = Field(
        None,
        description="Highest learning rate; `auto` looks for it. Else that of the network's "
        "family, scaled with the batch size.",
    )
    momentum: float | None = Field(
        None, ge=0, lt=1, description="Momentum, of sgd, rmsprop and muon."
    )
    betas: Betas | None = Field(
        None, description="The two decay rates of adam, adamw, adamax and muon, as 0.9,0.999."
    )
    eps: float | None = Field(
        None, gt=0, description="What keeps divisions by zero away, of optimizers that divide."
    )
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="Weight decay of kernels and dense weights.",
        json_schema_extra=flags("--weight-decay", "--wd"),
    )
    bias_decay: float | None = Field(
        None, ge=0, description="Weight decay of biases and normalisation layers. [default: 0]"
    )
    clip_norm: float | None = Field(
        None,
        ge=0,
        description="Shrink a step's gradient to this Euclidean norm; 0 for none. Else 1 for deep "
        "networks without normalisation.",
    )
    clip_value: float | None = Field(
        None, gt=0, description="Cut each value of a step's gradient off at this size."
    )
    ema: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Use a moving average of the weights that keeps this share in each step, for "
        "instance 0.999; 0 for none.",
    )
    sched: Sched | None = Field(
        None, description="Course of the learning rate. [default: one-cycle; constant with rprop]"
    )
    warmup_epochs: float | None = Field(
        None, ge=0, description="Epochs in which the rate climbs to its highest value."
    )
    step_epochs: int | None = Field(
        None, ge=1, description="Epochs between the steps of `sched=step`."
    )
    milestones: Epochs | None = Field(
        None, description="Epochs after which `sched=multi-step` steps, as 30,60."
    )
    gamma: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="What a step of step, multi-step and plateau multiplies the rate by, and an "
        "epoch of exponential.",
    )
    plateau_epochs: int | None = Field(
        None,
        ge=1,
        description="Epochs without a lower validation loss after which `sched=plateau` steps.",
    )
    final_lr: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Where cosine, one-cycle and plateau end, as a share of the highest rate.",
    )


class LossFields(BaseModel):
    """What is made small."""

    loss: Literal["cross-entropy", "bce", "focal"] = Field(
        "cross-entropy",
        description="Loss: cross-entropy, binary cross-entropy of each class by itself, or focal.",
    )
    focal_gamma: float | None = Field(
        None, ge=0, le=10, description="How much less easy images count with `loss=focal`."
    )
    class_weights: Literal["none", "balanced", "sqrt"] = Field(
        "none",
        description="Let images of rare classes count more: in inverse proportion to the class's "
        "images (balanced), or to their square root.",
    )
    class_weight: dict[str, float] = Field(
        default_factory=dict,
        description="What an image of a class counts, as CLASS=WEIGHT; repeatable.",
        json_schema_extra={"metavar": "CLASS=WEIGHT"},
    )
    label_smoothing: float | None = Field(
        None, ge=0, lt=1, description="Share of the target that is spread over all classes."
    )
    auxiliary_weight: float | None = Field(
        None, ge=0, description="Weight of auxiliary outputs in the loss (GoogLeNet: 0.3)."
    )
