"""Sources: class folders, idx files, digits; what is refused, and how."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.data.decode import decode_content
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def write_idx(path: Path, array: np.ndarray, *, zipped: bool = False) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if zipped else content)


def test_digits_are_1797_images_of_ten_classes() -> None:
    dataset = open_dataset("digits")
    assert len(dataset) == 1797
    assert dataset.classes == tuple("0123456789")
    assert decode_content(dataset.images.content(0)).pixels.max() == 239  # 15 of 16


def test_class_folders_are_read_in_sorted_order(make_folder: MakeFolder) -> None:
    dataset = open_dataset(make_folder({"zebra": 3, "ant": 2}))
    assert dataset.classes == ("ant", "zebra")
    assert dataset.labels.tolist() == [0, 0, 1, 1, 1]
    assert not dataset.has_splits


@pytest.mark.parametrize("validation", ["val", "valid", "validation"])
def test_splits_are_recognised_by_their_usual_names(
    make_folder: MakeFolder, validation: str
) -> None:
    root = make_folder({"a": 2, "b": 2}, name="set/train")
    make_folder({"a": 1, "b": 1}, name=f"set/{validation}")
    dataset = open_dataset(root.parent)
    assert dataset.given_splits == ("train",) * 4 + ("validation",) * 2


def test_a_class_that_is_called_test_is_a_class(make_folder: MakeFolder) -> None:
    assert open_dataset(make_folder({"test": 2, "cats": 2})).classes == ("cats", "test")


def test_images_deeper_below_belong_to_the_first_level(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1})
    deeper = make_folder({"x": 2}, name="elsewhere")
    (deeper / "x").rename(root / "a" / "x")
    dataset = open_dataset(root)
    assert dataset.classes == ("a", "b")
    assert dataset.labels.tolist() == [0, 0, 0, 1]


def test_hidden_files_and_other_kinds_are_passed_over_and_counted(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    (root / "a" / ".DS_Store").write_text("x")
    (root / "a" / "notes.txt").write_text("x")
    (root / ".ipynb_checkpoints").mkdir()
    dataset = open_dataset(root)
    assert len(dataset) == 4
    assert any("passed over: 1 .txt" in remark for remark in dataset.remarks)


def test_a_folder_that_links_to_itself_is_entered_once(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    (root / "a" / "again").symlink_to(root / "a")
    assert len(open_dataset(root)) == 4


def test_a_link_into_another_class_gives_no_image_two_classes(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    (root / "b" / "loop").symlink_to("..")
    (root / "b" / "sibling").symlink_to(root / "a")
    assert open_dataset(root).labels.tolist() == [0, 0, 1, 1]


def test_a_train_folder_of_classes_beside_class_folders_is_an_error(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 2}, name="mix")
    make_folder({"b": 2}, name="mix/train")
    with pytest.raises(DataError, match="has splits and other folders beside them: a"):
        open_dataset(root)


def test_an_empty_class_folder_is_remarked_and_is_no_class(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    (root / "c").mkdir()
    dataset = open_dataset(root)
    assert dataset.classes == ("a", "b")
    assert "class folder `c` has no images" in dataset.remarks


def test_a_split_without_images_of_a_class_is_remarked_and_shifts_no_label(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 2, "b": 2, "c": 2}, name="set/train")
    make_folder({"c": 1}, name="set/val")
    dataset = open_dataset(root.parent)
    assert dataset.classes[dataset.labels[-1]] == "c"
    assert "split `validation` has no images of a, b" in dataset.remarks


def test_a_class_unknown_to_train_is_an_error(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2}, name="set/train")
    make_folder({"a": 1, "bee": 1}, name="set/val")
    with pytest.raises(
        DataError, match="split train .* doesn't know 1 class of the data"
    ) as caught:
        open_dataset(root.parent)
    assert "`bee` (1 image)" in caught.value.message


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


def test_mnist_has_60000_and_10000_images(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "mnist")
    assert dataset.given_splits.count("train") == 60_000
    assert dataset.given_splits.count("test") == 10_000
    assert dataset.labels[:5].tolist() == [5, 0, 4, 1, 9]  # LeCun et al.


def test_fashion_mnist_has_its_classes_names(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "fashion-mnist")
    assert dataset.classes[dataset.labels[0]] == "Ankle boot"


def test_hymenoptera_has_244_and_153_images_and_one_gif(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "hymenoptera")
    assert dataset.classes == ("ants", "bees")
    assert dataset.given_splits.count("train") == len(
        [f for f in (shared_data / "hymenoptera/train").rglob("*") if f.is_file()]
    )


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"there is no folder `{tmp_path / 'none'}`"):
        open_dataset(tmp_path / "none")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(DataError, match="is a file, not a folder"):
        open_dataset(tmp_path / "x.zip")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no class folders"):
        open_dataset(tmp_path)


def test_images_outside_of_class_folders_are_counted(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 3, "b": 1})
    with pytest.raises(DataError, match="has no class folders; it has 3 images outside"):
        open_dataset(root / "a")


def test_class_folders_without_images_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="has no images"):
        open_dataset(tmp_path)


def test_loose_images_are_named(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    (root / "a" / "000.png").rename(root / "loose.png")
    remark = next(r for r in open_dataset(root).remarks if "outside" in r)
    assert remark == "1 images outside of class folders are left out\n  loose.png"


def test_names_that_are_no_utf8_become_printable(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1})
    target = Path(os.fsdecode(os.fsencode(root / "a") + b"/caf\xe9.png"))
    (root / "a" / "000.png").rename(target)
    dataset = open_dataset(root)
    assert dataset.images.name(0) == "a/caf\\xe9.png"
    assert decode_content(dataset.images.content(0)).pixels.shape == (12, 12, 3)


def test_a_folder_that_cannot_be_read_is_an_error(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder({"a": 1, "b": 1})
    scandir = os.scandir

    def denied(path: str) -> object:
        if Path(path).name == "b":  # root, who may run the tests, is never denied
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match=r"b` can't be read: Permission denied"):
        open_dataset(root)


@pytest.mark.parametrize("kin", ["emnist-digits-{}-images-idx3-ubyte", "qmnist_{}-images-idx3"])
def test_the_split_is_found_anywhere_in_an_idx_files_name(tmp_path: Path, kin: str) -> None:
    for split, count in (("train", 4), ("test", 2)):
        name = kin.format(split)
        write_idx(tmp_path / name, np.zeros((count, 3, 3)))
        write_idx(tmp_path / name.replace("images-idx3", "labels-idx1"), np.arange(count) % 2)
    assert open_dataset(tmp_path).given_splits == ("train",) * 4 + ("test",) * 2


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


def test_two_folders_for_one_split_are_an_error(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1}, name="set/train")
    for name in ("val", "valid"):
        make_folder({"a": 1, "b": 1}, name=f"set/{name}")
    with pytest.raises(DataError, match="two folders for the validation split"):
        open_dataset(root.parent)


def test_class_folders_beside_splits_are_an_error(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1}, name="set/train")
    make_folder({"a": 1, "b": 1}, name="set/val")
    make_folder({"other": 1}, name="set")
    with pytest.raises(DataError, match="has splits and other folders beside them: other"):
        open_dataset(root.parent)


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
