"""Several labels for an image are refused, and class names of several words aren't."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from conftest import MakeFolder
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError
from convscope.recipe.types import ClassLevel


def table(folder: Path, labels: list[str]) -> Path:
    with (folder / "x.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        for number, label in enumerate(labels):
            (folder / f"{number}.png").write_bytes(b"x")
            writer.writerow([f"{number}.png", label])
    return folder / "x.csv"


@pytest.mark.parametrize(
    ("labels", "shown", "why", "images"),
    [
        (["scab", "scab rust", "rust"], "scab rust", "`scab` and `rust` elsewhere", 1),
        (["scab", "scab,rust", "rust"], "scab,rust", "`scab` and `rust` elsewhere", 1),
        (["a", "b", "a; b", "b;a"], "a; b", "`a` and `b` elsewhere", 2),
        (["a", "b", "c", "a|b|c"], "a|b|c", "`a`, `b` and `c` elsewhere", 1),
        (["a", "b", "a+b"], "a+b", "`a` and `b` elsewhere", 1),
        (["a", "b", "a / b"], "a / b", "`a` and `b` elsewhere", 1),
        (["golden retriever", "cat", "cat\ngolden retriever"], "cat\\ngolden retriever",
         "`cat` and `golden retriever` elsewhere", 1),
        (["a|b", "b|c", "a|c"], "a|b", "`a` and `b`, which are in other cells too", 2),
        (["['scab']", "['scab', 'rust']"], "['scab', 'rust']", "a list", 2),
        (['["scab", "rust"]', "x"], '["scab", "rust"]', "a list", 1),
        (["[scab, rust]", "x"], "[scab, rust]", "a list", 1),
        (["['scab' 'rust']", "x"], "['scab' 'rust']", "a list", 1),
        (["('a', 'b')", "x"], "('a', 'b')", "a list", 1),
        (["{'a', 'b'}", "x"], "{'a', 'b'}", "a list", 1),
        (["[0 1 0]", "[1 0 0]"], "[0 1 0]", "a list", 2),
        (["[0, 1]", "[1, 0]"], "[0, 1]", "a list", 2),
    ],
)  # fmt: skip
def test_several_labels_in_a_cell_are_refused_with_the_reason(
    tmp_path: Path, labels: list[str], shown: str, why: str, images: int
) -> None:
    path = table(tmp_path, labels)
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    count = f"{images} image{'s' if images > 1 else ''}"
    assert caught.value.message == (
        f"column `label` of `{path}` has several labels for {count}: `{shown}` is {why}"
    )
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(
        "an image belongs to one class here: keep one label for each"
    )


@pytest.mark.parametrize(
    "labels",
    [
        ["golden retriever", "labrador retriever", "retriever"],
        ["Labrador, yellow", "Labrador, black", "Poodle, black", "Poodle, yellow"],
        ["tench, Tinca tinca", "crane, bird", "bird"],
        ["sea lion", "sea", "mountain lion"],
        ["German shepherd", "shepherd dog", "dog"],
        ["[unknown]", "(other)", "[1]"],
        ["T-shirt/top", "shirt"],
        ["mac & cheese", "cheese", "n/a"],
        ["rock-paper", "rock", "paper"],
        ["1.5", "1", "5"],
        ["|", ";", "a,"],
    ],
)
def test_names_of_several_words_are_names_of_one_class(tmp_path: Path, labels: list[str]) -> None:
    dataset = open_dataset(table(tmp_path, labels))
    assert sorted(dataset.classes) == sorted(labels)


@pytest.mark.parametrize(
    "both", ["scab rust", "scab,rust", "scab+rust", "scab; rust", "rust & scab"]
)
@pytest.mark.parametrize("source", ["folders", "splits", "npz", "npz names", "coco", "last level"])
def test_several_labels_are_refused_whatever_the_source(
    make_folder: MakeFolder, tmp_path: Path, both: str, source: str
) -> None:
    counts = {"scab": 1, "rust": 1, both: 2}
    level: ClassLevel | None = "last" if source == "last level" else None
    if source == "npz":
        path = tmp_path / "x.npz"
        names = np.array(["scab", "rust", both, both])
        np.savez(path, x=np.zeros((4, 3, 3), np.uint8), y=names)
    elif source == "npz names":
        path = tmp_path / "x.npz"
        names = np.array(["scab", "rust", both])
        np.savez(path, x=np.zeros((4, 3, 3), np.uint8), y=[0, 1, 2, 2], class_names=names)
    elif source == "coco":
        path = make_folder({"images": 4})
        objects = [{"image_id": n, "category_id": min(n, 2)} for n in range(4)]
        names_of_images = [{"id": n, "file_name": f"{n:03d}.png"} for n in range(4)]
        categories = [{"id": n, "name": name} for n, name in enumerate(counts)]
        content = {"annotations": objects, "images": names_of_images, "categories": categories}
        (path / "instances_all.json").write_text(json.dumps(content))
    elif source == "splits":
        path = make_folder(counts, name="set/train").parent
        make_folder({"scab": 1, "rust": 1}, name="set/test")
    else:
        start = "x/" if level else ""
        path = make_folder({f"{start}{name}": count for name, count in counts.items()})
        make_folder({"y/scab": 1} if level else {"scab": 1})
    with pytest.raises(DataError) as caught:
        open_dataset(path, class_level=level)
    assert caught.value.message.startswith(
        f"`{path}` has several labels for 2 images: `{both}` is `"
    )


@pytest.mark.parametrize("labels", [["['a','b']", "c"], ["a|b", "b|c", "a|c"]])
def test_lists_of_labels_in_an_array_are_refused(tmp_path: Path, labels: list[str]) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros((len(labels), 3, 3), np.uint8), y=np.array(labels))
    with pytest.raises(DataError, match="has several labels for"):
        open_dataset(path)


def test_names_that_a_parquet_file_gives_to_numbers_are_labels_too(tmp_path: Path) -> None:
    names = {"label": {"names": ["scab", "rust", "scab rust"], "_type": "ClassLabel"}}
    table = pa.table({"path": ["0.png", "1.png", "2.png"], "label": [0, 1, 2]})
    table = table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": names}})}
    )
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="several labels for 1 image: `scab rust` is `scab` and `r"):
        open_dataset(tmp_path / "x.parquet")


@pytest.mark.parametrize("names", [("sea lion", "lion"), ("Labrador, yellow", "Labrador, black")])
def test_class_folders_of_several_words_are_classes(
    make_folder: MakeFolder, names: tuple[str, ...]
) -> None:
    assert open_dataset(make_folder(dict.fromkeys(names, 1))).classes == tuple(sorted(names))


def test_names_of_synsets_are_known_to_be_single_ones(make_folder: MakeFolder) -> None:
    root = make_folder({f"n0000000{number}": 1 for number in range(3)})
    names = ["n00000000 ice", "n00000001 cream", "n00000002 ice cream"]
    (root / "words.txt").write_text("\n".join(names))
    assert open_dataset(root).classes == ("cream", "ice", "ice cream")
