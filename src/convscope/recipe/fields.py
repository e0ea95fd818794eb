"""The recipe's fields: each with its default, its limits and its help sentence, once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

MAX_SIDE_PX = 8192

# Fields that say how bytes are read, whatever is done with the images then.
DECODED_BY = ("max_pixels", "extra_formats", "allow_damaged")

Fit = Literal["crop", "pad", "stretch"]
Tune = Literal["all", "dense", "head"]
Initialization = Literal[
    "kaiming", "kaiming_fan_out", "xavier", "lecun", "notes", "normal", "pytorch"
]


def _flags(*names: str) -> dict[str, Any]:
    """The command-line spellings of a field, where they are not just `--field-name`."""
    return {"flags": names}


def sides_of(img_size: object) -> tuple[int, int]:
    """Height and width from what `img_size` may be: 224, "224" or "224x320".

    Raises:
        ValueError: It is something else.
    """
    words = str(img_size).lower().split("x")
    if not 1 <= len(words) <= 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError("it must be a number of pixels or HEIGHTxWIDTH, as 224 or 224x320")
    height, width = int(words[0]), int(words[-1])
    if not 1 <= min(height, width) <= max(height, width) <= MAX_SIDE_PX:
        raise ValueError(f"a side must be 1 to {MAX_SIDE_PX} pixels")
    return height, width


def size_of(height: int, width: int) -> str | int:
    """What `img_size` is for a height and a width."""
    return height if height == width else f"{height}x{width}"


def _image_size(value: object) -> object:
    # None stays open; True, which Python takes for 1, is no size.
    return None if value is None else size_of(*sides_of(str(value)))


def _value_range(value: object) -> object:
    if value is None:
        return None
    words = value.split(",") if isinstance(value, str) else value
    try:
        low, high = (float(word) for word in words)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise ValueError("it must be LOW,HIGH with LOW below HIGH, as 0,4095")
    return low, high


def _formats(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip().upper() for word in value.split(",") if word.strip())
    return value


ImageSize = Annotated[str | int, BeforeValidator(_image_size)]
ValueRange = Annotated[tuple[float, float], BeforeValidator(_value_range)]
Formats = Annotated[tuple[str, ...], BeforeValidator(_formats)]


class DataFields(BaseModel):
    """Which images are learned from, and what each is used for."""

    data: str = Field(
        min_length=1,
        description="Folder of class folders, table, archive, original files of a known data set, "
        "or a name such as `digits`.",
        json_schema_extra={"argument": True},
    )
    path_column: str | None = Field(
        None, description="Column of a table that has the images' paths; else found by its name."
    )
    label_column: str | None = Field(
        None, description="Column of a table that has the classes; else found by its name."
    )
    split_column: str | None = Field(
        None, description="Column of a table that says train, val or test; else found by its name."
    )
    group: str | None = Field(
        None,
        description="Column of a table (patient, burst, camera): images with the same value stay "
        "on one side of a split that is drawn.",
    )
    exclude: str | None = Field(
        None,
        description="Leave out the images in this list, which `convscope check` wrote, or a text "
        "file with one name a line.",
    )
    splits: str | None = Field(
        None,
        description="Keep the sides that images have in an earlier run, or in its splits.csv; new "
        "images join the side of their near-duplicates.",
    )
    folds: int | None = Field(
        None, ge=2, le=100, description="Cut the images into this many folds for cross-validation."
    )
    fold: int = Field(0, ge=0, description="Which of the folds is held out as test images.")


class DecodingFields(BaseModel):
    """How bytes become pixels of the size that the network takes."""

    img_size: ImageSize | None = Field(
        None,
        description="Height and width of the network's input in pixels, as 224 or 224x320; else "
        "the network's own, or the images' where they are smaller.",
        json_schema_extra=_flags("--img-size", "--imgsz"),
    )
    fit: Fit | None = Field(
        None,
        description="How a photo is brought to the input: crop (shorter side, then the centre), "
        "pad (longer side, then black borders), stretch.",
    )
    max_pixels: int = Field(
        100_000_000, ge=1, description="Refuse images with more pixels than this."
    )
    value_range: ValueRange | None = Field(
        None,
        description="LOW,HIGH: the values of 12-, 16- and 32-bit and float images that become "
        "black and white; else the range of their type.",
    )
    extra_formats: Formats = Field(
        (),
        description="Read these formats too, by Pillow's names, for instance ICO,TGA.",
    )
    allow_damaged: bool = Field(
        False,
        description="Take truncated images as far as they go, and go on although more than 5 % of "
        "the images can't be read.",
    )


class NetworkFields(BaseModel):
    """What learns."""

    model: str | None = Field(
        None,
        description="Name of the network; `convscope networks` lists all. Else lenet5_relu for "
        "small images and resnet18 for others.",
        json_schema_extra=_flags("-m", "--model"),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Option of the network as NAME=VALUE, for instance stem=small; repeatable.",
        json_schema_extra=_flags("--option"),
    )
    initialization: Initialization | None = Field(
        None, description="Scheme of the first weights; else the one that suits the network."
    )
    weights: str | None = Field(
        None,
        description="Start from these weights: a file (safetensors, pth, pt, th), a run, or "
        "`published`.",
    )
    tune: Tune | None = Field(
        None, description="Which layers learn: all, the dense ones, or the last one alone."
    )


class LearningFields(BaseModel):
    """How it learns, and on what."""

    epochs: int | None = Field(None, ge=1, le=100_000, description="Passes over the train images.")
    batch_size: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Images a step.",
        json_schema_extra=_flags("-b", "--batch-size", "--batch"),
    )
    opt: Literal["sgd", "adam", "adamw"] = Field("adamw", description="Optimizer.")
    lr: float | None = Field(None, gt=0, description="Highest learning rate.")
    momentum: float | None = Field(None, ge=0, lt=1, description="Momentum, of sgd only.")
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="Weight decay; never on biases and normalisation layers.",
        json_schema_extra=_flags("--weight-decay", "--wd"),
    )
    sched: Literal["constant", "cosine", "one-cycle"] = Field(
        "one-cycle", description="Course of the learning rate."
    )
    warmup_epochs: float | None = Field(
        None, ge=0, description="Epochs in which the rate climbs to its highest value."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the target that is spread over all classes."
    )
    auxiliary_weight: float | None = Field(
        None, ge=0, description="Weight of auxiliary outputs in the loss (GoogLeNet: 0.3)."
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many epochs without a better validation accuracy (or, where "
        "that is the same, loss).",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Everything random follows from it.")

    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of convolutions and matrix products.",
    )


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
    brightness: float = Field(
        0.0, ge=0, lt=1, description="Largest change of a train image's brightness, as a share."
    )
    contrast: float = Field(
        0.0, ge=0, lt=1, description="Largest change of a train image's contrast, as a share."
    )
    saturation: float = Field(
        0.0, ge=0, lt=1, description="Largest change of a train image's saturation, as a share."
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
