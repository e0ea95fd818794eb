"""The one decoder: every number of bits and number format, from files and from arrays.

Files are written here byte by byte, so that what they hold is known without Pillow.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes
from numpy.typing import NDArray
from PIL import Image

from convscope.data.decoding.content import DamagedImageError, Decoding
from convscope.data.decoding.decode import decode, decode_content, pixels_of

RANDOM = np.random.default_rng(3)
CHANNELS_OF_COLOUR_TYPE = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(
    samples: NDArray[Any], *, depth: int, colour_type: int, before_pixels: bytes = b""
) -> bytes:
    """A PNG of samples (H, W, C)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    height, width, _ = samples.shape
    flat = samples.reshape(height, -1)
    if depth == 16:
        rows = [row.astype(">u2").tobytes() for row in flat]
    else:
        bits = (flat[:, :, np.newaxis] >> np.arange(depth)[::-1]) & 1
        rows = [np.packbits(row.astype(np.uint8)).tobytes() for row in bits.reshape(height, -1)]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before_pixels
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def transparent(*values: int) -> bytes:
    body = b"tRNS" + b"".join(struct.pack(">H", value) for value in values)
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def tiff(
    pixels: bytes,
    size: tuple[int, int],
    *,
    bits: int,
    photometric: int = 1,
    sample_format: int = 1,
    order: str = "<",
) -> bytes:
    """A TIFF of one channel in one uncompressed strip."""
    width, height = size
    entries = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, height),
        (279, 4, len(pixels)),
        (339, 3, sample_format),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        form = "HHIHH" if kind == 3 else "HHII"
        directory += struct.pack(order + form, tag, kind, 1, value, *([0] if kind == 3 else []))
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(f"{order}I", 8 + len(pixels)) + pixels + directory + bytes(4)


def scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Independent of ours: by exact fractions of whole numbers where there are whole numbers."""
    return np.array(
        [int(min(max((float(v) - low) / (high - low), 0), 1) * 255 + 0.5) for v in values.flat],
        dtype=np.uint8,
    ).reshape(values.shape)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_png_of_few_bits_spans_black_to_white(depth: int) -> None:
    samples = RANDOM.integers(0, 2**depth, (5, 7, 1))
    pixels = decode(png(samples, depth=depth, colour_type=0))
    np.testing.assert_array_equal(pixels, samples * 255 // (2**depth - 1))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_becomes_white(depth: int) -> None:
    samples = RANDOM.integers(0, 2, (5, 7, 1)) * (1 if depth == 1 else 2 ** (depth - 1) - 1)
    hidden = int(samples.max())
    pixels = decode(png(samples, depth=depth, colour_type=0, before_pixels=transparent(hidden)))
    assert pixels.shape == (5, 7, 1)
    np.testing.assert_array_equal(pixels, np.where(samples == hidden, 255, 0))


def test_the_transparent_colour_of_a_png_becomes_white() -> None:
    samples = RANDOM.integers(0, 2, (5, 7, 3)) * 100
    hidden = (samples == [100, 0, 100]).all(axis=2)
    extra = transparent(100, 0, 100)
    pixels = decode(png(samples, depth=8, colour_type=2, before_pixels=extra))
    np.testing.assert_array_equal(pixels, np.where(hidden[:, :, np.newaxis], 255, samples))
    wide = transparent(100 * 257, 0, 100 * 257)
    pixels = decode(png(samples * 257, depth=16, colour_type=2, before_pixels=wide))
    np.testing.assert_array_equal(pixels, np.where(hidden[:, :, np.newaxis], 255, samples))


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    samples = np.arange(65536).reshape(256, 256, 1)
    pixels = decode(png(samples, depth=16, colour_type=0))
    np.testing.assert_array_equal(pixels, np.floor(samples / 257 + 0.5))


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 1), (6, 3)])
def test_16_bit_colours_keep_their_upper_8_bits(colour_type: int, channels: int) -> None:
    samples = RANDOM.integers(0, 65536, (5, 7, CHANNELS_OF_COLOUR_TYPE[colour_type]))
    if colour_type in (4, 6):
        samples[:, :, -1] = 65535
    content = png(samples, depth=16, colour_type=colour_type)
    np.testing.assert_array_equal(decode(content), samples[:, :, :channels] >> 8)
    with pytest.raises(DamagedImageError) as refused:
        decode(content, Decoding(value_range=(0, 4095)))
    assert refused.value.message == (
        "has 16 bits a colour, of which only the upper 8 can be read; "
        "`--value-range` can't be applied to it"
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff_is_scaled_in_both_byte_orders(order: str) -> None:
    values = np.arange(0, 65536, 97, dtype=np.uint16)[:600].reshape(20, 30)
    content = tiff(values.astype(f"{order}u2").tobytes(), (30, 20), bits=16, order=order)
    np.testing.assert_array_equal(decode(content)[:, :, 0], scaled(values, 0, 65535))
    ranged = decode(content, Decoding(value_range=(1000, 30000)))
    np.testing.assert_array_equal(ranged[:, :, 0], scaled(values, 1000, 30000))


def test_12_bit_tiff_is_scaled_by_12_bits() -> None:
    values = RANDOM.integers(0, 4096, (6, 8))
    values[0, :2] = 0, 4095
    bits = (values.reshape(-1, 1) >> np.arange(12)[::-1]) & 1
    content = tiff(np.packbits(bits.astype(np.uint8)).tobytes(), (8, 6), bits=12)
    np.testing.assert_array_equal(decode(content)[:, :, 0], scaled(values, 0, 4095))
    assert decode_content(content).mode == "I;16"


def test_16_bit_tiff_whose_0_is_white_is_inverted() -> None:
    values = np.array([[0, 30000, 65535]], dtype=np.uint16)
    content = tiff(values.astype("<u2").tobytes(), (3, 1), bits=16, photometric=0)
    np.testing.assert_array_equal(decode(content)[0, :, 0], [255, 255 - 117, 0])


@pytest.mark.parametrize(
    ("bits", "sample_format", "dtype", "values", "found"),
    [
        (16, 2, "<i2", [-1000, 0, 3000], "from -1000 to 3000"),
        (32, 2, "<i4", [-7, 0, 70000], "from -7 to 70000"),
        (32, 1, "<u4", [0, 5, 2**32 - 1], "from 0 to 4.294967e+09"),
        (8, 2, "i1", [-128, 0, 127], "from -128 to 127"),
    ],
)
def test_integers_of_unknown_range_are_refused_unless_it_is_given(
    bits: int, sample_format: int, dtype: str, values: list[int], found: str
) -> None:
    array = np.array([values], dtype=dtype)
    content = tiff(array.tobytes(), (3, 1), bits=bits, sample_format=sample_format)
    for given_content in (content, array):
        with pytest.raises(DamagedImageError) as refused:
            decode_content(given_content)
        assert refused.value.message == (
            f"has values {found}, of unknown range "
            "(`--value-range LOW,HIGH` says what is black and white)"
        )
        low, high = float(min(values)) + 1, float(max(values))
        pixels = decode_content(given_content, Decoding(value_range=(low, high))).pixels
        np.testing.assert_array_equal(pixels[0, :, 0], scaled(array[0], low, high))


def test_floats_from_0_to_1_are_scaled() -> None:
    values = RANDOM.random((4, 5)).astype("<f4")
    values[0, :2] = 0, 1
    content = tiff(values.tobytes(), (5, 4), bits=32, sample_format=3)
    np.testing.assert_array_equal(decode(content)[:, :, 0], scaled(values, 0, 1))


@pytest.mark.parametrize("bad", [255.0, -0.25, float("inf"), float("-inf")])
def test_floats_beyond_0_to_1_are_refused_unless_a_range_is_given(bad: float) -> None:
    values = np.array([[0.5, bad]], dtype="<f4")
    content = tiff(values.tobytes(), (2, 1), bits=32, sample_format=3)
    for given_content in (content, values):
        with pytest.raises(DamagedImageError) as refused:
            decode_content(given_content)
        assert refused.value.message == (
            f"has values from {values.min():g} to {values.max():g}, beyond the 0 to 1 of its type "
            "(`--value-range LOW,HIGH` says what is black and white)"
        )
        pixels = decode_content(given_content, Decoding(value_range=(0, 2))).pixels
        np.testing.assert_array_equal(pixels[0, :, 0], [64, 255 if bad > 0 else 0])


def test_values_that_are_no_numbers_are_refused_in_any_range() -> None:
    values = np.array([[0.5, np.nan]], dtype="<f4")
    for content in (tiff(values.tobytes(), (2, 1), bits=32, sample_format=3), values):
        for decoding in (Decoding(), Decoding(value_range=(0, 2))):
            with pytest.raises(DamagedImageError, match=r"has values that are NaN"):
                decode_content(content, decoding)


def test_a_value_range_leaves_images_of_8_bits_alone() -> None:
    ranged = Decoding(value_range=(10, 20))
    samples = RANDOM.integers(0, 256, (3, 4, 3)).astype(np.uint8)
    content = png(samples, depth=8, colour_type=2)
    np.testing.assert_array_equal(decode(content, ranged), samples)
    np.testing.assert_array_equal(decode_content(samples, ranged).pixels, samples)
    small = b"P5 2 1 100\n\x00\x64"
    np.testing.assert_array_equal(decode(small, ranged)[0, :, 0], [0, 255])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"P1 3 1\n1 0 1", [0, 255, 0]),
        (b"P1 3 1\n101\n", [0, 255, 0]),
        (b"P1 3 1\n1#one\n0 1\n", [0, 255, 0]),
        (b"P2 3 1 100\n0 50 100\n", [0, 128, 255]),
        (b"P2 3 1 4095 # 12 bits\n0 2048 # half\n4095", [0, 128, 255]),
        (b"P2 2 1 65535\n0 65535", [0, 255]),
        (b"P3 1 1 15\n0 5 15\n", [0, 85, 255]),
        (b"P5 3 1 100\n" + bytes([0, 50, 100]), [0, 128, 255]),
        (b"P5 3 1 4095\n" + np.array([0, 2048, 4095], ">u2").tobytes(), [0, 128, 255]),
        (b"P5 3 1 65535\n" + np.array([0, 30000, 65535], ">u2").tobytes(), [0, 117, 255]),
        (b"P6 1 1 1023\n" + np.array([0, 512, 1023], ">u2").tobytes(), [0, 128, 255]),
        (b"Pf 2 1 -1.0\n" + np.array([0.0, 1.0], "<f4").tobytes(), [0, 255]),
    ],
)
def test_the_ppm_family_is_scaled_by_its_own_maximum(content: bytes, expected: list[int]) -> None:
    pixels = decode(content)
    assert pixels.reshape(-1).tolist() == expected
    assert pixels.shape[2] == (3 if content[:2] in (b"P3", b"P6") else 1)


def test_a_value_range_counts_in_the_numbers_of_a_ppm() -> None:
    content = b"P6 1 1 4095\n" + np.array([0, 1000, 4095], ">u2").tobytes()
    assert decode(content, Decoding(value_range=(0, 2000))).reshape(-1).tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"P2 2 1 100\n0 101\n", "has the value 101, over its own maximum of 100"),
        (b"P5 2 1 100\n\x00\x65", "has the value 101, over its own maximum of 100"),
        (b"P1 2 1\n0 2\n", "has the value 2, over its own maximum of 1"),
        (b"P2 2 1 100\n0 -5\n", "has b'-' where a number should be"),
        (b"P2 2 1 100\n0", "is truncated"),
        (b"P2 2 1 100\n", "is truncated"),
        (b"P5 2 1 100\n\x00", "is truncated"),
    ],
)
def test_a_ppm_of_wrong_numbers_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedImageError) as refused:
        decode(content)
    assert refused.value.message == reason


def test_uint8_arrays_are_taken_as_they_are() -> None:
    for shape in ((3, 4, 1), (3, 4, 3)):
        values = RANDOM.integers(0, 256, shape).astype(np.uint8)
        decoded = decode_content(values)
        assert decoded.pixels is values
        assert (decoded.format, decoded.mode) == ("array", "uint8")
    assert decode_content(np.zeros((3, 4), np.uint8)).pixels.shape == (3, 4, 1)


@pytest.mark.slow
@given(
    values=st.sampled_from([np.bool_, np.uint16, np.float32, np.float64]).flatmap(
        lambda dtype: shapes.arrays(
            dtype,
            st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3])),
            elements=None if dtype in (np.bool_, np.uint16) else st.floats(0, 1, width=32),
        )
    )
)
def test_other_arrays_are_scaled_by_the_range_of_their_type(values: NDArray[Any]) -> None:
    decoded = decode_content(values)
    high = {"b": 1, "u": 65535, "f": 1}[values.dtype.kind]
    np.testing.assert_array_equal(decoded.pixels, scaled(values, 0, high))
    assert decoded.mode == str(values.dtype)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2", ">i2"])
def test_large_16_bit_arrays_are_scaled_like_small_ones(dtype: str) -> None:
    values = np.arange(-70_000, 70_000, dtype=np.int64).astype(dtype).reshape(1000, 140, 1)
    ranged = Decoding(value_range=(-100, 20_000))
    whole = decode_content(values, ranged).pixels
    parts = [decode_content(part, ranged).pixels for part in np.split(values, 10)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    np.testing.assert_array_equal(whole[::50], scaled(values[::50], -100, 20_000))


def test_the_opacity_of_wide_arrays_is_scaled_too() -> None:
    values = np.array([[[0, 0, 0, 0], [65535, 0, 0, 65535]]], dtype=np.uint16)
    np.testing.assert_array_equal(decode_content(values).pixels, [[[255] * 3, [255, 0, 0]]])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((3, 8, 8)), "has the shape (3, 8, 8), not (H, W), (H, W, 1), (H, W, 3) or "),
        (np.zeros((8, 8, 2)), "has the shape (8, 8, 2), not"),
        (np.zeros((8,)), "has the shape (8,), not"),
        (np.zeros((1, 8, 8, 3)), "has the shape (1, 8, 8, 3), not"),
        (np.zeros((0, 8, 3)), "has no pixels: it is 8 wide and 0 high"),
        (np.zeros((8, 8), complex), "has values of type complex128, which are no colours"),
        (np.full((2, 2), "red"), "has values of type <U3, which are no colours"),
        (np.full((2, 2), None), "has values of type object, which are no colours"),
    ],
)
def test_arrays_that_are_no_images_are_refused(values: NDArray[Any], reason: str) -> None:
    with pytest.raises(DamagedImageError) as refused:
        decode_content(values)
    assert refused.value.message.startswith(reason)


def test_images_of_pillows_in_wide_modes_are_scaled() -> None:
    values = np.array([[0, 30000, 65535]], dtype=np.uint16)
    np.testing.assert_array_equal(pixels_of(Image.fromarray(values))[0, :, 0], [0, 117, 255])
    integers = Image.fromarray(np.array([[0, 100]], dtype=np.int32))
    with pytest.raises(DamagedImageError, match="has values from 0 to 100, of unknown range"):
        pixels_of(integers)
    ranged = pixels_of(integers, Decoding(value_range=(0, 100)))
    np.testing.assert_array_equal(ranged[0, :, 0], [0, 255])
