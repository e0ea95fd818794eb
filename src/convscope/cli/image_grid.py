"""`convscope image-grid`."""

from __future__ import annotations

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
) -> None:
    """Put many images into one picture.

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    """
    from convscope.cli.predict import find_images
    from convscope.data.dataset import read_file
    from convscope.data.decode import decode
    from convscope.data.pictures import image_grid, save_grid
    from convscope.errors import DataError

    paths = find_images(images)[:at_most]
    pictures = []
    for path in paths:
        try:
            pictures.append(decode(read_file(Path(path))))
        except DataError as error:
            raise DataError(f"`{path}` {error.message}", hint=error.hint) from error
    labels = None if no_names else [Path(path).name for path in paths]
    grid = image_grid(pictures, labels, columns=columns, cell_px=cell_px)
    save_grid(grid, output)
    print(output)
