"""Are damaged images noticed, and whole ones read? `python benchmarks/damaged_images.py DATA`.

DATA is a folder of photos. Each of `--damaged` images is a photo in one of the formats below, with
one kind of damage; it is noticed if it is refused, and harmless if its pixels are right. What is
left is taken in silence. Each of `--whole` images is whole and odd: something follows it, or it
holds large texts, profiles or notes; it has to give the pixels of the plain image.

Prints what was taken in silence, by format and damage, and what of the whole images was refused.
Exits with 1 if a whole image was refused, or more than `--most` damaged ones of the formats that
can show damage were taken.
"""

from __future__ import annotations

import argparse
import io
import random
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from convscope.data.decoding.content import DamagedImageError
from convscope.data.decoding.decode import decode

SIDE_PX = 400
LARGE = b"x" * 1_200_000
END_MARK = b"\xff\xd9"

FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    "JPEG": ("JPEG", {}),
    "JPEG, optimised": ("JPEG", {"optimize": True, "quality": 90}),
    "JPEG, full colour": ("JPEG", {"subsampling": 0, "quality": 95}),
    "JPEG, progressive": ("JPEG", {"progressive": True}),
    "JPEG, restart marks": ("JPEG", {"restart_marker_blocks": 8}),
    "JPEG, restart rows": ("JPEG", {"restart_marker_rows": 1}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {"quality": 80}),
    "WebP, lossless": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
    "TIFF, LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF, deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "TIFF": ("TIFF", {}),
    "BMP": ("BMP", {}),
}
# Where most bytes are pixels whatever they are, and there is no checksum.
ANY_BYTES_ARE_PIXELS = ("WebP", "WebP, lossless", "TIFF", "BMP")


def cut(content: bytes, draw: random.Random) -> bytes:
    """The end is gone."""
    return content[: int(len(content) * draw.uniform(0.2, 0.9))]


def cut_and_ended(content: bytes, draw: random.Random) -> bytes:
    """The end is gone but for the last bytes."""
    return cut(content, draw) + content[-2:]


def cut_and_filled(content: bytes, draw: random.Random) -> bytes:
    """The end is zeros, as of a download that was cut off."""
    kept = cut(content, draw)
    return kept + bytes(len(content) - len(kept))


def missing(content: bytes, draw: random.Random) -> bytes:
    """512 bytes are gone."""
    place = int(len(content) * draw.uniform(0.2, 0.9))
    return content[:place] + content[place + 512 :]


def zeroed(content: bytes, draw: random.Random) -> bytes:
    """512 bytes are zeros."""
    place = int(len(content) * draw.uniform(0.2, 0.9))
    return content[:place] + bytes(512) + content[place + 512 :]


def overwritten(content: bytes, draw: random.Random) -> bytes:
    """512 bytes are others."""
    place = int(len(content) * draw.uniform(0.2, 0.9))
    return content[:place] + draw.randbytes(512) + content[place + 512 :]


def promising_more(content: bytes, draw: random.Random) -> bytes:
    """The header of a JPEG says 9000x9000 pixels; other formats are cut."""
    frame = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    if content[:2] != b"\xff\xd8":
        return cut(content, draw)
    return content[: frame + 5] + struct.pack(">HH", 9000, 9000) + content[frame + 9 :]


Damage = Callable[[bytes, random.Random], bytes]
DAMAGES: tuple[Damage, ...] = (
    cut,
    cut_and_ended,
    cut_and_filled,
    missing,
    zeroed,
    overwritten,
    promising_more,
)


