"""`convscope image-grid`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("image-grid")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The picture to write; its suffix says the format.",
)
@click.option("--columns", type=click.IntRange(min=1), help="Images in a row. [default: a square]")
@click.option("--cell", "cell_px", default=128, type=click.IntRange(8, 4096), help="Pixels a side.")
@click.option("--at-most", default=100, type=click.IntRange(min=1), help="Images. [default: 100]")
@click.option("--no-names", is_flag=True, help="Leave out the files' names.")
def command(
    images: tuple[str, ...],
    output: Path,
    columns: int | None,
    cell_px: int,
    at_most: int,
    no_names: bool,
) -> int:
    """Put many images into one picture.

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    """
    from convscope.cli.predict import find_images
    from convscope.data.dataset import read_file
    from convscope.data.decode import decode
    from convscope.data.pictures import image_grid, save_grid
    from convscope.errors import DataError, counted, listed

    found = find_images(images)
    pictures, names, failures = [], [], []
    for path in found[:at_most]:
        try:
            pictures.append(decode(read_file(Path(path))))
            names.append(Path(path).name)
        except DataError as error:
            failures.append(f"`{path}` {error.message}")
    if not pictures:
        raise DataError(f"none of the images can be read\n{listed(failures)}")
    labels = None if no_names else names
    grid = image_grid(pictures, labels, columns=columns, cell_px=cell_px)
    save_grid(grid, output)
    print(output)
    if len(found) > at_most:
        print(
            f"{len(found) - at_most:,} more are left out: `--at-most` says how many",
            file=sys.stderr,
        )
    if failures:
        print(f"error: {counted(len(failures), 'image')} can't be read", file=sys.stderr)
        print(listed(failures), file=sys.stderr)
        return DataError.exit_code
    return 0
