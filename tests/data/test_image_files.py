"""Pictures: what is saved is what was there, and grids show every image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from convscope.data.image_files import as_image, image_grid, save_grid, save_image
from convscope.errors import RunError, UsageError

COLOURS = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(7, 9, 3), (7, 9, 1), (7, 9), (1, 1)])
def test_uint8_comes_back_from_png_exactly(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for kind, picture in (("array", pixels), ("tensor", torch.from_numpy(pixels))):
        save_image(picture, tmp_path / f"{kind}.png")
        with Image.open(tmp_path / f"{kind}.png") as image:
            assert np.array_equal(np.asarray(image).reshape(shape), pixels)


@pytest.mark.slow
@given(arrays.arrays(np.uint8, st.tuples(st.just(3), st.integers(1, 9), st.integers(1, 9))))
def test_floats_of_levels_give_the_levels_back(levels: np.ndarray) -> None:
    image = as_image(torch.from_numpy(levels).float() / 255)
    assert np.array_equal(np.asarray(image).transpose(2, 0, 1), levels)


@pytest.mark.parametrize("ending", [".jpg", ".JPEG"])
def test_jpeg_is_near(tmp_path: Path, ending: str) -> None:
    smooth = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (64, 64, 3))
    save_image(smooth, tmp_path / f"picture{ending}")
    with Image.open(tmp_path / f"picture{ending}") as image:
        assert image.format == "JPEG"
        assert np.abs(np.asarray(image).astype(int) - smooth).max() < 8


def test_a_tensor_that_has_a_gradient_is_saved(tmp_path: Path) -> None:
    save_image(torch.full((1, 4, 5), 0.5, requires_grad=True), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.size) == ("L", (5, 4))


def test_rounding_outside_of_0_and_1_is_no_error() -> None:
    assert as_image(np.array([[1 + 1e-6, -1e-6]])).getextrema() == (0, 255)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (COLOURS.astype(np.int64), "values of type `int64` are no picture"),
        (COLOURS.transpose(2, 0, 1), "has the shape (H, W), or (H, W, C) uint8"),
        (COLOURS / 255, "has the shape (H, W), or (C, H, W) floats"),
        (COLOURS[0, 0], "the shape (3,) is no picture"),
        (COLOURS[:0], "the shape (0, 9, 3) has no pixels"),
        (COLOURS[:, :, 0] / 1.0, "lies between 0 and 1, not between"),
        (np.array([[-2.0, 1.0]]), "undo the normalisation first"),
        (np.array([[0.5, np.nan]]), "non-finite values"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, pixels: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        save_image(pixels, tmp_path / "a.png")
    assert message in str(caught.value)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["picture", "picture.gif", "picture.png.txt"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        save_image(COLOURS, tmp_path / name)
    assert f"`{name}` has no ending that says" in str(caught.value)
    assert "`.png`, `.jpg` or `.jpeg`" in str(caught.value)


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written to"):
        save_image(COLOURS, tmp_path / "file" / "a.png")


def test_a_grid_shows_every_image_in_its_cell() -> None:
    levels = torch.arange(1, 6, dtype=torch.uint8) * 40
    images = levels[:, None, None, None].expand(5, 8, 8, 3).contiguous()
    grid = np.asarray(image_grid(images, columns=2, cell_px=16))
    assert grid.shape == (3 * 22 + 6, 2 * 22 + 6, 3)
    for number, level in enumerate(levels.tolist()):
        row, column = divmod(number, 2)
        cell = grid[6 + 22 * row : 22 + 22 * row, 6 + 22 * column : 22 + 22 * column]
        assert (cell == level).all()
    assert (grid[6 + 44 :, 28:] == 255).all()


def test_small_images_are_enlarged_by_a_whole_factor() -> None:
    one = np.zeros((1, 5, 5, 1), dtype=np.uint8)
    one[0, 2, 1] = 200
    grid = np.asarray(image_grid(one, cell_px=17))
    rows, columns, _ = np.nonzero(grid == 200)
    assert [int(np.ptp(each)) + 1 for each in (rows, columns)] == [3, 3]


def test_images_of_different_sizes_and_kinds_share_a_grid() -> None:
    images: list[Any] = [COLOURS, torch.rand(3, 500, 20), np.zeros((30, 40)), COLOURS[:, :, 0]]
    grid = image_grid(images, ["a", "b", "c", "d"])
    assert grid.size == (2 * 262 + 6, 2 * (262 + 19) + 6)


def test_labels_are_drawn_below_their_images() -> None:
    images = np.full((2, 64, 64, 3), 255, dtype=np.uint8)
    plain = np.asarray(image_grid(images, ["", ""], columns=2, cell_px=64))
    grid = np.asarray(image_grid(images, ["", "rose"], columns=2, cell_px=64))
    rows, columns, _ = np.nonzero(grid != plain)
    assert rows.min() >= 6 + 64
    assert columns.min() >= 6 + 64 + 6


def test_labels_in_any_script_are_drawn_as_far_as_the_font_goes() -> None:
    image = np.zeros((1, 90, 90, 3), dtype=np.uint8)

    def drawn(label: str) -> bytes:
        return image_grid(image, [label], cell_px=90).tobytes()

    assert drawn("Löwe") == drawn("Lowe")
    assert drawn("猫 1") == drawn("? 1")
    assert drawn("a\nb") == drawn("a?b")
    assert image_grid(image, ["x" * 300], cell_px=90).size == (102, 121)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        ([], {}, "there are no images"),
        ([COLOURS], {"labels": ["a", "b"]}, "1 image can't have 2 labels"),
        ([COLOURS], {"columns": 0}, "`columns` is 0"),
        ([COLOURS], {"cell_px": -3}, "`cell_px` is -3"),
        ([COLOURS, COLOURS[0, 0]], {}, "the shape (3,) is no picture"),
    ],
)
def test_grids_that_cannot_be_are_refused(
    images: list[np.ndarray], options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        image_grid(images, **options)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_a_grid_is_saved_as_it_is(tmp_path: Path) -> None:
    grid = image_grid([COLOURS], ["rose"])
    save_grid(grid, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        assert image.tobytes() == grid.tobytes()
