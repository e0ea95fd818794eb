"""The one decoder: formats by content, orientation, transparency, depth, damage."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.data.dataset import read_file
from convscope.data.decode import DamagedImageError, decode


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


@pytest.fixture
def corner() -> Image.Image:
    """Red in the upper left quarter, black elsewhere; wider than high."""
    image = Image.new("RGB", (8, 4))
    image.paste((255, 0, 0), (0, 0, 4, 2))
    return image


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_lossless_formats_give_the_same_pixels(corner: Image.Image, format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    pixels = decode(encoded(corner, format, **options))
    np.testing.assert_array_equal(pixels, np.asarray(corner))


def test_grey_images_keep_one_channel() -> None:
    assert decode(encoded(Image.new("L", (5, 3), 77))).shape == (3, 5, 1)


def test_black_and_white_becomes_0_and_255() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    np.testing.assert_array_equal(decode(encoded(image))[0, :, 0], [0, 255])


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.arange(256, dtype=np.uint16)[np.newaxis] * 257
    pixels = decode(encoded(Image.fromarray(ramp)))
    np.testing.assert_array_equal(pixels[0, :, 0], np.arange(256))


def test_16_bit_ppm_is_scaled_too() -> None:
    content = b"P5 3 1 65535\n" + np.array([0, 30000, 65535], dtype=">u2").tobytes()
    np.testing.assert_array_equal(decode(content)[0, :, 0], [0, 117, 255])


def test_transparent_pixels_show_the_white_background() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    np.testing.assert_array_equal(decode(encoded(image))[0], [[255, 255, 255], [255, 0, 0]])


def test_a_palette_with_a_transparent_colour_shows_the_background() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.putpixel((1, 0), 1)
    pixels = decode(encoded(image, "PNG", transparency=0))
    np.testing.assert_array_equal(pixels[0], [[255, 255, 255], [255, 0, 0]])


def test_cmyk_becomes_rgb() -> None:
    pixels = decode(encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF"))
    np.testing.assert_array_equal(pixels[0, 0], [255, 0, 0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(corner: Image.Image, orientation: int) -> None:
    undo = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    stored = corner
    for step in undo:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode(encoded(stored, "PNG", exif=exif)), np.asarray(corner))


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(content)[0, 0], [255, 0, 0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<html>no image</html>", "is no image of a format that is read"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:1200], "can't be decoded"),
        (encoded(Image.effect_noise((64, 64), 50))[:900], "can't be decoded"),
        (encoded(Image.new("F", (4, 4), 0.5), "TIFF"), "32-bit grey"),
    ],
)
def test_what_is_no_whole_image_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedImageError, match=reason):
        decode(content)


def test_a_header_that_promises_too_many_pixels_is_refused_before_decoding() -> None:
    content = bytearray(encoded(Image.new("L", (1, 1)), "PPM"))
    huge = bytes(content).replace(b"1 1", b"20000 6000", 1)
    with pytest.raises(DamagedImageError, match=r"over.*100,000,000"):
        decode(huge)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    with pytest.raises(DamagedImageError, match="is no regular file"):
        read_file(tmp_path)
    with pytest.raises(DamagedImageError, match="can't be read: No such file"):
        read_file(tmp_path / "none.jpg")
