"""Fields of the recipe that say how train images are varied."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class AugmentationFields(BaseModel):
    """How train images are varied, each time they are seen."""

    crop_scale: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Random resized crops: the smallest share of the image's area; 0 for none.",
    )
    pad_crop: int | None = Field(
        None, ge=0, le=1024, description="Pixels of padding before a crop at a random place."
    )
    hflip: float | None = Field(
        None, ge=0, le=1, description="Probability that a train image is mirrored."
    )
    vflip: float = Field(
        0.0, ge=0, le=1, description="Probability that a train image is turned upside down."
    )
    flip_mode: Literal["random", "alternating"] = Field(
        "random",
        description="Mirror at random, or (alternating) every other epoch, each image.",
    )
    translate: float | None = Field(
        None, ge=0, le=0.5, description="Largest shift of a train image, as a share of its size."
    )
    rotate: float | None = Field(
        None, ge=0, le=180, description="Largest rotation of a train image in degrees."
    )
    scale: float | None = Field(
        None, ge=0, le=0.9, description="Largest change of a train image's size, as a share of it."
    )
    brightness: float | None = Field(
        None, ge=0, lt=1, description="Largest change of a train image's brightness, as a share."
    )
    contrast: float | None = Field(
        None, ge=0, lt=1, description="Largest change of a train image's contrast, as a share."
    )
    saturation: float | None = Field(
        None, ge=0, lt=1, description="Largest change of a train image's saturation, as a share."
    )
    hue: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Largest turn of a train image's hue, as a share of a circle.",
    )
    grey: float = Field(
        0.0, ge=0, le=1, description="Probability that a train image loses its colours."
    )
    blur: float = Field(0.0, ge=0, le=1, description="Probability that a train image is blurred.")
    erase: float = Field(
        0.0, ge=0, le=1, description="Probability that a rectangle of a train image is erased."
    )
    policy: Literal["none", "randaugment", "trivialaugment"] = Field(
        "none", description="Random operations from a published list, on top of the others."
    )
    policy_ops: int | None = Field(
        None, ge=1, le=10, description="Operations an image, of randaugment only."
    )
    policy_magnitude: int | None = Field(
        None, ge=0, le=30, description="Strength from 0 to 30, of randaugment only."
    )
    mixup: float = Field(
        0.0, ge=0, description="Alpha of MixUp: images and targets are blended; 0 for none."
    )
    cutmix: float = Field(
        0.0, ge=0, description="Alpha of CutMix: a rectangle comes from another image; 0 for none."
    )
