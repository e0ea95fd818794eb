"""Fields of the recipe about data, preprocessing and augmentation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from convscope.recipe.types import (
    ClassLevel,
    Encoding,
    Fields,
    Fit,
    Formats,
    ImageSize,
    PathText,
    ValueRange,
    flags,
)

FlipMode = Literal["random", "alternating"]
Policy = Literal["none", "randaugment", "trivialaugment"]

# Fields that decide how files are decoded, whatever is done with the images then.
DECODING_FIELDS = ("max_pixels", "extra_formats", "allow_damaged")


class DataFields(Fields):
    """Data: the images of a training, and their splits."""

    data: str = Field(
        min_length=1,
        description="Folder of class folders, table, archive, original files of a known data set, "
        "or a name such as `digits`.",
        json_schema_extra={"argument": True},
    )
    path_column: str | None = Field(
        None, description="Column of a table with the paths of the images; else found by its name."
    )
    label_column: str | None = Field(
        None, description="Column of a table with the classes; else found by its name."
    )
    split_column: str | None = Field(
        None,
        description="Column of a table with train, val or test; none for no column; else found by "
        "its name.",
    )
    group: str | None = Field(
        None,
        description="Column of a table (patient, burst, camera): images with the same value go "
        "to the same split where splits are drawn.",
    )
    class_level: ClassLevel | None = Field(
        None,
        description="Which of the folders that an image lies in is its class: first (below DATA or "
        "its splits) or last; else the first, where that is clear.",
    )
    zip_encoding: Encoding | None = Field(
        None,
        description="Encoding of the names in a zip or tar archive that doesn't say it, as gbk.",
    )
    exclude: PathText | None = Field(
        None,
        description="Leave out the images in this list, which `convscope check` wrote, or a text "
        "file with one name a line.",
    )
    splits: PathText | None = Field(
        None,
        description="Keep the splits of an earlier run, or of its splits.csv; new images join the "
        "split of their near-duplicates.",
    )
    folds: int | None = Field(
        None, ge=2, le=100, description="Number of folds for cross-validation."
    )
    fold: int = Field(0, ge=0, description="Index of the fold that is held out as test images.")


class PreprocessingFields(Fields):
    """Preprocessing: from the file of an image to the network's input."""

    img_size: ImageSize | None = Field(
        None,
        description="Height and width of the network's input in pixels, as 224 or 224x320; else "
        "the network's own, or the images' where they are smaller.",
        json_schema_extra=flags("--img-size", "--imgsz"),
    )
    fit: Fit | None = Field(
        None,
        description="How a photo is fitted to the input: crop (resize the shorter side, cut the "
        "centre), pad (resize the longer side, add black borders), stretch.",
    )
    max_pixels: int = Field(
        100_000_000, ge=1, description="Refuse images with more pixels than this."
    )
    value_range: ValueRange | None = Field(
        None,
        description="LOW,HIGH: values of 12-, 16- and 32-bit and float images that become black "
        "and white; else the range of their type.",
    )
    extra_formats: Formats = Field(
        (), description="Further formats to read, by Pillow's names, for instance ICO,TGA."
    )
    allow_damaged: bool = Field(
        False,
        description="Decode truncated images as far as possible, and go on although more than 5 % "
        "of the images can't be read.",
    )


class AugmentationFields(Fields):
    """Augmentation: random changes of the train images in each epoch."""

    crop_scale: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Random resized crops: smallest fraction of the image's area; 0 for none.",
    )
    pad_crop: int | None = Field(
        None, ge=0, le=1024, description="Pixels of padding before a random crop."
    )
    hflip: float | None = Field(None, ge=0, le=1, description="Probability of a horizontal flip.")
    vflip: float = Field(0.0, ge=0, le=1, description="Probability of a vertical flip.")
    flip_mode: FlipMode = Field(
        "random", description="Flip each image at random, or in every other epoch (alternating)."
    )
    translate: float | None = Field(
        None, ge=0, le=0.5, description="Largest shift, as a fraction of the image's size."
    )
    rotate: float | None = Field(None, ge=0, le=180, description="Largest rotation in degrees.")
    scale: float | None = Field(
        None, ge=0, le=0.9, description="Largest change of scale, as a fraction."
    )
    brightness: float | None = Field(
        None, ge=0, lt=1, description="Largest change of brightness, as a fraction."
    )
    contrast: float | None = Field(
        None, ge=0, lt=1, description="Largest change of contrast, as a fraction."
    )
    saturation: float | None = Field(
        None, ge=0, lt=1, description="Largest change of saturation, as a fraction."
    )
    hue: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Largest shift of the hue, as a fraction of the colour circle.",
    )
    grey: float = Field(0.0, ge=0, le=1, description="Probability of conversion to greyscale.")
    blur: float = Field(0.0, ge=0, le=1, description="Probability of a Gaussian blur.")
    erase: float = Field(
        0.0, ge=0, le=1, description="Probability of random erasing of a rectangle."
    )
    policy: Policy = Field(
        "none", description="Published augmentation policy, in addition to the other fields."
    )
    policy_ops: int | None = Field(
        None, ge=1, le=10, description="Operations per image, for randaugment only."
    )
    policy_magnitude: int | None = Field(
        None, ge=0, le=30, description="Magnitude from 0 to 30, for randaugment only."
    )
    mixup: float = Field(
        0.0, ge=0, description="Alpha of MixUp, which blends images and targets; 0 for none."
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        description="Alpha of CutMix, which pastes a rectangle of another image; 0 for none.",
    )
