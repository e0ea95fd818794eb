"""ImageNet's layout: synsets get names from the table that lies beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import MakeFolder
from convscope.data.sources.opening import open_dataset

SYNSETS = {"n01440764": 1, "n02012849": 2, "n03126707": 1}
WORDS = {
    "n01440764": "tench, Tinca tinca",
    "n02012849": "crane",
    "n03126707": "crane",
    "n99999999": "of no folder",
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("LOC_synset_mapping.txt", "\n".join(f"{k} {v}" for k, v in WORDS.items())),
        ("words.txt", "\n".join(f"{k}\t{v}" for k, v in WORDS.items())),
        ("wnid_to_name.json", json.dumps(WORDS)),
        (
            "imagenet_class_index.json",
            json.dumps(dict(enumerate(WORDS.items()))),
        ),
    ],
)
def test_classes_are_called_by_the_first_name_made_unique(
    make_folder: MakeFolder, name: str, content: str
) -> None:
    root = make_folder(SYNSETS)
    (root / name).write_text(content)
    dataset = open_dataset(root)
    assert dataset.classes == ("crane (n02012849)", "crane (n03126707)", "tench")
    assert dataset.labels.tolist() == [2, 0, 0, 1]
    assert f"synsets are called by their first names in `{name}`" in dataset.remarks


def test_the_table_may_lie_above_the_folder(make_folder: MakeFolder, tmp_path: Path) -> None:
    root = make_folder(SYNSETS, name="ILSVRC/Data/CLS-LOC/train")
    make_folder(SYNSETS, name="ILSVRC/Data/CLS-LOC/val")
    (tmp_path / "LOC_synset_mapping.txt").write_text("n01440764 tench, Tinca tinca\n")
    dataset = open_dataset(root.parent)
    assert dataset.classes == ("n02012849", "n03126707", "tench")
    assert dataset.given_splits == ("train",) * 4 + ("validation",) * 4
    assert dataset.remarks[-1].endswith("LOC_synset_mapping.txt`; 2 of them are not in it")


@pytest.mark.parametrize("content", [None, "no table", "{"])
def test_without_a_table_synsets_stay_what_they_are(
    make_folder: MakeFolder, content: str | None
) -> None:
    root = make_folder(SYNSETS)
    if content is not None:
        (root / "words.txt").write_text(content)
        (root / "wnid_to_name.json").write_text(content)
    dataset = open_dataset(root)
    assert dataset.classes == tuple(SYNSETS)
    assert any("classes are called by their synsets" in remark for remark in dataset.remarks)


def test_other_folders_are_not_renamed(make_folder: MakeFolder) -> None:
    root = make_folder({"n01440764": 1, "cat": 1})
    (root / "words.txt").write_text("n01440764\ttench\n")
    assert open_dataset(root).classes == ("cat", "n01440764")
