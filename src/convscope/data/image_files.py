"""Image files: tensors and arrays saved as PNG or JPEG, and many images with labels in one grid."""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from convscope.errors import UsageError
from convscope.files import write_bytes
from convscope.text import counted, either_of

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 95
MARGIN_PX = 6
LABEL_PX = 13
CELL_BOUNDS_PX = (96, 256)
PAPER, INK = (255, 255, 255), (32, 32, 32)
# What rounding leaves outside of 0 to 1; normalised inputs lie much further out.
TOLERANCE = 1e-3

Picture = Tensor | NDArray[Any]


def as_image(pixels: Picture) -> Image.Image:
    """A Pillow image, grey or RGB.

    Args:
        pixels: (C, H, W) or (H, W) floats of 0 to 1, or (H, W, C) or (H, W) uint8; C is 1 or 3.

    Raises:
        UsageError: The shape or type is another one, or a float is not within 0 to 1.
    """
    array = pixels.detach().cpu().numpy() if isinstance(pixels, Tensor) else np.asarray(pixels)
    is_float = np.issubdtype(array.dtype, np.floating)
    if not is_float and array.dtype != np.uint8:
        raise UsageError(
            f"values of type `{array.dtype}` are no picture",
            hint="a picture is uint8 of 0 to 255, or floats of 0 to 1",
        )
    channel_axis = 0 if is_float else -1
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[channel_axis] not in (1, 3)):
        wanted = "(C, H, W) floats" if is_float else "(H, W, C) uint8"
        raise UsageError(
            f"the shape {array.shape} is no picture",
            hint=f"a picture has the shape (H, W), or {wanted} of 1 or 3 channels",
        )
    if 0 in array.shape:
        raise UsageError(f"the shape {array.shape} has no pixels")
    if is_float:
        array = _levels(array)
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(array))


def save_image(pixels: Picture, path: Path | str) -> None:
    """Saves a picture as PNG, which keeps every value, or as JPEG, by the file's ending.

    Args:
        pixels: (C, H, W) or (H, W) floats of 0 to 1, or (H, W, C) or (H, W) uint8; C is 1 or 3.
        path: Ends with `.png`, `.jpg` or `.jpeg`; a file that is there is replaced.

    Raises:
        UsageError: It is no picture, or the file's ending is another one.
        RunError: The folder can't be written to.
    """
    save_grid(as_image(pixels), path)


def save_grid(grid: Image.Image, path: Path | str) -> None:
    """Saves a grid from `image_grid`; file endings and errors are those of `save_image`."""
    name = check_picture_path(Path(path))
    content = io.BytesIO()
    options = {"quality": JPEG_QUALITY, "subsampling": 0} if name == "JPEG" else {}
    grid.save(content, name, **options)
    write_bytes(Path(path), content.getvalue())


def image_grid(
    images: Tensor | NDArray[Any] | Sequence[Picture],
    labels: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    cell_px: int | None = None,
) -> Image.Image:
    """One image with all images in rows, each with its label below.

    Small images are enlarged by a whole factor, so that single pixels are seen; large ones are
    reduced. Of letters that the built-in font lacks, accents are left out and others become `?`.
    Labels that are too long are cut off.

    Args:
        images: (N, C, H, W) floats of 0 to 1, (N, H, W, C) uint8, or a sequence of such images,
            which may differ in size.
        labels: A label for each image; None for no labels.
        columns: Number of images in a row; None for about as many as there are rows.
        cell_px: Side of the square for each image; None for one that fits the images.

    Raises:
        UsageError: There are no images, one is no picture, or labels or numbers don't fit.
    """
    pictures = [as_image(pixels) for pixels in images]
    if not pictures:
        raise UsageError("there are no images to put into a grid")
    if labels is not None and len(labels) != len(pictures):
        raise UsageError(
            f"{counted(len(pictures), 'image')} can't have {counted(len(labels), 'label')}"
        )
    for name, number in (("columns", columns), ("cell_px", cell_px)):
        if number is not None and number < 1:
            raise UsageError(f"`{name}` is {number}; it has to be 1 or more")
    low, high = CELL_BOUNDS_PX
    cell = cell_px or min(high, max(low, *(max(picture.size) for picture in pictures)))
    columns = min(len(pictures), columns or math.ceil(math.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    step_y = cell + MARGIN_PX + (LABEL_PX + MARGIN_PX if labels else 0)
    step_x = cell + MARGIN_PX
    size = (columns * step_x + MARGIN_PX, rows * step_y + MARGIN_PX)
    grid = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(grid)
    font = ImageFont.load_default(LABEL_PX)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        left, top = MARGIN_PX + column * step_x, MARGIN_PX + row * step_y
        fitted = _fitted(picture, cell)
        grid.paste(fitted, (left + (cell - fitted.width) // 2, top + (cell - fitted.height) // 2))
        if labels:
            text = _shortened(_drawable(labels[number], font), font, cell)
            draw.text((left + cell / 2, top + cell + 3), text, fill=INK, font=font, anchor="ma")
    return grid


def _levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    if not np.isfinite(array).all():
        raise UsageError("a picture has non-finite values")
    low, high = float(array.min()), float(array.max())
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise UsageError(
            f"a picture of floats lies between 0 and 1, not between {low:g} and {high:g}",
            hint="undo the normalisation first (times std, plus mean), or divide by 255",
        )
    levels: NDArray[np.uint8] = np.rint(array.clip(0, 1) * 255).astype(np.uint8)
    return levels


def check_picture_path(path: Path) -> str:
    """The format that a picture at `path` will have, by the name's ending.

    Raises:
        UsageError: The ending is not that of an image format.
    """
    name = FORMATS.get(path.suffix.lower())
    if name is None:
        raise UsageError(
            f"`{path.name}` has no ending that says which kind of image to write",
            hint=f"let the name end with {either_of(list(FORMATS))}",
        )
    return name


def _fitted(picture: Image.Image, cell: int) -> Image.Image:
    longest = max(picture.size)
    if longest <= cell:
        factor = cell // longest
        size = (picture.width * factor, picture.height * factor)
        return picture.resize(size, Image.Resampling.NEAREST)
    size = (
        max(1, round(picture.width * cell / longest)),
        max(1, round(picture.height * cell / longest)),
    )
    return picture.resize(size, Image.Resampling.BILINEAR)


def _drawable(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    missing = bytes(font.getmask("\U0010ffff"))
    plain = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join("?" if bytes(font.getmask(c)) == missing else c for c in plain)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
