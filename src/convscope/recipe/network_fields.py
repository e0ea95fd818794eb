"""Fields of the recipe that say what learns, and from what it starts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from convscope.recipe.values import Initialization, Tune, flags


class NetworkFields(BaseModel):
    """What learns."""

    model: str | None = Field(
        None,
        description="Name of the network; `convscope networks` lists all. Else lenet5_relu for "
        "small images and resnet18 for others.",
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
        description="Probability of dropout, where the network has it; short for `--option`.",
    )
    drop_path: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Stochastic depth of ResNets: probability of skipping the last block, less for "
        "earlier ones; short for `--option`.",
    )
    initialization: Initialization | None = Field(
        None, description="Scheme of the first weights; else the one that suits the network."
    )
    weights: str | None = Field(
        None,
        description="Start from these weights: a file (safetensors, pth, pt, th), a run, or "
        "`published`. A run's head keeps the rows of classes that it knows.",
    )
    continues: str | None = Field(
        None,
        description="Go on with this finished run for more `--epochs`, in a new run: weights, "
        "optimizer and history begin where it ended.",
        json_schema_extra=flags("--continue"),
    )
    tune: Tune | None = Field(
        None, description="Which layers learn: all, the dense ones, or the last one alone."
    )
    unfreeze_epochs: float | None = Field(
        None,
        gt=0,
        description="Unfreeze gradually: the last block learns alone at first, and every so many "
        "epochs the block before it joins.",
    )
    layer_decay: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Lower rates for earlier layers: each block learns at this share of the rate "
        "of the block after it; 1 for the same rate everywhere.",
    )
    feature_views: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Varied versions of each image whose features are computed once, where the "
        "first layers don't learn; 0 computes features anew in each epoch.",
    )
