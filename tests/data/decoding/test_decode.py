"""The one decoder: formats by content, orientation, transparency, frames, limits, messages."""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from convscope.data.dataset import read_file
from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode, decode_content, pixels_of
from convscope.errors import UsageError

GOLDEN = Path(__file__).parent / "golden"


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
    decoded = decode_content(encoded(corner, format, **options))
    np.testing.assert_array_equal(decoded.pixels, np.asarray(corner))
    assert decoded.format == format
    assert (decoded.orientation, decoded.num_frames, decoded.is_truncated) == (1, 1, False)


@pytest.mark.parametrize("name", ["cmyk.jpg", "ycck.jpg", "progressive.jpg", "lossy.webp"])
def test_lossy_files_give_the_golden_pixels(name: str) -> None:
    with Image.open(GOLDEN / f"{name}.png") as golden:
        expected = np.asarray(golden)
    np.testing.assert_array_equal(decode((GOLDEN / name).read_bytes()), expected)


def test_an_interlaced_png_gives_the_same_pixels(shared_data: Path) -> None:
    content = (shared_data / "nasty" / "pillow" / "pil123p.png").read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["interlace"] == 1
        white = Image.new("RGBA", image.size, "white")
        expected = np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
    np.testing.assert_array_equal(decode(content), expected)


def test_more_images_behind_a_jpeg_are_passed_over(shared_data: Path) -> None:
    content = (shared_data / "nasty" / "pillow" / "frozenpond.mpo").read_bytes()
    decoded = decode_content(content)
    assert (decoded.format, decoded.num_frames) == ("JPEG", 1)
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(decoded.pixels, np.asarray(image))


UNDONE: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    # What a camera stores for each orientation, so that turning it gives the upright image back.
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright.swapaxes(0, 1)[::-1],
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: upright.swapaxes(0, 1)[:, ::-1],
}


def with_values(values: NDArray[np.generic], like: Image.Image) -> Image.Image:
    """An image of other values (H, W) or (H, W, C) and shape, with the mode and palette of one."""
    if like.mode == "1":
        return Image.fromarray(np.ascontiguousarray(values))
    image = Image.frombytes(like.mode, values.shape[1::-1], np.ascontiguousarray(values).tobytes())
    if like.mode == "P":
        image.putpalette(like.getpalette() or [])
    return image


