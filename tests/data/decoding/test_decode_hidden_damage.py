"""Damage that decoders paper over is found, and no whole image is taken for a damaged one."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import TiffImageFile

from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode, decode_content
from convscope.data.decoding.jpeg_layout import CodeTable, JpegLayout

Damage = Callable[..., bytes]
LENIENT = Decoding(allow_truncated=True)
GOLDEN = Path(__file__).parent / "golden"
END_MARK = b"\xff\xd9"


@cache
def photo(format: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    """A picture of 160x200 pixels: smooth, with fine detail, and white in its last rows."""
    random = np.random.default_rng(5)
    ramp = np.add.outer(np.arange(160), np.arange(200))[:, :, np.newaxis] * [0.3, 0.5, 0.7]
    pixels = (ramp + random.integers(0, 60, (160, 200, 3))).clip(0, 255).astype(np.uint8)
    pixels[150:] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, format, **options)
    return stream.getvalue()


JPEGS = {
    "plain": photo(),
    "optimised": photo(optimize=True),
    "grey": photo(mode="L"),
    "cmyk": photo(mode="CMYK"),
    "all-colours": photo(subsampling=0, quality=95),
    "progressive": photo(progressive=True),
    "restart-marks": photo(restart_marker_blocks=5),
    "restart-rows": photo(restart_marker_rows=1, quality=95),
}


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)] + END_MARK


def without_512(content: bytes, share: float = 0.5) -> bytes:
    place = int(share * len(content))
    return content[:place] + content[place + 512 :]


def zeroed_512(content: bytes, share: float = 0.5) -> bytes:
    place = int(share * len(content))
    return content[:place] + bytes(512) + content[place + 512 :]


def with_a_mark(content: bytes, share: float = 0.5) -> bytes:
    """With the beginning of a part that would be longer than the file in the middle of its data."""
    place = int(share * len(content))
    return content[:place] + b"\xff\x8b\xff\xf0" + content[place + 4 :]


def promising_more(content: bytes) -> bytes:
    frame = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2")) + 5
    return content[:frame] + struct.pack(">HH", 900, 900) + content[frame + 4 :]


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.75, 0.9])
def test_a_jpeg_that_was_cut_and_ended_again_is_refused(name: str, share: float) -> None:
    content = cut(JPEGS[name], share)
    with pytest.raises(DamagedImageError, match="^is (truncated|damaged: )"):
        decode(content)
    assert decode_content(content, LENIENT).is_truncated


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("damage", [without_512, zeroed_512, with_a_mark])
def test_a_jpeg_that_lacks_something_in_its_middle_is_refused(name: str, damage: Damage) -> None:
    refused = 0
    for share in (0.3, 0.4, 0.5, 0.6, 0.7):
        try:
            decode(damage(JPEGS[name], share))
        except DamagedImageError as error:
            refused += "truncated" in error.message or "damaged" in error.message
    # Now and then what is wrong has just the length of what would be right; in scans that only
    # refine, more often than in others.
    assert refused >= (2 if name == "progressive" else 4)


@pytest.mark.parametrize("name", ["plain", "grey", "progressive"])
def test_a_jpeg_whose_header_promises_more_than_there_is_is_refused(name: str) -> None:
    with pytest.raises(DamagedImageError, match="^is truncated$"):
        decode(promising_more(JPEGS[name]))


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize(
    "addition",
    [
        b"\0" * 5000,
        b"\x00\x00\x00\x18ftypmp42" + b"\xff\xda\x01\xff\xd9\x02" * 900,  # a video
        photo(quality=30),  # a gain map, or another view
        b"MotionPhoto_Data" + photo()[:900],  # cut off, which is no matter of the first image
        b"\xff",
    ],
    ids=["zeros", "video", "image", "cut-image", "one-byte"],
)
def test_what_follows_a_jpeg_is_no_part_of_it(name: str, addition: bytes) -> None:
    decoded = decode_content(JPEGS[name] + addition)
    np.testing.assert_array_equal(decoded.pixels, decode(JPEGS[name]))
    assert not decoded.is_truncated


@pytest.mark.parametrize("name", JPEGS)
def test_a_whole_jpeg_has_the_pixels_that_pillow_gives(name: str) -> None:
    with Image.open(io.BytesIO(JPEGS[name])) as image:
        expected = np.asarray(image.convert(image.mode if image.mode == "L" else "RGB"))
    pixels = decode(JPEGS[name])
    if image.mode != "CMYK":  # which Pillow converts in another way
        np.testing.assert_array_equal(pixels.squeeze(), expected)


@pytest.mark.parametrize("padding", [b"\xff", b"\xff" * 40, b"\0" * 300, b"\0" * 20 + b"\xff" * 3])
def test_what_programs_fill_a_jpeg_up_with_before_its_end_mark_is_no_damage(
    padding: bytes,
) -> None:
    for name in ("plain", "grey", "all-colours"):
        content = JPEGS[name][:-2] + padding + END_MARK
        np.testing.assert_array_equal(decode(content), decode(JPEGS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
@pytest.mark.parametrize("colour", ["white", "black", (1, 2, 3)])
def test_a_picture_of_one_colour_is_whole(colour: object, options: dict[str, object]) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (700, 900), colour).save(stream, "JPEG", **options)  # type: ignore[arg-type]
    assert not decode_content(stream.getvalue()).is_truncated


@pytest.mark.slow
def test_every_photo_of_real_data_is_whole(shared_data: Path) -> None:
    files = sorted((shared_data / "flowers").rglob("*.jpg"))[::40]
    files += sorted((shared_data / "hymenoptera").rglob("*.jpg"))[::40]
    assert not any(decode_content(file.read_bytes()).is_truncated for file in files)


def test_the_layout_is_that_of_the_first_image() -> None:
    layout = JpegLayout.of(JPEGS["plain"] + photo(progressive=True))
    assert (layout.frame, len(layout.scans), layout.has_end_mark) == (0xC0, 1, True)
    assert layout.scans[0].end == len(JPEGS["plain"]) - 2
    assert len(JpegLayout.of(JPEGS["progressive"]).scans) == 10
    assert not JpegLayout.of(JPEGS["plain"][:-2]).has_end_mark


def test_codes_are_those_of_the_standard() -> None:
    # ITU-T T.81, table K.5: end of block, one coefficient of 1 and of 3 bits, 15 zeros and one.
    layout = JpegLayout.of(JPEGS["grey"])
    (table,) = layout.scans[0].tables
    assert table is not None
    codes = [table.code_of(symbol) for symbol in (0x00, 0x01, 0x03, 0xF1)]
    assert codes == ["1010", "00", "100", "1111111111110101"]
    assert CodeTable(bytes(16), b"").code_of(1) == ""


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "options", [{"quality": 80}, {"lossless": True}, {"quality": 80, "exif": b"Exif\0\0MM"}]
)
def test_a_webp_that_was_filled_up_with_zeros_is_refused(
    share: float, options: dict[str, object]
) -> None:
    content = photo("WEBP", **options)
    kept = int(len(content) * share)
    with pytest.raises(DamagedImageError, match="zeros are in place of its data|can't be decoded"):
        decode(content[:kept] + bytes(len(content) - kept))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (1500, 1500), (10_000, 1)])
def test_a_webp_of_one_colour_which_ends_in_zeros_by_itself_is_whole(size: tuple[int, int]) -> None:
    for colour in ("white", "black", (10, 200, 30)):
        stream = io.BytesIO()
        Image.new("RGB", size, colour).save(stream, "WEBP")
        assert decode(stream.getvalue()).shape == (size[1], size[0], 3)


def flat(
    around: str,
    size: tuple[int, int] = (600, 400),
    detail_size: tuple[int, int] = (120, 40),
    **options: object,
) -> bytes:
    """A lossless WebP of fine detail in one corner, and one colour around it."""
    width, height = detail_size
    detail = np.random.default_rng(6).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.new("RGB", size, around)
    image.paste(Image.fromarray(detail), (7, 3))
    stream = io.BytesIO()
    image.save(stream, "WEBP", lossless=True, **options)
    return stream.getvalue()


@pytest.mark.parametrize("around", ["white", "black", "rgb(10, 200, 30)"])
@pytest.mark.parametrize("detail_size", [(120, 40), (400, 150), (400, 200), (500, 250)])
def test_a_lossless_webp_whose_flat_areas_are_zeros_is_whole(
    around: str, detail_size: tuple[int, int]
) -> None:
    content = flat(around, detail_size=detail_size, method=0, quality=0)
    assert content.endswith(bytes(1000))
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(decode(content), np.asarray(image))


@pytest.mark.parametrize("method", [0, 4])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_zeros_in_place_of_the_detail_of_a_lossless_webp_are_refused(
    method: int, share: float
) -> None:
    content = flat("white", size=(130, 50), method=method, quality=0)
    kept = int(len(content) * share)
    with pytest.raises(DamagedImageError, match="zeros are in place of its data|can't be decoded"):
        decode(content[:kept] + bytes(len(content) - kept))


def test_zeros_in_a_webp_whose_codes_all_have_the_same_length_are_refused() -> None:
    noise = np.random.default_rng(7).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "WEBP", lossless=True, method=0, quality=0)
    content = stream.getvalue()
    assert decode(content).shape == (150, 200, 3)
    with pytest.raises(DamagedImageError, match="zeros are in place of its data"):
        decode(content[:50_000] + bytes(len(content) - 50_000))


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("damage", [without_512, zeroed_512])
def test_a_gif_that_lacks_something_in_its_middle_is_refused(
    interlace: int, damage: Damage
) -> None:
    with pytest.raises(DamagedImageError):
        decode(damage(photo("GIF", interlace=interlace)))


@pytest.mark.parametrize("compression", ["tiff_deflate", "tiff_adobe_deflate"])
@pytest.mark.parametrize("damage", [without_512, zeroed_512])
def test_a_packed_tiff_that_lacks_something_in_its_middle_is_refused(
    compression: str, damage: Damage
) -> None:
    content = photo("TIFF", compression=compression)
    assert not decode_content(content).is_truncated
    with pytest.raises(DamagedImageError):
        decode(damage(content))


def test_a_packed_tiff_whose_checksum_is_wrong_is_refused() -> None:
    content = photo("TIFF", compression="tiff_adobe_deflate")
    with Image.open(io.BytesIO(content)) as image:
        assert isinstance(image, TiffImageFile)
        end = image.tag_v2[273][0] + image.tag_v2[279][0]
    with pytest.raises(DamagedImageError, match="some of its data has a wrong checksum"):
        decode(content[: end - 1] + bytes([content[end - 1] ^ 1]) + content[end:])


def packed_tiff(
    parts: list[bytes], size: tuple[int, int], *, tile: tuple[int, int] | None = None
) -> bytes:
    """A grey TIFF of packed strips, or of tiles; equal ones lie in the file only once."""
    width, height = size
    numbers = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1}
    numbers |= {322: tile[0], 323: tile[1]} if tile else {278: -(-height // len(parts))}
    places_tag, sizes_tag = (324, 325) if tile else (273, 279)
    lists_at = 8 + 2 + 12 * (len(numbers) + 2) + 4
    data_at = lists_at + 8 * len(parts)
    body = b"".join(dict.fromkeys(parts))
    places = [data_at + body.index(part) for part in parts]
    sizes = [len(part) for part in parts]
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in numbers.items()}
    for tag, at, values in (
        (places_tag, lists_at, places),
        (sizes_tag, lists_at + 4 * len(parts), sizes),
    ):
        value = at if len(parts) > 1 else values[0]
        entries[tag] = struct.pack("<HHII", tag, 4, len(parts), value)
    directory = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    lists = struct.pack(f"<{2 * len(parts)}I", *places, *sizes)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + lists + body


def test_a_packed_tiff_of_strips_that_are_all_the_same_bomb_is_refused_at_once() -> None:
    bomb = zlib.compress(bytes(8_000_000), 9)
    content = packed_tiff([bomb] * 1000, (1000, 1000))
    assert len(content) < 20_000  # of which 8 GB could come
    with pytest.raises(DamagedImageError, match="some of its data unpacks to more than its pixels"):
        decode(content)


@pytest.mark.parametrize("side", [16, 64, 256])
def test_a_packed_tiff_whose_tiles_are_larger_than_it_is_whole(side: int) -> None:
    pixels = np.arange(side * side, dtype=np.uint8).reshape(side, side)
    tiles = [zlib.compress(pixels.tobytes())] * math.ceil(40 / side) * math.ceil(30 / side)
    decoded = decode(packed_tiff(tiles, (40, 30), tile=(side, side)))
    repeated = np.tile(pixels, (3, 3))[:30, :40]
    np.testing.assert_array_equal(decoded[:, :, 0], repeated)


@pytest.mark.parametrize("damaged", [0, 2, 5])
def test_each_strip_of_a_packed_tiff_is_checked(damaged: int) -> None:
    strips = [zlib.compress(bytes([number]) * 50) for number in range(6)]
    assert decode(packed_tiff(strips, (10, 30))).shape == (30, 10, 1)
    strips[damaged] = strips[damaged][:-1] + bytes([strips[damaged][-1] ^ 1])
    with pytest.raises(DamagedImageError, match="some of its data has a wrong checksum"):
        decode(packed_tiff(strips, (10, 30)))


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("addition", [b"\0" * 3000, b"\xff\xda\xff\xd9" * 99, b"MotionPhoto_Data"])
def test_what_follows_an_image_of_another_format_is_no_part_of_it(
    format: str, addition: bytes
) -> None:
    content = photo(format)
    np.testing.assert_array_equal(decode(content + addition), decode(content))


def part(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


LONG = b"x" * 1_100_000
PARTS = {
    "zTXt": part(b"zTXt", b"parameters\0\0" + zlib.compress(LONG)),
    "tEXt": part(b"tEXt", b"parameters\0" + LONG),
    "iTXt": part(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(LONG)),
    "XMP": part(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)),
    "XMP-as-it-is": part(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LONG),
    "iCCP": part(b"iCCP", b"profile\0\0" + zlib.compress(LONG)),
    "damaged-zTXt": part(b"zTXt", b"parameters\0\0no zlib data"),
    "damaged-XMP": part(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0no zlib data"),
    "wrong-checksum": part(b"tEXt", b"a\0b")[:-1] + b"\0",
    "short": part(b"iTXt", b"XML:com.adobe.xmp\0"),
    "unknown": part(b"prVt", LONG),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("is_behind", [False, True])
def test_no_text_or_profile_costs_a_png(name: str, is_behind: bool) -> None:
    content = photo("PNG")
    place = content.index(b"IEND" if is_behind else b"IDAT") - 4
    decoded = decode_content(content[:place] + PARTS[name] + content[place:])
    np.testing.assert_array_equal(decoded.pixels, decode(content))
    assert not decoded.is_truncated


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_orientation_in_the_xmp_of_a_png_is_found_beside_long_texts(is_packed: bool) -> None:
    texts = PngImagePlugin.PngInfo()
    xmp = '<rdf:Description tiff:Orientation="6"/>'
    texts.add_itxt("XML:com.adobe.xmp", xmp, zip=is_packed)
    texts.add_text("parameters", LONG.decode(), zip=True)
    decoded = decode_content(photo("PNG", pnginfo=texts))
    assert decoded.orientation == 6
    assert decoded.pixels.shape == (200, 160, 3)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_large_profiles_and_exif_cost_no_image(format: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * (60_000 if format == "JPEG" else 2_000_000)
    options = {"quality": 90} if format in ("JPEG", "WEBP") else {}
    large = photo(format, icc_profile=LONG, exif=exif.tobytes(), **options)
    np.testing.assert_array_equal(decode(large), decode(photo(format, **options)))


def test_a_format_that_begins_with_anything_takes_none_from_the_others() -> None:
    with_tga = Decoding(extra_formats=("TGA",))
    assert decode((GOLDEN / "small.heic").read_bytes(), with_tga).shape == (40, 64, 3)
    for format in ("TGA", "PNG", "JPEG", "GIF", "BMP"):
        assert decode(photo(format), with_tga).shape == (160, 200, 3)
    assert decode(photo("ICO"), Decoding(extra_formats=("TGA", "ICO"))).shape[2] == 3
