"""Fields of the recipe about the schedule, the optimizer and the loss."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from convscope.recipe.types import (
    MAX_EPOCHS,
    BatchSize,
    Betas,
    Cuts,
    DeviceName,
    Duration,
    Epochs,
    Fields,
    LearningRate,
    Sides,
    flags,
)

Opt = Literal[
    "sgd", "asgd", "adadelta", "adagrad", "adam", "adamw", "adamax", "rmsprop", "rprop", "lbfgs",
    "muon",
]  # fmt: skip
Sched = Literal["constant", "step", "multi-step", "exponential", "plateau", "cosine", "one-cycle"]


class ScheduleFields(Fields):
    """Schedule: epochs, batches and the device of a training."""

    epochs: int | None = Field(
        None, ge=1, le=MAX_EPOCHS, description="Passes over the train images."
    )
    time: Duration | None = Field(
        None,
        description="Time budget, as 90s, 10m or 1h30m: epochs and schedule are planned from the "
        "measured time of a step.",
    )
    epochs_cut: Cuts | None = Field(
        None,
        description="Epochs that `--time` left out, as 12:40: after epoch 12 there were 40 in all. "
        "A training writes it, so that its recipe gives the same model again.",
    )
    batch_size: BatchSize | None = Field(
        None,
        description="Images per step, over all processes; `auto` finds the largest power of two "
        "that fits into memory, up to 1024 and an eighth of the train images.",
        json_schema_extra=flags("-b", "--batch-size", "--batch"),
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="Micro-batches per step, whose gradients are accumulated: a large batch in the "
        "memory of a small one; only batch normalisation and dropout see a difference.",
    )
    sampler: Literal["shuffle", "balanced"] = Field(
        "shuffle",
        description="Order of the images: each once an epoch, or (balanced) as many of each class.",
    )
    train_sizes: Sides | None = Field(
        None,
        description="Progressive resizing, as 32,48: training begins with the first of these sizes "
        "and ends with `--img-size`, each for as many epochs.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many epochs without a better one: with a higher validation "
        "accuracy or, among those within a standard error, a lower loss.",
    )
    sync_batch_norm: bool = Field(
        False,
        description="Synchronise batch normalisation between processes on GPUs: its statistics are "
        "those of all images of a step, not of each process's own.",
    )
    deterministic: bool = Field(
        False, description="Use only deterministic algorithms, which cost speed on GPUs."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of all random numbers.")
    device: DeviceName = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of convolutions and matrix products; `auto` measures on a CPU.",
        json_schema_extra=flags("--precision", "--amp"),
    )
    memory_format: Literal["auto", "channels_last", "contiguous"] = Field(
        "auto",
        description="Order of an image's values in memory, which changes how fast a step is; "
        "`auto` measures on a CPU.",
    )


class OptimizerFields(Fields):
    """Optimizer: its parameters and its learning-rate schedule."""

    opt: Opt | None = Field(
        None, description="Optimizer; sgd is with Nesterov's momentum. [default: adamw]"
    )
    lr: LearningRate | None = Field(
        None,
        description="Highest learning rate; `auto` runs the learning-rate finder. Else that of the "
        "network's family, scaled with the batch size.",
    )
    momentum: float | None = Field(
        None, ge=0, lt=1, description="Momentum, for sgd, rmsprop and muon."
    )
    betas: Betas | None = Field(
        None, description="Decay rates of adam, adamw, adamax and muon, as 0.9,0.999."
    )
    eps: float | None = Field(None, gt=0, description="Term that keeps denominators above zero.")
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="Weight decay of convolutional and dense weights.",
        json_schema_extra=flags("--weight-decay", "--wd"),
    )
    bias_decay: float | None = Field(
        None, ge=0, description="Weight decay of biases and normalisation layers. [default: 0]"
    )
    clip_norm: float | None = Field(
        None,
        ge=0,
        description="Clip the norm of each step's gradient to this value; 0 for none. Else 1 for "
        "deep networks without normalisation.",
    )
    clip_value: float | None = Field(
        None, gt=0, description="Clip each value of a step's gradient to this size."
    )
    ema: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average of the weights (EMA), for instance "
        "0.999; 0 for none.",
    )
    sched: Sched | None = Field(
        None, description="Learning-rate schedule. [default: one-cycle; constant with rprop]"
    )
    warmup_epochs: float | None = Field(
        None, ge=0, description="Epochs of warm-up to the highest learning rate."
    )
    step_epochs: int | None = Field(
        None, ge=1, description="Epochs between the decays of `sched=step`."
    )
    milestones: Epochs | None = Field(
        None, description="Epochs after which `sched=multi-step` decays, as 30,60."
    )
    gamma: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Decay factor of the learning rate, at each decay of step, multi-step and "
        "plateau, and in each epoch of exponential.",
    )
    plateau_epochs: int | None = Field(
        None,
        ge=1,
        description="Epochs without a lower validation loss after which `sched=plateau` decays.",
    )
    final_lr: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Final learning rate of cosine, one-cycle and plateau, as a fraction of the "
        "highest.",
    )


class LossFields(Fields):
    """Loss: the function that is minimised."""

    loss: Literal["cross-entropy", "bce", "focal"] = Field(
        "cross-entropy",
        description="Loss: cross-entropy, binary cross-entropy of each class by itself, or focal.",
    )
    focal_gamma: float | None = Field(
        None, ge=0, le=10, description="Focusing parameter of `loss=focal`."
    )
    class_weights: Literal["none", "balanced", "sqrt"] = Field(
        "none",
        description="Class weights in inverse proportion to the number of images of each class "
        "(balanced), or to its square root (sqrt).",
    )
    class_weight: dict[str, float] = Field(
        default_factory=dict,
        description="Weight of the images of a class in the loss, as CLASS=WEIGHT; repeatable.",
        json_schema_extra={"metavar": "CLASS=WEIGHT"},
    )
    label_smoothing: float | None = Field(
        None, ge=0, lt=1, description="Fraction of the target that is spread over all classes."
    )
    auxiliary_weight: float | None = Field(
        None, ge=0, description="Weight of auxiliary outputs in the loss (GoogLeNet: 0.3)."
    )
