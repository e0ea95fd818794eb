"""How well the audit finds what is wrong: `python benchmarks/audit.py [--data FOLDER]`.

Plants copies into real data with fixed seeds and prints, as a Markdown table, which fraction is
found and how much is found that was not planted. FOLDER holds `mnist`, `flowers`
and `hymenoptera`; digits come with scikit-learn.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.data.decoding.content import Decoded
from convscope.data.decoding.decode import decode_content
from convscope.data.duplicates.calibration import Duplicates
from convscope.data.duplicates.near_duplicates import (
    choose_sample,
    find_duplicates,
)
from convscope.data.index.statistics import STATISTICS, hash_pixels, measure
from convscope.data.sources.opening import open_dataset
from convscope.data.split import connected

PLANTED_SHARE = 0.04  # of the images, for each kind of copy
MNIST_SAMPLE = 5000
SEED = 0

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Decoded images of a data set."""

    name: str
    pixels: list[Pixels]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    folder = parser.parse_args().data
    sets = [
        load("digits", "digits"),
        load("MNIST, 5,000", folder / "mnist", sample=MNIST_SAMPLE),
        load("flowers", folder / "flowers"),
        load("hymenoptera", folder / "hymenoptera"),
    ]
    whole = load("MNIST, all", folder / "mnist")
    print(f"| copies planted, each {PLANTED_SHARE:.0%} | images | {' | '.join(COPIES)} | ", end="")
    print("others found | found without planting | seconds |")
    print("| --- |" + " --- |" * (len(COPIES) + 4))
    for pictures in sets:
        print(copies_row(pictures), flush=True)
    clean, seconds = search(whole.pixels)
    print(f"| {whole.name} | {len(whole.pixels):,} |{' |' * (len(COPIES) + 1)} ", end="")
    print(f"{len(clean.pairs)} | {seconds:.1f} |", flush=True)


def load(name: str, path: str | Path, *, sample: int | None = None) -> Pictures:
    """All images of a data set, or some."""
    dataset = open_dataset(path)
    chosen = np.random.default_rng(SEED).permutation(len(dataset))[:sample]
    pixels = [decode_content(dataset.images.content(int(index))).pixels for index in chosen]
    return Pictures(name, pixels)


def saved(pixels: Pixels, quality: int) -> Pixels:
    """As it comes back from a JPEG file."""
    content = io.BytesIO()
    picture(pixels).save(content, "JPEG", quality=quality)
    return array(Image.open(io.BytesIO(content.getvalue())), pixels)


def cropped(pixels: Pixels) -> Pixels:
    """Without a twentieth of the height and of the width, at least a pixel, cut at one corner."""
    height, width = (max(1, round(side * 0.05)) for side in pixels.shape[:2])
    return [pixels[height:, width:], pixels[:-height, :-width]][int(pixels.sum()) % 2]


def halved(pixels: Pixels) -> Pixels:
    """Resized to 50 %."""
    image = picture(pixels)
    size = (max(1, image.width // 2), max(1, image.height // 2))
    return array(image.resize(size, Image.Resampling.LANCZOS), pixels)


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "same file": lambda pixels: pixels.copy(),
    "JPEG 75": lambda pixels: saved(pixels, 75),
    "JPEG 40": lambda pixels: saved(pixels, 40),
    "cropped 5 %": cropped,
    "resized 50 %": halved,
}


def picture(pixels: Pixels) -> Image.Image:
    """The Pillow image of pixels (H, W, C)."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def array(image: Image.Image, like: Pixels) -> Pixels:
    """Pixels (H, W, C) with as many channels as others."""
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], like.shape[2])


def search(pixels: list[Pixels]) -> tuple[Duplicates, float]:
    """The copies among images, and how long the search took, without measuring the facts."""
    statistics = np.zeros(len(pixels), dtype=STATISTICS)
    for index, image in enumerate(pixels):
        statistics[index] = measure(Decoded(image, "array", "?"))
    started = time.perf_counter()
    chosen = choose_sample(statistics)
    found = find_duplicates(
        statistics, sample_indices=chosen, sample_pixels=[pixels[index] for index in chosen]
    )
    return found, time.perf_counter() - started


def copies_row(pictures: Pictures) -> str:
    """One line of the table: planted copies that are found, and pairs that weren't planted."""
    count = len(pictures.pixels)
    each = round(PLANTED_SHARE * count)
    chosen = np.random.default_rng(SEED).permutation(count)[: each * len(COPIES)]
    sources = chosen.reshape(len(COPIES), each)
    planted = [
        make(pictures.pixels[index])
        for make, row in zip(COPIES.values(), sources, strict=True)
        for index in row
    ]
    clean, _ = search(pictures.pixels)
    found, seconds = search(pictures.pixels + planted)
    hashes = [hash_pixels(pixels) for pixels in pictures.pixels + planted]
    _, labels = np.unique(hashes, return_inverse=True)
    groups = connected(labels, labels[found.pairs])
    is_found = groups[sources.ravel()] == groups[count:]
    shares = is_found.reshape(sources.shape).mean(axis=1)
    source = np.concatenate([np.arange(count), sources.ravel()])
    own = {tuple(pair) for pair in clean.pairs.tolist()}
    pairs = np.sort(source[found.pairs], axis=1)
    others = {tuple(pair) for pair in pairs.tolist() if pair[0] != pair[1]} - own
    cells = [f"{share:.1%}" for share in shares]
    return (
        f"| {pictures.name} | {count:,} | {' | '.join(cells)} | {len(others)} | "
        f"{len(clean.pairs)} | {seconds:.1f} |"
    )


if __name__ == "__main__":
    main()
