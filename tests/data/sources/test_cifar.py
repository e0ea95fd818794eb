"""CIFAR's binary files: records, names, damage; the pickled version refused."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from convscope.data.decoding.decode import decode_content
from convscope.data.sources.cifar import CIFAR10_CLASSES, CIFAR100_CLASSES
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def pixels_of(count: int, seed: int = 0) -> np.ndarray:
    """(N, 32, 32, 3) noise."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def write_records(path: Path, labels: list[list[int]], pixels: np.ndarray) -> None:
    """Records as the format's page says: labels, then all red pixels, green, blue."""
    path.write_bytes(
        b"".join(
            bytes(marks) + b"".join(image[:, :, channel].tobytes() for channel in range(3))
            for marks, image in zip(labels, pixels, strict=True)
        )
    )


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for number in range(1, 6):
        write_records(folder / f"data_batch_{number}.bin", [[3], [9]], pixels_of(2, number))
    write_records(folder / "test_batch.bin", [[3]], pixels_of(1, 6))
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10_CLASSES) + "\n\n")
    return folder


@pytest.fixture
def cifar100(tmp_path: Path) -> Path:
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    write_records(folder / "train.bin", [[4, 0], [1, 1], [4, 0]], pixels_of(3))
    write_records(folder / "test.bin", [[1, 1]], pixels_of(1, 1))
    (folder / "fine_label_names.txt").write_text("\n".join(CIFAR100_CLASSES) + "\n")
    coarse = [f"superclass {number}" for number in range(20)]
    (folder / "coarse_label_names.txt").write_text("\n".join(coarse) + "\n")
    return folder


def test_cifar10_is_read_pixel_by_pixel(cifar10: Path) -> None:
    dataset = open_dataset(cifar10)
    assert dataset.classes == ("cat", "truck")
    assert dataset.labels.tolist() == [0, 1] * 5 + [0]
    assert dataset.given_splits == ("train",) * 10 + ("test",)
    assert dataset.images.name(10) == "test/00000"
    np.testing.assert_array_equal(
        decode_content(dataset.images.content(2)).pixels, pixels_of(2, 2)[0]
    )
    assert dataset.remarks == ("split `test` has no images of truck",)


def test_the_archive_that_cifar_comes_in_is_read_in_place(cifar10: Path) -> None:
    path = cifar10.parent / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(cifar10, arcname=cifar10.name)
    dataset = open_dataset(path)
    assert dataset.name == "cifar-10-binary"
    assert dataset.labels.tolist() == [0, 1] * 5 + [0]
    np.testing.assert_array_equal(dataset.images.content(9), pixels_of(2, 5)[1])


def test_cifar100_has_its_classes_and_superclasses(cifar100: Path) -> None:
    dataset = open_dataset(cifar100)
    assert dataset.classes == ("apple", "aquarium_fish")
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert dataset.columns["superclass"][0] == "superclass 4"
    np.testing.assert_array_equal(dataset.images.content(1), pixels_of(3)[1])


def test_cifar100_is_recognised_by_content_where_no_names_lie_beside_it(cifar100: Path) -> None:
    for names in cifar100.glob("*.txt"):
        names.unlink()
    dataset = open_dataset(cifar100)
    assert dataset.classes == ("apple", "aquarium_fish")
    assert dict(dataset.columns) == {}


def test_other_files_called_train_and_test_are_not_cifar(cifar100: Path) -> None:
    for names in cifar100.glob("*.txt"):
        names.unlink()
    (cifar100 / "test.bin").write_bytes(b"\xff" * 3074)
    with pytest.raises(DataError, match="has no class folders"):
        open_dataset(cifar100)


def test_the_class_names_are_those_of_the_names_file(cifar10: Path) -> None:
    (cifar10 / "batches.meta.txt").write_text("\n".join(f"class {n}" for n in range(10)))
    assert open_dataset(cifar10).classes == ("class 3", "class 9")
    (cifar10 / "batches.meta.txt").unlink()
    assert open_dataset(cifar10).classes == ("cat", "truck")


def test_there_are_a_hundred_known_names_in_their_order() -> None:
    assert len(CIFAR100_CLASSES) == 100
    assert list(CIFAR100_CLASSES) == sorted(set(CIFAR100_CLASSES))


def test_missing_batches_are_remarked(cifar10: Path) -> None:
    (cifar10 / "data_batch_2.bin").unlink()
    (cifar10 / "test_batch.bin").unlink()
    assert open_dataset(cifar10).remarks == (
        "a part of CIFAR-10 is missing: data_batch_2.bin, test_batch.bin",
    )


def test_damaged_files_are_errors(cifar10: Path) -> None:
    batch = cifar10 / "data_batch_1.bin"
    content = batch.read_bytes()
    batch.write_bytes(content[:-1])
    with pytest.raises(
        DataError,
        match=r"_1.bin` is damaged: its 6,145 bytes are no whole number of",
    ):
        open_dataset(cifar10)
    batch.write_bytes(b"\x0a" + content[1:])
    with pytest.raises(DataError, match="has a label 10, CIFAR-10 has 10 classes"):
        open_dataset(cifar10)
    batch.write_bytes(content)
    (cifar10 / "batches.meta.txt").write_text("cat\ndog\n")
    with pytest.raises(DataError, match=r"batches.meta.txt` names 2 classes of 10"):
        open_dataset(cifar10)


@pytest.mark.parametrize("names", [["data_batch_1", "batches.meta"], ["train", "test", "meta"]])
def test_the_version_for_python_is_refused(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "cifar").mkdir()
    for name in names:
        (tmp_path / "cifar" / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"can run any code\nhint: take the binary version"):
        open_dataset(tmp_path)
