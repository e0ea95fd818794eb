"""Fields of the recipe about the network, its initial weights and its trainable layers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from convscope.recipe.types import Fields, Initialization, PathText, Tune, flags


class NetworkFields(Fields):
    """Network: architecture, initial weights and trainable layers."""

    model: str | None = Field(
        None,
        description="Name of the network; `convscope networks` lists all. Else lenet5_relu for "
        "small grey images; efficientnet_lite0 with its published weights for others, or resnet18 "
        "from scratch with `--weights none`.",
        json_schema_extra=flags("-m", "--model"),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Option of the network as NAME=VALUE, for instance stem=small; repeatable.",
        json_schema_extra=flags("--option"),
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Probability of dropout, for networks that have it; short for `--option`.",
    )
    drop_path: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Stochastic depth of ResNets: probability of dropping the last block, lower "
        "for earlier ones; short for `--option`.",
    )
    initialization: Initialization | None = Field(
        None, description="Scheme of the initial weights; else the one that suits the network."
    )
    weights: PathText | None = Field(
        None,
        description="Initial weights: a file (safetensors, pth, pt, th), a run, `published`, or "
        "`none` for random ones. The head of a run keeps the rows of classes that it knows.",
    )
    continues: PathText | None = Field(
        None,
        description="Continue this finished run for more `--epochs`, in a new run that begins with "
        "its weights, optimizer state and history.",
        json_schema_extra=flags("--continue"),
    )
    tune: Tune | None = Field(
        None,
        description="Trainable layers: all, the dense ones, the last one alone (head), or (auto) "
        "the last one first and then all, where that takes less than a minute more. [default: auto "
        "where no network is chosen, else all]",
    )
    head_epochs: int | None = Field(
        None,
        ge=1,
        description="First epochs, in which only the last layer is trained, on features that are "
        "computed once; all layers follow.",
    )
    unfreeze_epochs: float | None = Field(
        None,
        gt=0,
        description="Gradual unfreezing: only the last block is trained at first, and every so "
        "many epochs the block before it is unfrozen.",
    )
    layer_decay: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Layer-wise decay of the learning rate: the factor from each block to the one "
        "before it; 1 for the same rate everywhere.",
    )
    feature_views: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Augmented versions of each image whose features are computed once, where the "
        "first layers are frozen; 0 computes features in each epoch.",
    )
