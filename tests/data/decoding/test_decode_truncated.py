"""The one decoder: files that end early are refused, or taken as far as they go if asked for."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode, decode_content

LENIENT = Decoding(allow_truncated=True)


def encoded(format: str, mode: str = "RGB", **options: object) -> bytes:
    """A noisy picture of 40x48 pixels."""
    random = np.random.default_rng(1)
    ramp = np.linspace(0, 200, 40)[:, np.newaxis, np.newaxis]
    pixels = (ramp + random.integers(0, 50, (40, 48, 3))).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, format, **options)
    return stream.getvalue()


FILES = {
    "jpeg": encoded("JPEG", quality=90),
    "jpeg-progressive": encoded("JPEG", progressive=True),
    "jpeg-restarts": encoded("JPEG", restart_marker_blocks=3),
    "jpeg-grey": encoded("JPEG", "L"),
    "jpeg-cmyk": encoded("JPEG", "CMYK"),
    "png": encoded("PNG"),
    "png-palette": encoded("PNG", "P"),
    "gif": encoded("GIF", interlace=0),
    "gif-interlaced": encoded("GIF"),
    "bmp": encoded("BMP"),
    "bmp-palette": encoded("BMP", "P"),
    "ppm": encoded("PPM"),
    "pbm": encoded("PPM", "1"),
    "pgm-12-bit": b"P5 48 40 4095\n" + np.arange(1920, dtype=">u2").tobytes(),
    "tiff": encoded("TIFF"),
    "tiff-lzw": encoded("TIFF", compression="tiff_lzw", tiffinfo={278: 4}),
    "tiff-jpeg": encoded("TIFF", compression="jpeg"),
    "tiff-group4": encoded("TIFF", "1", compression="group4"),
    "webp": encoded("WEBP"),
    "webp-lossless": encoded("WEBP", lossless=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_refused_or_gives_the_whole_image(name: str) -> None:
    whole = decode(FILES[name])
    random = np.random.default_rng(2)
    length = len(FILES[name])
    cuts = {*range(length - 30, length), *random.integers(1, length, 60).tolist()}
    refused = 0
    for cut in cuts:
        try:
            pixels = decode(FILES[name][:cut])
        except DamagedImageError:
            refused += 1
        else:
            np.testing.assert_array_equal(pixels, whole)
    assert refused >= 55


@pytest.mark.parametrize("name", ["jpeg", "jpeg-restarts", "jpeg-grey", "jpeg-cmyk"])
@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("filler", [b"", bytes(100)])
def test_a_jpeg_that_lacks_its_end_mark_alone_is_whole(name: str, cut: int, filler: bytes) -> None:
    decoded = decode_content(FILES[name][:-cut] + filler)
    np.testing.assert_array_equal(decoded.pixels, decode(FILES[name]))
    assert not decoded.is_truncated
    assert not decode_content(FILES[name][:-cut] + filler, LENIENT).is_truncated


@pytest.mark.parametrize("name", ["jpeg", "jpeg-restarts", "jpeg-grey", "jpeg-progressive"])
def test_a_jpeg_that_was_cut_and_filled_with_zeros_is_truncated(name: str) -> None:
    content = FILES[name]
    for kept in (len(content) // 2, len(content) - 40, len(content) - 8):
        with pytest.raises(DamagedImageError, match="^is truncated$"):
            decode(content[:kept] + bytes(len(content) - kept))


def test_a_jpeg_cut_between_two_restart_marks_is_truncated() -> None:
    content = FILES["jpeg-restarts"]
    for mark in (b"\xff\xd0", b"\xff\xd1"):
        with pytest.raises(DamagedImageError, match="^is truncated$"):
            decode(content[: content.rindex(mark)])


def test_a_png_without_its_end_or_with_a_wrong_checksum_is_refused() -> None:
    content = FILES["png"]
    with pytest.raises(DamagedImageError, match="^is truncated$"):
        decode(content[:-12])
    damaged = bytearray(content)
    damaged[content.index(b"IDAT") + 200] ^= 1
    with pytest.raises(DamagedImageError) as refused:
        decode(bytes(damaged))
    assert refused.value.message == "is damaged: its part IDAT has a wrong checksum"
    wrong_sum = bytearray(content)
    wrong_sum[content.index(b"IEND") - 5] ^= 1
    with pytest.raises(DamagedImageError, match="its part IDAT has a wrong checksum"):
        decode(bytes(wrong_sum))
    decoded = decode_content(bytes(wrong_sum), LENIENT)
    np.testing.assert_array_equal(decoded.pixels, decode(content))
    assert decoded.is_truncated


@pytest.mark.parametrize(
    "name", ["jpeg", "jpeg-grey", "png", "gif", "bmp", "ppm", "pgm-12-bit", "tiff-lzw"]
)
def test_a_truncated_image_is_taken_as_far_as_it_goes_if_asked_for(name: str) -> None:
    content, whole = FILES[name], decode(FILES[name]).astype(int)
    if name == "tiff-lzw":  # whose directory lies behind the pixels: overwrite, don't cut
        cut = content[: len(content) // 2] + b"\xff" * 200 + content[len(content) // 2 + 200 :]
    else:
        cut = content[: len(content) * 2 // 3]
    with pytest.raises(DamagedImageError, match=r"^is truncated$|its data is damaged"):
        decode(cut)
    decoded = decode_content(cut, LENIENT)
    assert decoded.is_truncated
    assert decoded.pixels.shape == whole.shape
    rows = slice(32, 40) if name == "bmp" else slice(0, 8)  # BMP begins below
    np.testing.assert_array_equal(decoded.pixels[rows], whole[rows])
    assert not decode_content(content, LENIENT).is_truncated


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_truncated_tiff_is_turned_upright_as_well(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded("TIFF", exif=exif)
    start = content.index(b"\x12\x01\x03\x00")  # the entry that says so
    assert content[start + 8] == orientation
    pixels_first = 8 + 2 + 12 * int.from_bytes(content[8:10], "little")
    assert pixels_first < len(content) - 48 * 40 * 3
    cut = content[:-2000]
    decoded = decode_content(cut, LENIENT)
    whole = decode_content(content)
    assert decoded.is_truncated
    assert decoded.orientation == whole.orientation == orientation
    assert decoded.pixels.shape == whole.pixels.shape
    is_same = (decoded.pixels == whole.pixels).all(axis=2)
    assert is_same.mean() > 0.6


def test_a_truncated_webp_can_not_be_taken_in_part() -> None:
    with pytest.raises(DamagedImageError, match="can't be decoded"):
        decode(FILES["webp"][:-50], LENIENT)


@pytest.mark.slow
def test_what_one_thread_allows_holds_for_no_other() -> None:
    cut = FILES["jpeg"][: len(FILES["jpeg"]) // 2]

    def outcome(number: int) -> bool:
        try:
            return decode_content(cut, LENIENT if number % 2 else Decoding()).is_truncated
        except DamagedImageError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, range(400))) == [False, True] * 200
