"""What lies among images and is none of the data is left out with a remark, and nothing else is."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from conftest import MakeFolder
from convscope.data.sources.opening import open_dataset
from convscope.data.sources.passed_over import JUNK
from convscope.files import OUTPUT_MARKER, mark_output

OUTPUTS = {
    "runs/a-resnet18": ("recipe.yaml", "environment.json"),
    "runs/begun": ("training.lock",),
    "models/shared": ("classifier.json", "model.safetensors"),
    "evaluations/a-b": ("report.html", "evaluation.json"),
    "checks/set": ("report.html", "exclude.csv"),
    "explanations/a": (OUTPUT_MARKER,),
    "cache": ("catalogue.sqlite",),
}


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize("place", OUTPUTS)
def test_what_was_written_here_is_known_by_its_files(make_folder: MakeFolder, place: str) -> None:
    root = make_folder({"cat": 1, "dog": 1})
    touch(root / place, *OUTPUTS[place])
    make_folder({"pictures": 2}, name=f"pictures/{place}")
    dataset = open_dataset(root)
    assert dataset.classes == ("cat", "dog")
    assert dataset.remarks == (f"1 folder passed over: written by convscope\n  {place}",)


def test_all_of_it_may_lie_beside_splits_and_in_an_archive(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 1, "dog": 1}, name="set/train").parent
    make_folder({"cat": 1, "dog": 1}, name="set/val")
    for place, names in OUTPUTS.items():
        touch(root / place, "x.png", *names)
    with tarfile.open(root.parent / "set.tar", "w") as archive:
        archive.add(root, arcname=".")
    for path in (root, root.parent / "set.tar"):
        dataset = open_dataset(path)
        assert dataset.given_splits == ("train", "train", "validation", "validation")
        assert dataset.remarks[0].startswith("7 folders passed over: written by convscope\n  cache")


def test_a_folder_that_holds_a_users_images_too_stays(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 1, "runs": 1})
    touch(root / "runs" / "a", "recipe.yaml", "environment.json", "x.png")
    touch(root / "empty")
    touch(root / "explanations", "notes.html", "recipe.yaml")  # no run has one without the other
    dataset = open_dataset(root)
    assert dataset.classes == ("cat", "runs")
    assert len(dataset) == 2
    assert "class folder `empty` has no images" in dataset.remarks
    assert "class folder `explanations` has no images" in dataset.remarks


def test_output_that_is_opened_itself_is_data(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 1, "dog": 1})
    touch(root, OUTPUT_MARKER)
    assert len(open_dataset(root)) == 2


def test_only_a_folder_that_was_not_there_is_marked(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    mark_output(tmp_path / "cat")
    assert not list((tmp_path / "cat").iterdir())
    mark_output(tmp_path / "out" / "a")
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == [OUTPUT_MARKER]


@pytest.mark.parametrize(
    "name",
    [*JUNK, ".thumbnails", ".AppleDouble", ".Trash-1000", "RECYCLER", "Recycler", "$Recycle.Bin"]
    + ["__macosx", "@EADIR", "@recycle", "SYSTEM VOLUME INFORMATION", "LOST+FOUND", "#Recycle"],
)
def test_folders_of_systems_are_no_classes(make_folder: MakeFolder, name: str) -> None:
    root = make_folder({"cat": 1, "dog": 1, name: 2, f"cat/{name}": 2})
    dataset = open_dataset(root)
    assert dataset.classes == ("cat", "dog")
    assert len(dataset) == 2
    (remark,) = dataset.remarks
    assert remark.startswith("2 hidden or system names passed over\n")
    assert f"  cat/{name}" in remark


@pytest.mark.parametrize("name", ["thumbs", "Thumbs", "thumbnails", "_thumbs"])
def test_thumbnails_are_left_out_where_they_repeat_what_lies_beside_them(
    make_folder: MakeFolder, name: str
) -> None:
    root = make_folder({"cat": 3, f"cat/{name}": 3, "dog": 2})
    (root / "cat" / name / "000.png").rename(root / "cat" / name / "000.jpg")
    dataset = open_dataset(root)
    assert len(dataset) == 5
    assert dataset.remarks == (
        f"1 folder passed over: thumbnails of the images beside it\n  cat/{name}",
    )


@pytest.mark.parametrize(
    "form", ["{}_thumb", "{}-150x150", "{}.small", "thumb_{}", "tn-{}", "{}_s_2", "{} (small)"]
)
def test_thumbnails_are_known_by_a_name_that_adds_to_that_of_their_original(
    make_folder: MakeFolder, form: str
) -> None:
    root = make_folder({"cat": 3, "cat/thumbs": 3, "dog": 2})
    for path in (root / "cat" / "thumbs").iterdir():
        path.rename(path.with_name(f"{form.format(path.stem)}.png"))
    assert len(open_dataset(root)) == 5


def test_pictures_that_only_share_a_number_are_no_thumbnails(make_folder: MakeFolder) -> None:
    root = make_folder({"hand": 3, "hand/thumbs": 3, "foot": 2})
    for path in (root / "hand" / "thumbs").iterdir():
        path.rename(path.with_name(f"left_{path.name}"))
    assert len(open_dataset(root)) == 8


def test_a_class_of_recyclers_is_a_class(make_folder: MakeFolder) -> None:
    assert open_dataset(make_folder({"recycler": 1, "cat": 1})).classes == ("cat", "recycler")


def test_a_tree_of_thumbnails_is_left_out(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 2, "dog": 2, "thumbs/cat": 2, "thumbs/dog": 2})
    assert open_dataset(root).classes == ("cat", "dog")


def test_a_class_that_is_called_thumbs_is_a_class(make_folder: MakeFolder) -> None:
    root = make_folder({"fists": 2, "thumbs": 3})
    dataset = open_dataset(root)
    assert dataset.classes == ("fists", "thumbs")
    assert len(dataset) == 5
    assert dataset.remarks == ()
