"""COCO's annotations as labels of whole images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import MakeFolder
from convscope.data.decoding.content import DamagedImageError
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 2, "name": "cat"}]


def write_annotations(root: Path, name: str, objects: dict[str, list[int]]) -> Path:
    """Writes annotations: the categories of the objects on each image."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    path = root / "annotations" / f"instances_{name}.json"
    content = {
        "categories": CATEGORIES,
        "images": [{"id": n, "file_name": file} for n, file in enumerate(objects)],
        "annotations": [
            {"image_id": n, "category_id": category}
            for n, categories in enumerate(objects.values())
            for category in categories
        ],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("start", ["", "images/"])
def test_images_with_objects_of_one_category_have_its_name(
    make_folder: MakeFolder, tmp_path: Path, start: str
) -> None:
    make_folder({f"{start}train2017": 4, f"{start}val2017": 1}, name="set")
    train = {"000.png": [7, 7], "001.png": [2], "002.png": [2, 7], "003.png": []}
    write_annotations(tmp_path / "set", "train2017", train)
    write_annotations(tmp_path / "set", "val2017", {"000.png": [2]})
    dataset = open_dataset(tmp_path / "set")
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [1, 0, 0]
    assert dataset.given_splits == ("train", "train", "validation")
    assert dataset.images.name(2) == f"{start}val2017/000.png"
    assert dataset.images.content(0)
    assert dataset.remarks == (
        "1 image with objects of several categories and 1 without any left out: "
        "an image has one class here",
        "split `validation` has no images of dog",
    )


def test_images_that_are_not_there_are_an_error(make_folder: MakeFolder, tmp_path: Path) -> None:
    make_folder({"images": 1}, name="set")
    write_annotations(tmp_path / "set", "train2017", {"x.png": [2]})
    with pytest.raises(DataError, match=r"are not there; looked for `x.png` in"):
        open_dataset(tmp_path / "set")


def test_images_without_objects_are_no_data(make_folder: MakeFolder, tmp_path: Path) -> None:
    make_folder({"images": 1}, name="set")
    write_annotations(tmp_path / "set", "train2017", {"000.png": []})
    with pytest.raises(DataError, match="has no images"):
        open_dataset(tmp_path / "set")


@pytest.mark.parametrize("content", ["{", "[]", '{"images": []}', '{"categories": [{"id": 1}]}'])
def test_other_json_is_an_error(tmp_path: Path, content: str) -> None:
    path = write_annotations(tmp_path, "train2017", {})
    path.write_text(content)
    with pytest.raises(DataError, match="is no file of COCO annotations"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("bad", ["PLACE", "a\0b.png", "\ud800.png", "../../x.png", "x" * 5000, ""])
def test_a_bad_path_is_one_image_that_cannot_be_read(
    make_folder: MakeFolder, tmp_path: Path, bad: str
) -> None:
    make_folder({"train2017": 2}, name="set")
    (tmp_path / "elsewhere.png").write_bytes(b"x")
    bad = str(tmp_path / "elsewhere.png") if bad == "PLACE" else bad
    objects = {bad: [2], "000.png": [2], "001.png": [7]}
    write_annotations(tmp_path / "set", "train2017", objects)
    images = open_dataset(tmp_path / "set").images
    assert [images.name(index) for index in (1, 2)] == ["train2017/000.png", "train2017/001.png"]
    assert images.content(1)
    assert images.content(2)
    assert isinstance(images.name(0) + images.stamp(0), str)
    with pytest.raises(DamagedImageError):
        images.content(0)


def test_paths_that_lead_out_of_the_folder_are_said(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    make_folder({"set/annotations": 1, "images": 2}, name="all")
    root = tmp_path / "all" / "set"
    write_annotations(root, "train", {"../images/000.png": [2], "../images/001.png": [7]})
    dataset = open_dataset(root)
    assert dataset.images.content(1)
    assert f"2 images outside of `{root}`, for instance `../images/000.png`" in dataset.remarks


@pytest.mark.parametrize("ids", [(1, "b"), ("b", "a"), (2, 1)])
def test_identifiers_are_numbers_or_texts(tmp_path: Path, ids: tuple[object, object]) -> None:
    path = write_annotations(tmp_path, "train2017", {"0.png": [2], "1.png": [7]})
    content = json.loads(path.read_text())
    for image, row, key in zip(content["images"], content["annotations"], ids, strict=True):
        image["id"] = row["image_id"] = key
        (tmp_path / image["file_name"]).write_bytes(b"x")
    path.write_text(json.dumps(content))
    assert len(open_dataset(tmp_path)) == 2
    content["images"][0]["id"] = content["annotations"][0]["image_id"] = [1]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="is no file of COCO annotations"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("part", ["minival2014", "trainval2017", "default", "test-dev2017", "eval"])
def test_annotations_of_an_unknown_part_beside_those_of_a_split_are_refused(
    make_folder: MakeFolder, tmp_path: Path, part: str
) -> None:
    make_folder({"images": 4}, name="set")
    write_annotations(tmp_path / "set", "train2014", {"000.png": [2], "001.png": [7]})
    path = write_annotations(tmp_path / "set", part, {"002.png": [2], "003.png": [7]})
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path / "set")
    assert caught.value.message == (
        f"`{tmp_path / 'set'}` has annotations of splits, and others of which it isn't clear "
        f"whether they are held out: annotations/{path.name}"
    )
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("rename them as `instances_train.json`, `instances_val.js")
    (tmp_path / "set" / "annotations" / "instances_train2014.json").unlink()
    assert open_dataset(tmp_path / "set").given_splits == ("", "")


@pytest.mark.parametrize(
    ("part", "split"),
    [("holdout", "test"), ("held_out", "test"), ("valid", "validation"), ("test_small", "test")],
)
def test_the_split_of_annotations_is_in_their_name(
    make_folder: MakeFolder, tmp_path: Path, part: str, split: str
) -> None:
    make_folder({"images": 4}, name="set")
    write_annotations(tmp_path / "set", "train", {"000.png": [2], "001.png": [7]})
    write_annotations(tmp_path / "set", part, {"002.png": [2], "003.png": [7]})
    splits = open_dataset(tmp_path / "set").given_splits
    assert sorted(splits) == sorted(["train", "train", split, split])


@pytest.mark.parametrize("second", ["000.png", "./000.png"])
def test_an_image_in_two_files_of_annotations_is_refused(
    make_folder: MakeFolder, tmp_path: Path, second: str
) -> None:
    make_folder({"images": 3}, name="set")
    write_annotations(tmp_path / "set", "train", {"000.png": [2], "001.png": [7]})
    write_annotations(tmp_path / "set", "val", {second: [2], "002.png": [7]})
    with pytest.raises(
        DataError, match="has 1 image a second time\n  `images/(./)?000.png` is `cat`"
    ):
        open_dataset(tmp_path / "set")


def test_an_image_of_two_categories_under_two_numbers_is_refused(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    make_folder({"images": 2}, name="set")
    path = write_annotations(tmp_path / "set", "train", {"000.png": [2], "001.png": [7]})
    path.write_text(path.read_text().replace("001.png", "000.png"))
    with pytest.raises(DataError, match="has 1 image a second time"):
        open_dataset(tmp_path / "set")
