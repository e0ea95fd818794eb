"""Fields of the recipe that say which images there are, and how they become pixels."""

from __future__ import annotations

from pydantic import BaseModel, Field

from convscope.recipe.values import Fit, Formats, ImageSize, ValueRange, flags

# Fields that say how bytes are read, whatever is done with the images then.
DECODED_BY = ("max_pixels", "extra_formats", "allow_damaged")


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
        json_schema_extra=flags("--img-size", "--imgsz"),
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
