"""`convscope image-grid`."""

from __future__ import annotations

import sys
from typing import Any

import click

from convscope.api.destination import IMAGE_GRID, PICTURES
from convscope.cli.flags import output_flag
from convscope.cli.language import say
from convscope.cli.verb import Verb
from convscope.errors import DataError
from convscope.text import counted, listed


@click.command("image-grid", cls=Verb)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@output_flag(
    "The picture's file, whose ending says the format, or a folder for image-grid.png.",
    *PICTURES,
    name=IMAGE_GRID,
    required=True,
)
@click.option("--columns", type=click.IntRange(min=1), help="Images in a row. [default: a square]")
@click.option(
    "--cell",
    "cell_px",
    default=128,
    type=click.IntRange(8, 4096),
    help="Side of each image in pixels. [default: 128]",
)
@click.option(
    "--at-most",
    default=100,
    type=click.IntRange(min=1),
    help="Largest number of images. [default: 100]",
)
@click.option("--no-names", is_flag=True, help="Leave out the files' names.")
def command(images: tuple[str, ...], output: str, no_names: bool, **options: Any) -> int:
    """Put many images into one picture.

    IMAGE is a file, a folder (all images in it and below) or a pattern such as `photos/*.jpg`.
    """
    from convscope.api.image_grid import save_image_grid
    from convscope.progress import Reporter

    saved = save_image_grid(images, output, with_names=not no_names, reporter=Reporter(), **options)
    print(saved.path)
    if saved.num_left_out:
        say(
            f"{saved.num_left_out:,} more are left out: `--at-most` says how many",
            file=sys.stderr,
        )
    if saved.unreadable:
        say(f"error: {counted(len(saved.unreadable), 'image')} can't be read", file=sys.stderr)
        say(listed(saved.unreadable), file=sys.stderr)
        return DataError.exit_code
    return 0