TURNED = [
    *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("TIFF", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK")),
    *(("WEBP", mode) for mode in ("RGB", "RGBA")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("format", "mode"), TURNED)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_mode_is_turned_upright(format: str, mode: str, orientation: int) -> None:
    random = np.random.default_rng(7)
    grey = random.integers(0, 256, (4, 6), dtype=np.uint8)
    if mode == "I;16":
        upright = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("1", "L", "LA"):
        upright = Image.fromarray(grey).convert(mode)
    else:
        upright = Image.fromarray(random.integers(0, 256, (4, 6, 3), dtype=np.uint8)).convert(mode)
    stored = with_values(UNDONE[orientation](np.asarray(upright)), upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    decoded = decode_content(encoded(stored, format, exif=exif, **options))
    np.testing.assert_array_equal(decoded.pixels, decode(encoded(upright, format, **options)))
    assert decoded.orientation == orientation
    assert decoded.pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_upright(orientation: int) -> None:
    values = np.zeros((16, 32), dtype=np.uint8)
    values[:8, :8], values[:8, 8:16] = 250, 120  # whole blocks survive the compression
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(UNDONE[orientation](values)))
    pixels = decode(encoded(stored, "JPEG", quality=100, exif=exif))
    np.testing.assert_allclose(pixels[:, :, 0].astype(int), values, atol=1)


def test_orientation_is_also_found_in_xmp(shared_data: Path) -> None:
    content = (shared_data / "nasty" / "pillow" / "xmp_tags_orientation.png").read_bytes()
    assert decode_content(content).orientation == 3


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_passed_over(
    corner: Image.Image, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for format in ("PNG", "TIFF"):
        decoded = decode_content(encoded(corner, format, exif=exif))
        np.testing.assert_array_equal(decoded.pixels, np.asarray(corner))
        assert decoded.orientation == 1


def test_transparent_pixels_show_the_white_background() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    np.testing.assert_array_equal(decode(encoded(image))[0], [[255, 255, 255], [255, 0, 0]])


def test_every_opacity_is_laid_over_white_to_the_nearest_value() -> None:
    value, alpha = np.meshgrid(np.arange(256), np.arange(256))
    expected = np.floor((value * alpha + 255 * (255 - alpha)) / 255 + 0.5)
    both = np.stack([value, alpha], axis=2).astype(np.uint8)
    grey = decode(encoded(Image.fromarray(both)))
    assert grey.shape == (256, 256, 1)
    np.testing.assert_array_equal(grey[:, :, 0], expected)
    four = np.repeat(both, [3, 1], axis=2)
    for pixels in (decode(encoded(Image.fromarray(four))), decode_content(four).pixels):
        np.testing.assert_array_equal(pixels, np.repeat(expected[:, :, np.newaxis], 3, axis=2))


@pytest.mark.parametrize("transparency", [0, bytes([0, 255]), bytes([0])])
def test_a_palette_with_a_transparent_colour_shows_the_background(
    transparency: int | bytes,
) -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.putpixel((1, 0), 1)
    for format in ("PNG", "GIF") if transparency == 0 else ("PNG",):
        pixels = decode(encoded(image, format, transparency=transparency))
        np.testing.assert_array_equal(pixels[0], [[255, 255, 255], [255, 0, 0]])


def test_a_palette_with_half_opaque_colours_is_mixed_with_the_background() -> None:
    image = Image.new("P", (1, 1), 0)
    image.putpalette([0, 0, 255])
    pixels = decode(encoded(image, transparency=bytes([128])))
    np.testing.assert_array_equal(pixels[0, 0], [127, 127, 255])


def test_a_palette_with_an_opacity_of_each_pixel_is_mixed_too() -> None:
    image = Image.new("PA", (2, 1), (0, 255))
    image.putpalette([10, 20, 30])
    image.putpixel((1, 0), (0, 0))
    np.testing.assert_array_equal(pixels_of(image)[0], [[10, 20, 30], [255, 255, 255]])


def test_other_colour_modes_become_rgb() -> None:
    lab = Image.new("LAB", (1, 1), (255, 128, 128))  # white
    for image in (lab, *(Image.new("RGB", (1, 1), "white").convert(m) for m in ("YCbCr", "HSV"))):
        np.testing.assert_allclose(pixels_of(image)[0, 0].astype(int), [255, 255, 255], atol=1)
    green = Image.new("RGB", (1, 1), (0, 255, 0))
    for mode in ("YCbCr", "HSV", "RGBX", "CMYK"):
        pixels = pixels_of(green.convert(mode))[0, 0].astype(int)
        np.testing.assert_allclose(pixels, [0, 255, 0], atol=2)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames_counts(format: str) -> None:
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if format == "WEBP" else {}
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    decoded = decode_content(content)
    np.testing.assert_array_equal(decoded.pixels[0, 0], [255, 0, 0])
    assert decoded.num_frames == 2  # for two or more


def test_colour_profiles_are_passed_over(corner: Image.Image) -> None:
    content = encoded(corner, icc_profile=b"no profile at all")
    np.testing.assert_array_equal(decode(content), np.asarray(corner))


@pytest.mark.parametrize("size", [(1, 1), (10_000, 1), (1, 10_000)])
def test_extremely_small_and_long_images_are_read(size: tuple[int, int]) -> None:
    for format in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP"):
        assert decode(encoded(Image.new("RGB", size), format)).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "PPM"])
def test_a_header_that_promises_too_many_pixels_is_refused_before_decoding(format: str) -> None:
    content = bytearray(encoded(Image.new("L", (1, 1)), format))
    if format == "PNG":
        content[16:24] = struct.pack(">II", 20_000, 20_000)
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    elif format == "JPEG":
        start = content.index(b"\xff\xc0") + 5
        content[start : start + 4] = struct.pack(">HH", 20_000, 20_000)
    elif format == "GIF":
        content[6:10] = struct.pack("<HH", 20_000, 20_000)
    elif format == "BMP":
        content[18:26] = struct.pack("<ii", 20_000, 20_000)
    else:
        content = content.replace(b"1 1", b"20000 20000", 1)
    with pytest.raises(DamagedImageError) as refused:
        decode(bytes(content))
    assert refused.value.message == (
        "has 20,000x20,000 pixels, over the limit of 100,000,000 (`--max-pixels`)"
    )


@pytest.mark.slow
def test_tiff_and_webp_that_promise_too_many_pixels_are_refused_before_decoding() -> None:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "TIFF", compression="group4")
    with pytest.raises(DamagedImageError, match="has 20,000x20,000 pixels, over the limit"):
        decode(stream.getvalue())
    webp = encoded(Image.new("RGBA", (64, 64), (9, 9, 9, 9)), "WEBP")
    assert webp[12:16] == b"VP8X"
    side = (16_000 - 1).to_bytes(3, "little")
    with pytest.raises(DamagedImageError, match="has 256,000,000 pixels, over the limit of 100"):
        decode(webp[:24] + side + side + webp[30:])


