"""Many image files in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from convscope.api.predict import find_images
from convscope.data.dataset import read_file
from convscope.data.decoding.decode import decode
from convscope.data.image_files import image_grid, save_grid
from convscope.errors import DataError
from convscope.files import mark_output
from convscope.progress import SILENT, Reporter
from convscope.text import listed


class SavedGrid(NamedTuple):
    """The images that a saved grid leaves out.

    Attributes:
        num_left_out: Number of files beyond the most that it may show.
        unreadable: Why files could not be read; they are not shown.
    """

    num_left_out: int
    unreadable: list[str]


def save_image_grid(
    images: Sequence[str],
    output: Path,
    *,
    columns: int | None = None,
    cell_px: int = 128,
    at_most: int = 100,
    with_names: bool = True,
    reporter: Reporter = SILENT,
) -> SavedGrid:
    """Saves a picture of image files, row by row.

    Args:
        images: Files, folders and patterns, see `find_images`.
        output: The picture's file; its suffix says the format.
        columns: Images in a row; None for about as many as there are rows.
        cell_px: Side of the square that each image gets.
        at_most: Largest number of images.
        with_names: Whether the files' names stand below the images.
        reporter: Shows notes.

    Raises:
        DataError: A file, folder or pattern yields no image, or no image can be read.
        UsageError: The suffix is not that of a picture.
        RunError: The folder can't be written to.
    """
    found = find_images(images, reporter=reporter)
    pictures, names, unreadable = [], [], []
    for path in found[:at_most]:
        try:
            pictures.append(decode(read_file(Path(path))))
            names.append(Path(path).name)
        except DataError as error:
            unreadable.append(f"`{path}` {error.message}")
    if not pictures:
        raise DataError(f"none of the images can be read\n{listed(unreadable)}")
    labels = names if with_names else None
    mark_output(output.parent)
    save_grid(image_grid(pictures, labels, columns=columns, cell_px=cell_px), output)
    return SavedGrid(max(0, len(found) - at_most), unreadable)
