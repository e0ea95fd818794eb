"""Lists of splits beside class folders are used, compared or refused, and never passed over."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from conftest import MakeFolder
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

TRAIN = ["cats/000.png", "cats/001.png", "dogs/000.png"]
TEST = ["cats/002.png", "dogs/001.png"]
# The images of the fixture in their order: three cats, two dogs.
SPLITS = ("train", "train", "test", "train", "test")


@pytest.fixture
def root(make_folder: MakeFolder) -> Path:
    return make_folder({"cats": 3, "dogs": 2})


def write(folder: Path, name: str, lines: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")


LISTS = {
    "two lists": {"train.txt": TRAIN, "test.txt": TEST},
    "in a folder": {"lists/train_list.txt": TRAIN, "lists/test_list.txt": TEST},
    "with labels": {"train.txt": [f"{p} 0" for p in TRAIN], "test.lst": [f"{p},1" for p in TEST]},
    "without suffixes": {
        "train.txt": [path.removesuffix(".png") for path in TRAIN],
        "test.txt": [path.removesuffix(".png") for path in TEST],
    },
    "as JSON": {"train.json": [json.dumps(TRAIN)], "test.json": [json.dumps({"files": TEST})]},
    "without a header": {"train.csv": [f"{p},0" for p in TRAIN], "test.tsv": TEST},
    "held-out images alone": {"testing_files.txt": TEST},
    "a column": {
        "splits.csv": ["path,split", *(f"{p},train" for p in TRAIN), *(f"{p},test" for p in TEST)]
    },
    "a column of any name": {
        "x.csv": ["image,phase", *(f"{p},train" for p in TRAIN), *(f"{p},test" for p in TEST)]
    },
    "yes and no": {
        "x.tsv": ["file\tis_test", *(f"{p}\t0" for p in TRAIN), *(f"{p}\t1" for p in TEST)]
    },
    "tables by their names": {"train.csv": ["path", *TRAIN], "test.csv": ["path", *TEST]},
    "a labelled table by its name": {
        "test.csv": ["path,label", f"{TEST[0]},cats", "dogs/001.png,dogs"]
    },
}


@pytest.mark.parametrize("lists", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("place", ["folder", "zip", "wrapped"])
def test_lists_of_splits_beside_class_folders_are_used(
    root: Path, lists: dict[str, list[str]], place: str
) -> None:
    for name, lines in lists.items():
        write((root / name).parent, (root / name).name, lines)
    data = root
    if place != "folder":
        data = root.parent / "set.zip"
        with zipfile.ZipFile(data, "w") as archive:
            for file in filter(Path.is_file, root.rglob("*")):
                start = "inside/" if place == "wrapped" else ""
                archive.write(file, start + file.relative_to(root).as_posix())
    dataset = open_dataset(data)
    assert dataset.classes == ("cats", "dogs")
    assert tuple(dataset.given_splits) == SPLITS
    assert any(remark.startswith("splits from `") for remark in dataset.remarks)


@pytest.mark.parametrize("inner", ["images", "all/images"])
@pytest.mark.parametrize("level", [0, 1])
def test_lists_beside_a_folder_that_was_looked_through_are_used(
    root: Path, inner: str, level: int
) -> None:
    folder = root.parent / "set" / inner
    folder.parent.mkdir(parents=True)
    root.rename(folder)
    start = "" if level else "images/"
    write(folder.parents[0], "test.txt", [f"{start}{path}" for path in TEST])
    assert tuple(open_dataset(root.parent / "set").given_splits) == SPLITS


def test_lists_in_a_packed_tar_are_used(root: Path) -> None:
    write(root, "test.lst", TEST)
    with tarfile.open(root.parent / "set.tar.gz", "w:gz") as archive:
        archive.add(root, "set")
    assert tuple(open_dataset(root.parent / "set.tar.gz").given_splits) == SPLITS


def test_other_images_are_train_where_no_list_says_train_and_that_is_said(root: Path) -> None:
    write(root, "test.txt", TEST[:1])
    write(root, "val.txt", TEST[1:])
    dataset = open_dataset(root)
    assert tuple(dataset.given_splits) == ("train", "train", "test", "train", "validation")
    assert "splits from `test.txt`, `val.txt`; the other images are train" in dataset.remarks


def test_images_in_no_list_are_refused_where_train_is_listed(root: Path) -> None:
    write(root, "train.txt", TRAIN)
    write(root, "test.txt", TEST[:1])
    with pytest.raises(DataError) as caught:
        open_dataset(root)
    assert caught.value.message == (
        f"`{root}` has 1 image without a split in `test.txt`, `train.txt`, for instance "
        "`dogs/001.png`"
    )
    assert caught.value.hint == (
        "add them, or move `test.txt`, `train.txt` elsewhere if no splits are to be taken "
        "from there"
    )


def test_lists_that_contradict_each_other_are_refused(root: Path) -> None:
    write(root, "train.txt", TRAIN)
    write(root, "test.txt", [*TEST, TRAIN[0]])
    with pytest.raises(
        DataError, match=r"give 1 image two splits\n  `cats/000.png`: test in `test"
    ):
        open_dataset(root)


def test_lists_that_contradict_folders_of_splits_are_refused(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1}, name="set/train").parent
    make_folder({"a": 1, "b": 1}, name="set/test")
    write(root, "test.txt", ["test/a/000.png", "train/a/000.png"])
    with pytest.raises(
        DataError, match=r"1 image\n  `train/a/000.png` is train by its folder, and t"
    ):
        open_dataset(root)
    write(root, "test.txt", ["test/a/000.png"])
    dataset = open_dataset(root)
    assert dataset.given_splits == ("test", "test", "train", "train")
    assert "splits from folders, as in `test.txt`" in dataset.remarks


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("eval.txt", TEST, "has lists of images, and which are held out isn't clear: `eval.txt`"),
        (
            "x.csv",
            ["path,fold", *(f"{p},{n}" for n, p in enumerate(TRAIN))],
            "`fold` of .* looks li",
        ),
        ("x.csv", ["path,split", f"{TRAIN[0]},train", f"{TRAIN[1]},tset"], "`tset` is no split"),
        ("x.csv", ["path,split", "gone.png,train", "away.png,test"], "none is there"),
    ],
)
def test_what_looks_like_splits_and_is_unclear_is_refused(
    root: Path, name: str, lines: list[str], message: str
) -> None:
    write(root, name, lines)
    with pytest.raises(DataError, match=message):
        open_dataset(root)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("test.txt", ["to do", "buy milk"]),
        ("test.txt", []),
        ("train_notes.txt", ["lr 0.1", "cats/000.png looks odd"]),
        ("classes.txt", ["cats", "dogs"]),
        ("images.txt", TRAIN),
        ("train_config.json", ['{"lr": 0.1, "name": "x"}']),
        ("sizes.csv", ["path,width", f"{TRAIN[0]},7", f"{TRAIN[1]},8"]),
        ("notes.csv", ["a,split", "1,train", "2,test"]),
        ("empty.csv", ["path,split"]),
    ],
)
def test_other_files_are_passed_over(root: Path, name: str, lines: list[str]) -> None:
    write(root, name, lines)
    dataset = open_dataset(root)
    assert not dataset.has_splits
    assert len(dataset) == 5