@lru_cache(maxsize=400)
def photo(path: Path) -> Image.Image:
    """A photo, not too large."""
    with Image.open(path) as image:
        image.thumbnail((SIDE_PX, SIDE_PX))
        return image.convert("RGB")


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """An image as a file."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def png_part(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def with_png_part(content: bytes, part: bytes) -> bytes:
    """A PNG with another part before its pixels."""
    place = content.index(b"IDAT") - 4
    return content[:place] + part + content[place:]


def odd_images(image: Image.Image, draw: random.Random) -> dict[str, tuple[bytes, bytes]]:
    """Whole images that are odd, each with a plain file of the same pixels."""
    name = draw.choice([name for name in FORMATS if name.startswith("JPEG")])
    jpeg = encoded(image, "JPEG", **FORMATS[name][1])
    png, gif, webp = (encoded(image, each) for each in ("PNG", "GIF", "WEBP"))
    tiff, bmp = encoded(image, "TIFF"), encoded(image, "BMP")
    video = b"\0\0\0\x18ftypmp42" + draw.randbytes(300_000)
    gain = encoded(image.convert("L").resize((99, 99)), "JPEG")
    exif = Image.Exif()
    exif[0x010E] = "a" * 60_000
    values = np.asarray(image.convert("L")).astype(np.uint16)
    padded = jpeg[:-2] + b"\xff" * draw.randrange(1, 50) + END_MARK
    profile = png_part(b"iCCP", b"icc\0\0" + zlib.compress(LARGE))
    text = png_part(b"zTXt", b"parameters\0\0" + zlib.compress(LARGE))
    xmp = png_part(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LARGE)
    cmyk = encoded(image.convert("CMYK"), "JPEG")
    page = Image.new("RGB", (2 * image.width, 2 * image.height), draw.choice(("white", "black")))
    grey = page.copy()
    page.paste(image, (9, 9))
    grey.paste((128, 128, 128), (9, 9, 60, 60))
    quick = {"lossless": True, "method": 0, "quality": draw.choice((0, 25, 75))}
    return {
        "motion photo": (jpeg + video, jpeg),
        "Ultra HDR": (jpeg + gain, jpeg),
        "several views (MPF)": (
            encoded(image, "MPO", save_all=True, append_images=[image.resize((50, 50))]),
            encoded(image, "JPEG"),
        ),
        "zeros behind a JPEG": (jpeg + bytes(4096), jpeg),
        "fill bytes before the end mark": (padded, jpeg),
        "large EXIF": (encoded(image, "JPEG", exif=exif), encoded(image, "JPEG")),
        "large profile in a JPEG": (
            encoded(image, "JPEG", icc_profile=LARGE),
            encoded(image, "JPEG"),
        ),
        "CMYK with something behind it": (cmyk + video[:999], cmyk),
        "large text in a PNG": (with_png_part(png, text), png),
        "large XMP in a PNG": (with_png_part(png, xmp), png),
        "large profile in a PNG": (with_png_part(png, profile), png),
        "video behind a PNG": (png + video, png),
        "bytes behind a GIF": (gif + video[:5000], gif),
        "zeros behind a GIF": (gif + bytes(5000), gif),
        "video behind a WebP": (webp + video, webp),
        "bytes behind a TIFF": (tiff + video[:5000], tiff),
        "bytes behind a BMP": (bmp + video[:5000], bmp),
        "photo on a page as lossless WebP": (encoded(page, "WEBP", **quick), encoded(page, "PNG")),
        "grey on a page as lossless WebP": (encoded(grey, "WEBP", **quick), encoded(grey, "PNG")),
        "large EXIF in a WebP": (encoded(image, "WEBP", exif=exif.tobytes() + LARGE), webp),
        "12 bits in 16": (
            encoded(Image.fromarray(values << 4), "PNG"),
            encoded(Image.fromarray(values << 4), "TIFF"),
        ),
        "one colour": (
            encoded(Image.new("RGB", image.size, "white"), "JPEG", optimize=True),
            encoded(Image.new("RGB", image.size, "white"), "PNG"),
        ),
    }


def damage_many(photos: list[Path], count: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """The numbers of images, and of those taken in silence, by format and damage."""
    tried: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    pairs = [(name, damage) for damage in DAMAGES for name in FORMATS]
    for number in range(count):
        draw = random.Random(seed + number)
        name, damage = pairs[number % len(pairs)]
        format, options = FORMATS[name]
        whole = encoded(photo(draw.choice(photos)), format, **options)
        key = f"{name}: {(damage.__doc__ or '').rstrip('.')}"
        tried[key] += 1
        try:
            pixels = decode(damage(whole, draw))
        except DamagedImageError:
            continue
        expected = decode(whole)
        is_same = pixels.shape == expected.shape and bool((pixels == expected).all())
        silent[key] += not is_same
    return tried, silent


def read_whole(photos: list[Path], count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """The numbers of odd images of each kind, and what was refused or read wrongly of them."""
    tried: Counter[str] = Counter()
    refused: list[str] = []
    number = 0
    while sum(tried.values()) < count:
        draw = random.Random(seed + number)
        number += 1
        for kind, (odd, plain) in odd_images(photo(draw.choice(photos)), draw).items():
            tried[kind] += 1
            try:
                if not np.array_equal(decode(odd), decode(plain)):
                    refused.append(f"{kind}: other pixels")
            except DamagedImageError as error:
                refused.append(f"{kind}: {error.message}")
    return tried, refused


def main() -> int:
    """Prints the table, and returns what the program exits with."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder of photos")
    parser.add_argument("--damaged", type=int, default=2000, help="number of damaged images")
    parser.add_argument("--whole", type=int, default=500, help="number of whole images")
    parser.add_argument("--most", type=int, default=20, help="number that may be taken in silence")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    photos = sorted(given.data.rglob("*.jpg"))[::7]
    began = time.perf_counter()
    tried, silent = damage_many(photos, given.damaged, given.seed)
    kinds, refused = read_whole(photos, given.whole, given.seed)
    for key, number in sorted(silent.items()):
        if number:
            print(f"{key}: {number} of {tried[key]} taken in silence")
    can_show = [key for key in tried if key.partition(":")[0] not in ANY_BYTES_ARE_PIXELS]
    num_avoidable = sum(silent[key] for key in can_show)
    print(
        f"{sum(tried.values()):,} damaged images: {sum(silent.values())} taken in silence, "
        f"{num_avoidable} of the {sum(tried[key] for key in can_show):,} whose format shows damage"
    )
    print(f"{sum(kinds.values()):,} whole odd images of {len(kinds)} kinds: {len(refused)} refused")
    for line in refused[:20]:
        print(f"  {line}")
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if refused or num_avoidable > given.most else 0


if __name__ == "__main__":
    sys.exit(main())