def test_run_length_coded_bmp_has_a_limit_of_its_own() -> None:
    sizes = struct.pack("<IHHI", 1078, 0, 0, 1078)
    header = struct.pack("<IiiHHIIiiII", 40, 3000, 2000, 1, 8, 1, 0, 0, 0, 256, 0)
    with pytest.raises(DamagedImageError) as refused:
        decode(b"BM" + sizes + header + bytes(1024) + b"\0\1")
    assert refused.value.message == (
        "has 3,000x2,000 pixels, over the limit of 4,000,000 for run-length coded BMP"
    )


def test_the_limit_of_pixels_can_be_set(corner: Image.Image) -> None:
    for format in ("PNG", "WEBP", "TIFF"):
        assert decode(encoded(corner, format), Decoding(max_pixels=32)).shape == (4, 8, 3)
        with pytest.raises(DamagedImageError, match="has 8x4 pixels, over the limit of 31"):
            decode(encoded(corner, format), Decoding(max_pixels=31))
    with pytest.raises(DamagedImageError, match="has 8x4 pixels"):
        pixels_of(corner, Decoding(max_pixels=31))
    with pytest.raises(DamagedImageError, match="has 8x4 pixels"):
        decode_content(np.asarray(corner), Decoding(max_pixels=31))


def test_the_limit_can_be_above_pillows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    content = encoded(Image.new("L", (5, 5)), "TIFF")
    assert decode(content, Decoding(max_pixels=25)).shape == (5, 5, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<html>no image</html>", "is no image of a format that is read (JPEG, PNG, WEBP, BMP, "),
        (b"P5 0 3 255\n", "can't be decoded: "),
        (b"P5 4 3 0\n", "can't be decoded: maxval must be greater than 0"),
        (b"\x89PNG\r\n\x1a\n", "can't be decoded: "),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedImageError) as refused:
        decode(content)
    assert refused.value.message.startswith(reason)


def test_a_jpeg_of_12_bits_is_refused_with_the_reason() -> None:
    content = bytearray(encoded(Image.new("L", (8, 8)), "JPEG"))
    content[content.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(DamagedImageError, match="can't be decoded: cannot handle 12-bit layers"):
        decode(bytes(content))


@pytest.mark.slow
def test_reasons_name_no_objects_and_are_one_printable_line(shared_data: Path) -> None:
    decoding = Decoding(extra_formats=("ICO", "ICNS", "BLP", "DDS", "PSD"))
    reasons = []
    for file in sorted((shared_data / "nasty" / "pillow").iterdir()):
        if not file.is_file():
            continue
        try:
            decode(file.read_bytes(), decoding)
        except DamagedImageError as refused:
            reasons.append(refused.message)
    assert len(reasons) > 20
    assert [text for text in reasons if not text.isprintable() or len(text) > 300] == []
    assert [text for text in reasons if "object at 0x" in text] == []


def test_other_formats_are_read_on_request(corner: Image.Image) -> None:
    content = encoded(corner.resize((16, 16)), "ICO", sizes=[(16, 16)])
    with pytest.raises(DamagedImageError, match="is no image of a format that is read"):
        decode(content)
    for name in ("ICO", "ico"):
        assert decode(content, Decoding(extra_formats=(name,))).shape == (16, 16, 3)


def test_heic_is_read_with_the_optional_library_and_names_it_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = (GOLDEN / "small.heic").read_bytes()
    assert decode(content).shape == (40, 64, 3)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(DamagedImageError) as refused:
        decode(content)
    assert refused.value.message == "is an HEIC image; `pip install convscope[heif]` reads it"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra_formats": ("ICOO",)}, "Pillow reads no format called `ICOO`"),
        ({"extra_formats": ("nothing",)}, "it reads AVIF, BLP, BMP, "),
        ({"value_range": (5, 5)}, "`5,5` is no range of values"),
        ({"value_range": (0, float("inf"))}, "`0,inf` is no range of values"),
        ({"max_pixels": 0}, "an image can't have at most `0` pixels"),
    ],
)
def test_options_that_can_not_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        Decoding(**options)  # type: ignore[arg-type]
    assert message in str(refused.value)


