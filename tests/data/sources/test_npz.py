"""`.npz` files: arrays by their names, splits, channels; nothing in them is unpickled."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

GREY = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
COLOUR = np.arange(4 * 5 * 6 * 3, dtype=np.uint16).reshape(4, 5, 6, 3)
LABELS = np.array([10, 9, 10, 9])


def save(folder: Path, **arrays: Any) -> Path:
    np.savez_compressed(folder / "set.npz", **arrays)
    return folder / "set.npz"


@pytest.mark.parametrize(
    ("images", "labels"), [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "targets")]
)
def test_arrays_are_found_by_their_names(tmp_path: Path, images: str, labels: str) -> None:
    dataset = open_dataset(save(tmp_path, **{images: GREY, labels: LABELS}))
    assert dataset.name == "set"
    assert dataset.classes == ("9", "10")
    assert dataset.labels.tolist() == [1, 0, 1, 0]
    assert not dataset.has_splits
    np.testing.assert_array_equal(dataset.images.content(3), GREY[3][:, :, np.newaxis])


@pytest.mark.parametrize("form", ["{}_{}", "{1}_{0}"])
def test_splits_are_found_in_the_names(tmp_path: Path, form: str) -> None:
    arrays = {}
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        arrays[form.format("images", split)] = GREY[:count]
        arrays[form.format("labels", split)] = LABELS[:count, np.newaxis]
    dataset = open_dataset(save(tmp_path, **arrays))
    assert list(dataset.given_splits) == ["train"] * 4 + ["validation"] * 2 + ["test"] * 3
    assert dataset.images.name(4) == "validation/00000"
    np.testing.assert_array_equal(dataset.images.content(8), GREY[2][:, :, np.newaxis])


def test_channels_may_come_first_or_last_and_numbers_keep_their_format(tmp_path: Path) -> None:
    for array in (COLOUR, COLOUR.transpose(0, 3, 1, 2)):
        content = open_dataset(save(tmp_path, x=array, y=LABELS)).images.content(2)
        np.testing.assert_array_equal(content, COLOUR[2])
        assert content.dtype == np.uint16  # type: ignore[union-attr]


def test_class_names_may_lie_beside_the_labels(tmp_path: Path) -> None:
    path = save(tmp_path, x=GREY, y=LABELS - 9, class_names=np.array(["zebra", "ant"]))
    dataset = open_dataset(path)
    assert dataset.classes == ("ant", "zebra")
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    path = save(tmp_path, x=GREY, y=LABELS, class_names=np.array(["zebra", "ant"]))
    with pytest.raises(DataError, match="has 2 names, but labels go from 9 to 10"):
        open_dataset(path)


@pytest.mark.parametrize(
    "labels", [np.array(["b", "a", "b", "a"]), np.array([b"b", b"a", b"b", b"a"])]
)
def test_labels_may_be_texts(tmp_path: Path, labels: np.ndarray) -> None:
    assert open_dataset(save(tmp_path, x=GREY, y=labels)).classes == ("a", "b")


def test_whole_numbers_as_fractions_are_whole_numbers(tmp_path: Path) -> None:
    assert open_dataset(save(tmp_path, x=GREY, y=LABELS.astype(float))).classes == ("9", "10")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": GREY, "y": LABELS}, r"are not images with labels by their names\n  `a`\n  `y`"),
        ({"x": GREY, "images": GREY, "y": LABELS}, "two arrays for the same: `x` and `images`"),
        ({"x_train": GREY, "y_test": LABELS}, "are not images with labels"),
        ({"x": GREY, "y": LABELS[:3]}, "has 4 images, but there are 3 labels"),
        ({"x": GREY, "y": np.eye(4)}, r"has the shape \(4, 4\); one label an image is needed"),
        ({"x": GREY, "y": LABELS + 0.5}, "holds float64; labels are whole numbers or texts"),
        ({"x": GREY.reshape(4, 30), "y": LABELS}, r"has the shape \(4, 30\) and type uint8"),
        ({"x": COLOUR[:, :3], "y": LABELS}, "both could be the channels"),
        ({"x": COLOUR[..., :2], "y": LABELS}, "none has 1 or 3 channels"),
        ({"x": GREY[:0], "y": LABELS[:0]}, "has no images"),
        (
            {"x_train": GREY, "y_train": LABELS, "x_test": GREY[:, :4], "y_test": LABELS},
            "have images of different sizes or number formats",
        ),
        ({"x": np.array([None] * 4), "y": LABELS}, "holds Python objects, which are pickled"),
        ({"x": GREY, "y": np.array([None] * 4)}, "holds Python objects, which are pickled"),
    ],
)
def test_arrays_that_do_not_fit_are_errors(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(save(tmp_path, **arrays))


def test_a_header_that_promises_more_than_there_is_is_refused_before_unpacking(
    tmp_path: Path,
) -> None:
    stream = io.BytesIO()
    np.save(stream, GREY)
    promised = stream.getvalue().replace(b"(4, 5, 6)", b"(4, 5, 7)")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", promised)
        stream = io.BytesIO()
        np.save(stream, LABELS)
        archive.writestr("y.npy", stream.getvalue())
    with pytest.raises(DataError, match="its header promises 140 bytes, it has 120"):
        open_dataset(tmp_path / "x.npz")


def test_a_bomb_is_refused_before_unpacking(tmp_path: Path) -> None:
    path = save(tmp_path, x=GREY, y=LABELS)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\1\2") + 24, 4_000_000_000)
    path.write_bytes(content)
    with pytest.raises(DataError, match="made to fill a disk"):
        open_dataset(path)


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    path = save(tmp_path, x=np.random.default_rng(0).integers(0, 255, (4, 50, 50)), y=LABELS)
    content = path.read_bytes()
    for spoilt in (b"", content[:100], content[:1000] + bytes(200) + content[1200:]):
        path.write_bytes(spoilt)
        with pytest.raises(DataError, match="can't be read"):
            open_dataset(path)


@pytest.mark.parametrize("held_out", ["x_test", "xTest", "x_holdout", "held_out_x", "x_t10k"])
def test_names_of_held_out_arrays_are_known(tmp_path: Path, held_out: str) -> None:
    arrays = {
        "x_train": GREY,
        "y_train": LABELS,
        held_out: GREY,
        held_out.replace("x", "y"): LABELS,
    }
    dataset = open_dataset(save(tmp_path, **arrays))
    assert list(dataset.given_splits) == ["train"] * 4 + ["test"] * 4


def test_arrays_without_a_split_beside_others_with_one_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, x=GREY, y=LABELS, x_train=GREY, y_train=LABELS)
    with pytest.raises(DataError, match="has images without a split, `x`, beside others with one"):
        open_dataset(path)
