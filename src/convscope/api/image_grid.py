"""Many image files in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from convscope.api.arguments import checked
from convscope.api.destination import IMAGE_GRID, PICTURES, output_file
from convscope.api.predict import find_images
from convscope.data.dataset import read_file
from convscope.data.decoding.decode import decode
from convscope.data.image_files import image_grid, save_grid
from convscope.errors import DataError
from convscope.files import mark_output
from convscope.progress import DEFAULT_REPORTER, Reporter
from convscope.text import listed


class SavedGrid(NamedTuple):
    """A saved grid, and the images that it leaves out.

    Attributes:
        path: The picture's file.
        num_left_out: Number of files beyond the most that it may show.
        unreadable: Why files could not be read; they are not shown.
    """

    path: Path
    num_left_out: int
    unreadable: list[str]


@checked()
def save_image_grid(
    images: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    columns: int | None = None,
    cell_px: int = 128,
    at_most: int = 100,
    with_names: bool = True,
    reporter: Reporter = DEFAULT_REPORTER,
) -> SavedGrid:
    """Saves a picture of image files, row by row.

    Args:
        images: Files, folders and patterns, see `find_images`.
        output: The picture's file, whose ending says the format, or a folder for image-grid.png.
        columns: Images in a row; None for about as many as there are rows.
        cell_px: Side of the square that each image gets.
        at_most: Largest number of images.
        with_names: Whether the files' names stand below the images.
        reporter: Shows notes.

    Raises:
        DataError: A file, folder or pattern yields no image, or no image can be read.
        UsageError: The ending is not that of a picture.
        RunError: The folder can't be written to.
    """
    path = output_file(output, endings=PICTURES, name=IMAGE_GRID)
    found = find_images(images, reporter=reporter)
    pictures, names, unreadable = [], [], []
    for image in found[:at_most]:
        try:
            pictures.append(decode(read_file(Path(image))))
            names.append(Path(image).name)
        except DataError as error:
            unreadable.append(f"`{image}` {error.message}")
    if not pictures:
        raise DataError(f"none of the images can be read\n{listed(unreadable)}")
    labels = names if with_names else None
    mark_output(path.parent)
    save_grid(image_grid(pictures, labels, columns=columns, cell_px=cell_px), path)
    return SavedGrid(path, max(0, len(found) - at_most), unreadable)
