"""What damaged images do to the decoder: `python benchmarks/mutations.py --count 100000`.

Small images of every format are damaged at random (bits flipped, cut, spliced, overwritten) and
decoded in processes of their own, so that a crash or a hang is seen and told with its seed. A seed
always makes the same image: `--seed 123 --save image.bin` writes it. Every other PNG gets correct
checksums again, as its decoder would otherwise never be reached. With `--folder`, the images there
are first decoded as they are, and then damaged as well.

Exits with 1 if an image crashed a process, hung, or raised anything but a `DamagedImageError`.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import resource
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode_content

HANG_SECONDS = 20.0
LARGEST_BYTES = 20_000  # of an image from a folder that is damaged
TOLD = ("seed", "started", "decoded", "refused", "slowest", "slowest_seed", "peak_megabytes")


def small_images() -> list[bytes]:
    """Images of every format and colour mode, each made by Pillow."""
    noise = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(24), 2 * np.arange(32))[:, :, np.newaxis]
    colours = Image.fromarray((ramp * [1, 2, 2] + noise.integers(0, 40, (24, 32, 3))).astype("u1"))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a picture"
    options: dict[str, list[dict[str, Any]]] = {
        "JPEG": [{}, {"progressive": True}, {"restart_marker_blocks": 1}, {"exif": exif}],
        "PNG": [{}, {"exif": exif}, {"save_all": True, "append_images": [colours]}],
        "WEBP": [{}, {"lossless": True}, {"save_all": True, "append_images": [colours]}],
        "BMP": [{}],
        "GIF": [{}, {"interlace": 0}, {"save_all": True, "append_images": [colours]}],
        "TIFF": [
            *({"compression": name} for name in (None, "tiff_lzw", "tiff_adobe_deflate")),
            *({"compression": name} for name in ("packbits", "jpeg", "lzma")),
            {"exif": exif},
        ],
        "PPM": [{}],
    }
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
    found = [b"P3 2 2 9\n1 2 3 4 5 6 7 8 9 0 1 2", b"P1 3 2\n1 0 1 0 1 0", b"P5 2 1 99\n\x05\x09"]
    for mode in modes:
        image = colours.convert("I").convert(mode) if mode == "I;16" else colours.convert(mode)
        for name, variants in options.items():
            for variant in variants:
                stream = io.BytesIO()
                try:
                    image.save(stream, name, **variant)
                except (OSError, ValueError, KeyError):
                    continue  # the format hasn't this mode
                found.append(stream.getvalue())
    return found


def damaged(seed: int, images: list[bytes]) -> bytes:
    """An image damaged in a way that the seed decides."""
    draw = random.Random(seed)
    content = bytearray(draw.choice(images))
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if not content:
            break
        place = draw.randrange(len(content))
        if draw.random() < 0.5:
            place = min(place, draw.randrange(64))  # headers are where the decisions are
        draw.choice(DAMAGES)(content, place, draw, images)
    if content[:4] == b"\x89PNG" and draw.random() < 0.5:
        return with_right_checksums(bytes(content))
    return bytes(content)


def flip(content: bytearray, place: int, draw: random.Random, images: list[bytes]) -> None:
    """One bit."""
    content[place] ^= 1 << draw.randrange(8)


def scatter(content: bytearray, place: int, draw: random.Random, images: list[bytes]) -> None:
    """Twenty bytes anywhere."""
    for _ in range(20):
        content[draw.randrange(len(content))] = draw.randrange(256)


def cut(content: bytearray, place: int, draw: random.Random, images: list[bytes]) -> None:
    """The rest is gone."""
    del content[place:]


def splice(content: bytearray, place: int, draw: random.Random, images: list[bytes]) -> None:
    """The rest is another image's."""
    other = draw.choice(images)
    content[place:] = other[draw.randrange(len(other)) :]


def overwrite(content: bytearray, place: int, draw: random.Random, images: list[bytes]) -> None:
    """Numbers as programs get wrong, or zeros."""
    extremes = (
        b"\xff" * 4,
        b"\0\0\0\x01",
        b"\x01\0\0\0",
        b"\x7f\xff\xff\xff",
        b"\0\x80",
        bytes(200),
    )
    number = draw.choice(extremes)
    content[place : place + len(number)] = number


def repeat(content: bytearray, place: int, draw: random.Random, images: list[bytes]) -> None:
    """A part is there twice."""
    content[place:place] = content[place : place + draw.choice((1, 2, 4, 16, 200))]


DAMAGES = (flip, flip, flip, scatter, cut, splice, overwrite, repeat)


def with_right_checksums(png: bytes) -> bytes:
    """A PNG whose parts have the checksums that belong to them."""
    content, place = bytearray(png), 8
    while place + 12 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        if end > len(content):
            break
        content[end - 4 : end] = zlib.crc32(content[place + 4 : end - 4]).to_bytes(4, "big")
        place = end
    return bytes(content)


