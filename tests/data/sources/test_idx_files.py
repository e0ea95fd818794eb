"""idx files of MNIST and its kin: recognised by content, damage refused."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from convscope.data.decoding.decode import decode_content
from convscope.data.sources import unpacking
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def write_idx(path: Path, array: np.ndarray, *, zipped: bool = False) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if zipped else content)


def test_idx_files_are_recognised_plain_and_zipped(tmp_path: Path) -> None:
    images = np.arange(4 * 3 * 3).reshape(4, 3, 3)
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([0, 1, 2, 1]))
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", images[:2], zipped=True)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([2, 0]), zipped=True)
    dataset = open_dataset(tmp_path)
    assert dataset.given_splits == ("train",) * 4 + ("test",) * 2
    assert dataset.labels.tolist() == [0, 1, 2, 1, 2, 0]
    np.testing.assert_array_equal(
        decode_content(dataset.images.content(4)).pixels[:, :, 0], images[0]
    )


@pytest.mark.slow
def test_mnist_has_60000_and_10000_images(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "mnist")
    assert dataset.given_splits.count("train") == 60_000
    assert dataset.given_splits.count("test") == 10_000
    assert dataset.labels[:5].tolist() == [5, 0, 4, 1, 9]  # LeCun et al.


@pytest.mark.slow
def test_fashion_mnist_has_its_classes_names(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "fashion-mnist")
    assert dataset.classes[dataset.labels[0]] == "Ankle boot"


@pytest.mark.parametrize("kin", ["emnist-digits-{}-images-idx3-ubyte", "qmnist_{}-images-idx3"])
def test_the_split_is_found_anywhere_in_an_idx_files_name(tmp_path: Path, kin: str) -> None:
    for split, count in (("train", 4), ("test", 2)):
        name = kin.format(split)
        write_idx(tmp_path / name, np.zeros((count, 3, 3)))
        write_idx(tmp_path / name.replace("images-idx3", "labels-idx1"), np.arange(count) % 2)
    assert open_dataset(tmp_path).given_splits == ("train",) * 4 + ("test",) * 2


@pytest.mark.parametrize("name", ["eval", "trainval", "test-train"])
def test_an_idx_file_of_an_unclear_split_is_refused(tmp_path: Path, name: str) -> None:
    write_idx(tmp_path / f"{name}-images-idx3-ubyte", np.zeros((4, 3, 3)))
    with pytest.raises(
        DataError, match="looks like a split, and which one isn't clear\nhint: write"
    ):
        open_dataset(tmp_path)


def test_two_idx_files_for_one_split_are_an_error(tmp_path: Path) -> None:
    for kin in ("mnist", "other"):
        write_idx(tmp_path / f"{kin}-train-images-idx3-ubyte", np.zeros((4, 3, 3)))
    with pytest.raises(DataError, match="has two idx files for the train split"):
        open_dataset(tmp_path)


def test_idx_images_of_an_unknown_number_of_channels_are_an_error(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx4-ubyte", np.zeros((4, 3, 3, 5)))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([0, 1, 2, 1]))
    with pytest.raises(DataError, match="has images of 5 channels"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c[:-1], "its header promises 36 values, it has 35"),
        (lambda c: c[:2] + b"\x0d" + c[3:], "holds values of type 0xd"),
    ],
)
def test_damaged_idx_files_are_errors(tmp_path: Path, spoil: object, message: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, np.zeros((4, 3, 3)))
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([0, 1, 2, 1]))
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


def test_a_cut_gzip_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    write_idx(path, np.random.default_rng(0).integers(0, 255, (40, 9, 9)), zipped=True)
    path.write_bytes(path.read_bytes()[:-100])
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(40))
    with pytest.raises(DataError, match="can't be read"):
        open_dataset(tmp_path)


def test_images_and_labels_of_different_number_are_an_error(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", np.zeros((4, 3, 3)))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([0, 1, 2]))
    with pytest.raises(DataError, match=r"has 4 images, .* has 3 labels"):
        open_dataset(tmp_path)


def test_images_without_labels_are_an_error(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", np.zeros((4, 3, 3)))
    with pytest.raises(DataError, match="train split without the labels"):
        open_dataset(tmp_path)


def test_a_small_packed_file_of_much_memory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "BOMB_BYTES", 1 << 20)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((4000, 40, 40)), zipped=True)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(4000))
    with pytest.raises(DataError, match=r"unpacks to [\d,]+ or more"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("num_images", [0, 1, 4000])
def test_no_more_is_unpacked_than_the_header_promises(tmp_path: Path, num_images: int) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", num_images, 40, 40)
    more = 64 << 20
    path.write_bytes(gzip.compress(header + bytes(num_images * 1600 + more), 1))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(num_images))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=f"promises {num_images * 1600:,} values, it has more"):
            open_dataset(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < more / 2
    finally:
        tracemalloc.stop()


def test_a_header_that_promises_more_than_a_packed_file_can_hold_is_an_error(
    tmp_path: Path,
) -> None:
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 1 << 31, 1 << 31, 1 << 31)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + bytes(99)))
    with pytest.raises(DataError, match=r"has \d+ bytes and unpacks to [\d,]{30,} or more"):
        open_dataset(tmp_path)
