"""A table beside class folders: both say the same of each image, or neither is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import MakeFolder
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def table(root: Path, *rows: str, header: str = "path,label") -> Path:
    (root / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return root / "labels.csv"


@pytest.mark.parametrize("start", ["", "./", "{root}/"])
def test_a_table_that_says_another_class_than_the_folder_is_refused(
    make_folder: MakeFolder, start: str
) -> None:
    root = make_folder({"cats": 2, "dogs": 2})
    first = start.format(root=root)
    path = table(root, f"{first}cats/000.png,dogs", "cats/001.png,cats", "dogs/000.png,dogs")
    if start == "{root}/":
        path = table(root, *(f"{first}{row}" for row in ("cats/000.png,dogs", "dogs/000.png,cats")))
    with pytest.raises(DataError) as caught:
        open_dataset(root)
    assert (
        "has class folders and a table of labels, `labels.csv`, which says something else of"
        in (caught.value.message)
    )
    assert "cats/000.png` is `dogs` in the table" in caught.value.message
    assert caught.value.hint == f"give `{path}` for the table, or move it elsewhere for the folders"


def test_a_table_that_says_other_splits_than_the_folders_is_refused(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"cats": 1, "dogs": 2}, name="set/train").parent
    make_folder({"cats": 1, "dogs": 1}, name="set/test")
    rows = ["train/cats/000.png,cats,train", "train/dogs/000.png,dogs,train"]
    rows += ["test/cats/000.png,cats,test", "train/dogs/001.png,dogs,"]
    table(root, *rows[:3], rows[3] + "test", header="path,label,split")
    with pytest.raises(DataError, match=r"1 image\n  `train/dogs/001.png` is test in the table"):
        open_dataset(root)
    table(root, *rows, header="path,label,split")
    with pytest.raises(DataError, match="one of them can't be used: .* has 1 row that can't be us"):
        open_dataset(root)
    table(root, *rows[:3], rows[3] + "train", header="path,label,split")
    dataset = open_dataset(root)
    assert dataset.given_splits == ("test", "test", "train", "train", "train")
    assert "labels are those of the class folders; `labels.csv` says the same" in dataset.remarks


def test_a_table_of_other_images_than_those_in_class_folders_is_refused(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"cats": 1, "dogs": 1})
    make_folder({"x": 2}, name="elsewhere")
    table(root, "../elsewhere/x/000.png,cats", "../elsewhere/x/001.png,dogs")
    with pytest.raises(DataError, match="`labels.csv`, which have no image in common"):
        open_dataset(root)


def test_images_that_a_table_of_splits_leaves_out_are_named(make_folder: MakeFolder) -> None:
    root = make_folder({"cats": 2, "dogs": 2})
    rows = ["cats/000.png,cats,train", "dogs/000.png,dogs,train", "dogs/001.png,dogs,test"]
    table(root, *rows, header="path,label,split")
    dataset = open_dataset(root)
    assert list(dataset.given_splits) == ["train", "train", "test"]
    assert dataset.remarks[-1] == (
        "left out: 1 image in class folders, not in the table\n  cats/001.png"
    )


def test_which_of_two_sources_that_agree_was_taken_is_said(make_folder: MakeFolder) -> None:
    root = make_folder({"cats": 1, "dogs": 1})
    table(root, "cats/000.png,cats", "dogs/000.png,dogs")
    assert open_dataset(root).remarks[-1] == (
        "labels are those of the class folders; `labels.csv` says the same"
    )
