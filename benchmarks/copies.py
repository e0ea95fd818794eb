"""Which copies leak: `python benchmarks/copies.py [--data FOLDER] [--each 150]`.

Plants copies of 17 kinds among photos (flowers and hymenoptera in FOLDER), one kind at a time,
draws the splits, and prints as a Markdown table how many copies are found and how many are on
another side of the split than their original.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from convscope.data.decoding.content import Decoded
from convscope.data.decoding.decode import decode_content
from convscope.data.duplicates.calibration import Duplicates
from convscope.data.duplicates.near_duplicates import choose_sample, find_duplicates
from convscope.data.index.statistics import STATISTICS, measure
from convscope.data.sources.opening import open_dataset
from convscope.data.split import connected, split_images

Pixels = NDArray[np.uint8]
SEED = 0
Change = Callable[[Image.Image], Image.Image]


def cropped(fraction: float) -> Change:
    """Without this part of the width and of the height, which is cut off around a corner."""

    def crop(image: Image.Image) -> Image.Image:
        cut = [round(fraction * side) for side in image.size]
        random = np.random.default_rng(image.width * image.height)
        left, top = (int(random.integers(length + 1)) for length in cut)
        return image.crop((left, top, left + image.width - cut[0], top + image.height - cut[1]))

    return crop


def resized(factor: float) -> Change:
    """At another size."""
    return lambda image: image.resize(
        (round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS
    )


def marked(image: Image.Image) -> Image.Image:
    """With half-transparent words along the bottom."""
    over = image.copy()
    draw = ImageDraw.Draw(over)
    draw.text((image.width // 10, image.height * 8 // 10), "PHOTO STOCK", "white",
              font_size=image.width // 9)  # fmt: skip
    return Image.blend(image, over, 0.6)


def as_jpeg(image: Image.Image, quality: int = 90) -> Image.Image:
    """As it comes back from a JPEG file."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return Image.open(io.BytesIO(content.getvalue()))


KINDS: dict[str, Change] = {
    "saved again, JPEG 75": lambda image: as_jpeg(image, 75),
    "saved again, JPEG 50": lambda image: as_jpeg(image, 50),
    "half size": resized(0.5),
    "double size": resized(2.0),
    "cropped by 5 %": cropped(0.05),
    "cropped by 10 %": cropped(0.10),
    "cropped by 20 %": cropped(0.20),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 180 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "stretched to a square": lambda image: image.resize((256, 256), Image.Resampling.BICUBIC),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "with a white border of 5 %": lambda image: ImageOps.expand(
        image, max(image.size) // 20, "white"
    ),
    "brighter by 40 %": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "darker by 40 %": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "with words on it": marked,
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--each", type=int, default=150, help="copies of each kind")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one; repeatable")
    asked = parser.parse_args()
    photos = [
        pixels for name in ("flowers", "hymenoptera") for pixels in pictures_in(asked.data / name)
    ]
    table = statistics_of(photos)
    clean = find(table, photos)
    own = {tuple(pair) for pair in clean.pairs.tolist()}
    print(f"| {asked.each} copies among {len(photos)} photos | found | on another side ", end="")
    print("| other pairs | seconds |\n| --- | --- | --- | --- | --- |")
    sources = np.random.default_rng(SEED).permutation(len(photos))[: asked.each]
    for name in asked.kind or KINDS:
        copies = [
            np.asarray(as_jpeg(KINDS[name](Image.fromarray(photos[index])))) for index in sources
        ]
        all_of_them = np.concatenate([table, statistics_of(copies)])
        started = time.perf_counter()
        found = find(all_of_them, photos + copies)
        seconds = time.perf_counter() - started
        print(row(name, all_of_them, found, sources, own), f"{seconds:.1f} |", flush=True)
    print(f"\npairs without planting: {len(own)}; {clean.calibration.description}")


def pictures_in(folder: Path) -> list[Pixels]:
    """All images of a data set."""
    images = open_dataset(folder).images
    return [decode_content(images.content(index)).pixels for index in range(len(images))]


def statistics_of(images: list[Pixels]) -> NDArray[np.void]:
    """(N,) image statistics."""
    return np.array([measure(Decoded(pixels, "JPEG", "RGB")) for pixels in images], STATISTICS)


def find(table: NDArray[np.void], images: list[Pixels]) -> Duplicates:
    """The copies among images with these statistics."""
    chosen = choose_sample(table)
    sample = [images[index] for index in chosen]
    return find_duplicates(table, sample_indices=chosen, sample_pixels=sample)


def row(
    name: str,
    table: NDArray[np.void],
    found: Duplicates,
    sources: NDArray[np.int64],
    own: set[tuple[int, ...]],
) -> str:
    """One line: how many copies are found, how many leak, and what else is found."""
    _, labels = np.unique(table["pixels"], return_inverse=True)
    groups = connected(labels, labels[found.pairs])
    copies = np.arange(len(table) - len(sources), len(table))
    num_found = int((groups[copies] == groups[sources]).sum())
    split = split_images([""] * len(table), table["pixels"], groups=groups)
    sides = np.array(split.names(len(table)))
    num_leaking = int((sides[copies] != sides[sources]).sum())
    origin = np.concatenate([np.arange(len(table) - len(sources)), sources])
    pairs = np.sort(origin[found.pairs], axis=1)
    others = {tuple(pair) for pair in pairs.tolist() if pair[0] != pair[1]} - own
    return f"| {name} | {num_found} | {num_leaking} | {len(others)} |"


if __name__ == "__main__":
    main()
