"""One preprocessing: the same bytes from the store, evaluation, Python and the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from convscope.cache import Cache
from convscope.classifier import Classifier, NetworkChoice
from convscope.cli.main import run
from convscope.data.decoding.decode import decode
from convscope.data.index.image_index import build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.recipe import Fit

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (37, 52, 4), dtype=np.uint8)
GREY_16_BIT = RANDOM.integers(0, 65536, (37, 52)).astype(np.uint16)
ORIENTATION = 0x0112


def _photo(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(COLOUR[:, :, :3]).save(path / f"turned{orientation}.jpg", exif=exif)


def _converted(mode: str, suffix: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        image = Image.fromarray(COLOUR)
        image = image.convert("RGB").convert(mode) if mode in ("CMYK", "P") else image.convert(mode)
        image.save(path / f"mode_{mode.replace(';', '')}.{suffix}")

    return write


WRITERS: list[Callable[[Path], None]] = [
    *(lambda path, turn=turn: _photo(path, turn) for turn in range(1, 9)),
    *(_converted(mode, "png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
    _converted("CMYK", "jpg"),
    _converted("L", "jpg"),
    _converted("RGB", "webp"),
    _converted("RGB", "bmp"),
    _converted("RGB", "ppm"),
    _converted("P", "gif"),
    lambda path: Image.fromarray(GREY_16_BIT).save(path / "wide.png"),
    lambda path: Image.fromarray(GREY_16_BIT).save(path / "wide.tif"),
    lambda path: Image.fromarray(np.float32(GREY_16_BIT / 65535)).save(path / "float.tif"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, writers in (("a", WRITERS[::2]), ("b", WRITERS[1::2])):
        (tmp_path / "data" / label).mkdir(parents=True)
        for write in writers:
            write(tmp_path / "data" / label)
    return tmp_path / "data"


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_store_evaluation_python_and_command_line_prepare_to_identical_bytes(
    folder: Path, tmp_path: Path, fit: Fit, channels: int
) -> None:
    plain = Preprocessing(
        height=32,
        width=40,
        channels=channels,
        fit=fit,
        mean=(0.5,) * channels,
        std=(1.0,) * channels,
    )
    choice = NetworkChoice("lenet5_relu", 2, channels, (32, 40))
    classifier = Classifier(choice.build(), choice, preprocessing=plain, classes=("a", "b"))
    classifier.save(tmp_path / "classifier")
    cached = build_image_index(
        open_dataset(folder), cache=Cache(tmp_path / "cache"), geometries=[plain]
    )
    everything = np.arange(len(WRITERS))
    assert cached.damaged == ()
    stored = cached.pixels(plain).take(everything).numpy()
    decoded = (
        build_image_index(open_dataset(folder), cache=None).pixels(plain).take(everything).numpy()
    )
    paths = [folder / name for name in cached.names]
    from_path = np.stack([classifier.prepare(path) for path in paths])
    from_bytes = np.stack([classifier.prepare(path.read_bytes()) for path in paths])
    words = ["predict", str(tmp_path / "classifier"), *map(str, paths), "-q"]
    assert run([*words, "--save-inputs", str(tmp_path / "inputs")]) == 0
    saved = [decode(path.read_bytes()) for path in sorted((tmp_path / "inputs").glob("*.png"))]
    for other in (decoded, from_path, from_bytes, np.stack(saved)):
        assert other.tobytes() == stored.tobytes()


def test_all_eight_orientations_of_a_photo_show_the_same_picture_upright(tmp_path: Path) -> None:
    turns: list[Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = [
        lambda pixels: pixels,
        lambda pixels: pixels[:, ::-1],
        lambda pixels: pixels[::-1, ::-1],
        lambda pixels: pixels[::-1],
        lambda pixels: pixels.transpose(1, 0, 2),
        lambda pixels: np.rot90(pixels, 3),
        lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
        lambda pixels: np.rot90(pixels),
    ]
    for orientation, turn in enumerate(turns, 1):
        _photo(tmp_path, orientation)
        content = (tmp_path / f"turned{orientation}.jpg").read_bytes()
        plain = decode((tmp_path / "turned1.jpg").read_bytes())
        assert decode(content).tobytes() == np.ascontiguousarray(turn(plain)).tobytes()