def work(first: int, last: int, folder: str | None, told: Any) -> None:
    """Decodes the images of some seeds, and writes down before each which it is."""
    images = images_of(folder)
    for seed in range(first, last):
        content = damaged(seed, images)
        started = time.monotonic()
        told[0], told[1] = seed, started
        try:
            decode_content(content, Decoding(allow_truncated=seed % 2 == 1, max_pixels=4_000_000))
            told[2] += 1
        except DamagedImageError:
            told[3] += 1
        seconds = time.monotonic() - started
        if seconds > told[4]:
            told[4], told[5] = seconds, seed
    told[6] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def images_of(folder: str | None) -> list[bytes]:
    """The small images, with those of a folder behind them."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file()) if folder else []
    contents = (path.read_bytes() for path in files if path.stat().st_size <= LARGEST_BYTES)
    return [*small_images(), *(content for content in contents if content)]


class Worker:
    """A process that decodes the images of some seeds, begun again behind one that kills it."""

    def __init__(self, first: int, last: int, folder: str | None) -> None:
        self.first, self.last, self.folder = first, last, folder
        self.start()

    def start(self) -> None:
        """Begins with the image of the first seed."""
        context = multiprocessing.get_context("spawn")
        self.told = context.Array("d", len(TOLD), lock=False)
        self.told[0], self.told[1] = self.first, time.monotonic()
        arguments = (self.first, self.last, self.folder, self.told)
        self.process = context.Process(target=work, args=arguments)
        self.process.start()

    def is_done(self, total: dict[str, Any]) -> bool:
        """Whether all seeds are through; what has been found out is added to the total."""
        is_hung = self.process.is_alive()
        if is_hung and time.monotonic() - self.told[1] < HANG_SECONDS:
            return False
        if is_hung:
            self.process.kill()
        self.process.join()
        values = dict(zip(TOLD, self.told, strict=True))
        total["decoded"] += int(values["decoded"])
        total["refused"] += int(values["refused"])
        total["peak_megabytes"] = max(total["peak_megabytes"], round(values["peak_megabytes"]))
        slowest = (values["slowest"], int(values["slowest_seed"]))
        total["slowest"] = max(total["slowest"], slowest)
        if self.process.exitcode == 0:
            return True
        total["hung" if is_hung else "crashed"].append(int(values["seed"]))
        self.first = int(values["seed"]) + 1
        if self.first < self.last:
            self.start()
        return self.first >= self.last


def damage_many(first: int, count: int, folder: str | None, workers: int) -> dict[str, Any]:
    """Decodes damaged images in several processes, and counts what came of them."""
    total: dict[str, Any] = {"decoded": 0, "refused": 0, "crashed": [], "hung": []}
    total |= {"slowest": (0.0, first), "peak_megabytes": 0}
    share = -(-count // workers)
    starts = range(first, first + count, share)
    running = [Worker(start, min(start + share, first + count), folder) for start in starts]
    while running:
        time.sleep(0.1)
        running = [worker for worker in running if not worker.is_done(total)]
    return total


def decode_folder(folder: Path) -> int:
    """Decodes the images of a folder as they are, and prints the slowest and the memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took: list[tuple[float, str]] = []
    decoded = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        started = time.perf_counter()
        try:
            decode_content(content)
            decoded += 1
        except DamagedImageError:
            pass
        took.append((time.perf_counter() - started, path.name))
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    slowest, name = max(took)
    print(
        f"{len(took)} files as they are: {decoded} decoded, {len(took) - decoded} refused, "
        f"slowest {slowest:.3f} s ({name}), {growth:.0f} MB over the start"
    )
    return decoded


def main() -> int:
    """Prints the counts, and returns what the program exits with."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=20_000, help="damaged images")
    parser.add_argument("--seed", type=int, default=0, help="of the first")
    parser.add_argument("--folder", help="of more images")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--save", type=Path, help="where to write the first instead")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    arguments = parser.parse_args()
    if arguments.save:
        arguments.save.write_bytes(damaged(arguments.seed, images_of(arguments.folder)))
        return 0
    if arguments.folder and not arguments.json:
        decode_folder(Path(arguments.folder))
    started = time.perf_counter()
    total = damage_many(arguments.seed, arguments.count, arguments.folder, arguments.workers)
    seconds = time.perf_counter() - started
    if arguments.json:
        print(json.dumps(total))
    else:
        print(
            f"{arguments.count:,} damaged images in {seconds:.0f} s: {total['decoded']:,} decoded, "
            f"{total['refused']:,} refused, {len(total['crashed'])} crashed {total['crashed'][:9]},"
            f" {len(total['hung'])} hung {total['hung'][:9]}\n"
            f"slowest {total['slowest'][0]:.3f} s (seed {total['slowest'][1]}), "
            f"peak of a process {total['peak_megabytes']:.0f} MB"
        )
    return 1 if total["crashed"] or total["hung"] else 0


if __name__ == "__main__":
    sys.exit(main())