def test_an_image_of_pillows_gives_the_pixels_of_its_file(corner: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for image in (corner, corner.convert("RGBA"), corner.convert("L"), corner.quantize(4)):
        for format in ("PNG", "TIFF"):
            content = encoded(image, format, exif=exif)
            with Image.open(io.BytesIO(content)) as opened:
                np.testing.assert_array_equal(pixels_of(opened), decode(content))


def test_pillows_warnings_stay_inside_whatever_other_threads_do() -> None:
    damaged = b"Exif\0\0II*\0\x08\0\0\0\x09\x00"  # promises nine entries
    content = encoded(Image.new("L", (8, 8), 90), "JPEG", exif=damaged)
    with pytest.warns(UserWarning, match="Corrupt EXIF data"), Image.open(io.BytesIO(content)):
        pass

    def disturb(_: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decode(content)[0, 0, 0] == 90

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(disturb, range(200)))


def test_truncated_images_are_refused_even_where_pillow_was_told_to_take_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    cut = encoded(Image.effect_noise((64, 64), 50), "JPEG")[:1200]
    with pytest.raises(DamagedImageError, match="is truncated"):
        decode(cut)
    with Image.open(io.BytesIO(cut)) as image:  # others still get what they asked for
        image.load()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    with pytest.raises(DamagedImageError, match="can't be read: it is a folder"):
        read_file(tmp_path)
    with pytest.raises(DamagedImageError, match="can't be read: No such file"):
        read_file(tmp_path / "none.jpg")
    with pytest.raises(DamagedImageError, match="has a path that no file can have"):
        read_file(tmp_path / "a\0.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DamagedImageError, match="can't be read: it is a pipe, no file"):
        read_file(tmp_path / "pipe.jpg")
    with pytest.raises(DamagedImageError, match="can't be read: it is a device, no file"):
        read_file(Path("/dev/zero"))


def test_a_file_longer_than_any_image_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.touch()
    os.truncate(path, 200 << 30)
    with pytest.raises(DamagedImageError, match="can't be read: it has more than 536,870,912 b"):
        read_file(path)
