"""Class folders: what is a class, a split, an image, a synset; what is left out is said."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image

from conftest import MakeFolder
from convscope.data.decoding.content import Decoding
from convscope.data.decoding.decode import decode_content
from convscope.data.index.scan import scan_images
from convscope.data.sources import naming
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def test_class_folders_are_read_in_sorted_order(make_folder: MakeFolder) -> None:
    dataset = open_dataset(make_folder({"zebra": 3, "ant": 2}))
    assert dataset.classes == ("ant", "zebra")
    assert dataset.labels.tolist() == [0, 0, 1, 1, 1]
    assert not dataset.has_splits


@pytest.mark.parametrize("validation", ["val", "valid", "validation"])
def test_splits_are_recognised_by_common_names(make_folder: MakeFolder, validation: str) -> None:
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


SOURCES = {f"{source}/{name}": 2 for source in "xy" for name in ("roses", "tulips")}


@pytest.mark.parametrize("splits", [False, True])
def test_the_same_folders_in_several_others_are_asked_about(
    make_folder: MakeFolder, splits: bool
) -> None:
    root = make_folder(SOURCES, name="set/train" if splits else "set")
    if splits:
        make_folder(SOURCES, name="set/val")
        root = root.parent
    with pytest.raises(DataError) as caught:
        open_dataset(root)
    assert caught.value.message == (
        f"it isn't clear which folders of `{root}` are the classes: `roses`, `tulips` lie in each "
        "of `x`, `y`"
    )
    assert caught.value.hint == (
        "`--class-level last` if `roses`, `tulips` are the classes, and the folders above are "
        "sources; `--class-level first` if `x`, `y` are the classes"
    )
    assert open_dataset(root, class_level="first").classes == ("x", "y")
    last = open_dataset(root, class_level="last")
    assert last.classes == ("roses", "tulips")
    assert last.labels[:8].tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert last.has_splits == splits
    assert last.remarks == ()


@pytest.mark.parametrize(
    ("counts", "inner"),
    [
        ({"x/roses": 2, "y/roses": 2}, "`roses`"),
        ({"x/roses": 2, "x/tulips": 2, "y/roses": 2, "y/daisies": 2}, "`roses`"),
        ({"x": 1, "x/roses": 2, "y/roses": 2, "z": 1}, "`roses`"),
        ({"x/images/roses": 2, "y/images/roses": 2}, "`roses`"),
        ({"x/2020/roses": 2, "y/2021/roses": 2}, "`roses`"),
        ({"x/ok": 2, "y/ok": 2, "z/broken": 3}, "`ok`"),
    ],
)
def test_one_folder_name_that_recurs_is_asked_about_too(
    make_folder: MakeFolder, counts: dict[str, int], inner: str
) -> None:
    root = make_folder(counts)
    with pytest.raises(DataError) as caught:
        open_dataset(root)
    assert caught.value.message == (
        f"it isn't clear which folders of `{root}` are the classes: {inner} lies in each of "
        "`x`, `y`"
    )
    assert caught.value.hint == (
        f"`--class-level last` if {inner} and others like it are the classes, and the folders "
        "above are sources; `--class-level first` if `x`, `y` are the classes"
    )
    assert {"x", "y"} <= {*open_dataset(root, class_level="first").classes}


def layout(make_folder: MakeFolder, *splits: str, classes: str = "ab") -> Path:
    """A folder `set` with class folders in each of these folders."""
    for split in splits:
        inner = make_folder(dict.fromkeys(classes, 1), name=f"set/{split}")
    return inner.parents[splits[-1].count("/")]


@pytest.mark.parametrize(
    "folders",
    [
        ("test_set", "training_set"),
        ("Test Set", "Training Set"),
        ("testset", "trainset"),
        ("test_images", "train_images"),
        ("test2017", "train2017"),
        ("holdout", "train"),
        ("held_out", "training"),
        ("seg_test", "seg_train"),
        ("seg_test/seg_test", "seg_train/seg_train"),
        ("test/test", "train/train"),
        ("flowers-test", "flowers-train"),
        ("TestCars", "TrainCars"),
    ],
)
def test_folders_that_plainly_are_splits_are_used(
    make_folder: MakeFolder, folders: tuple[str, ...]
) -> None:
    dataset = open_dataset(layout(make_folder, *folders))
    assert dataset.classes == ("a", "b")
    assert dataset.given_splits == ("test", "test", "train", "train")


def test_folders_that_are_taken_for_splits_are_said(make_folder: MakeFolder) -> None:
    dataset = open_dataset(layout(make_folder, "seg_test", "seg_train"))
    assert dataset.remarks == (
        "folders taken for splits: `seg_test` is test, `seg_train` is train",
    )


@pytest.mark.parametrize(
    "folders",
    [
        ("seg_pred", "seg_test", "seg_train"),
        ("test_A", "test_B", "train_A"),
        ("new_test", "old_train"),
        ("xx_eval", "xx_train"),
        ("train1", "train2", "test"),
    ],
)
def test_folders_that_may_be_splits_are_asked_about(
    make_folder: MakeFolder, folders: tuple[str, ...]
) -> None:
    root = layout(make_folder, *folders)
    for level in (None, "last"):
        with pytest.raises(DataError, match="look like splits, and which images are held out") as e:
            open_dataset(root, class_level=level)
        assert e.value.hint == (
            "call them train, val, test, with class folders in each and nothing beside them; "
            "`--class-level first` if they are classes"
        )
    assert open_dataset(root, class_level="first").classes == tuple(sorted(folders))


@pytest.mark.parametrize(
    "folders",
    [("holdout", "images"), ("images", "test_images"), ("data", "validation_data")],
)
def test_the_last_level_is_not_advised_where_a_folder_is_a_split(
    make_folder: MakeFolder, folders: tuple[str, ...]
) -> None:
    root = layout(make_folder, *folders)
    with pytest.raises(DataError, match="it isn't clear which folders") as caught:
        open_dataset(root)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("call them train, val, test if these are splits; `--class-")
    with pytest.raises(DataError, match="folders that look like splits, but not above all class"):
        open_dataset(root, class_level="last")


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        ({"cat/train": 1, "cat/test": 1, "dog/train": 1, "dog/test": 1}, None),
        ({"cat/train": 1, "cat/test": 1, "dog/train": 1, "dog/test": 1}, "first"),
        ({"cat": 5, "cat/test": 1, "dog": 5, "dog/test": 1}, None),
        ({"cat": 5, "cat/holdout": 1, "dog": 5}, None),
        ({"cat/a/x_train": 2, "cat/a/x_test": 1, "dog": 5}, None),
        ({"x/train/cat": 1, "x/test/cat": 1, "y/train/dog": 1}, "last"),
        ({"x/train/cat": 1, "x/val/cat": 1, "y/train/dog": 1, "y/val/dog": 1}, None),
    ],
)
def test_splits_elsewhere_than_at_the_top_are_refused(
    make_folder: MakeFolder, counts: dict[str, int], level: str | None
) -> None:
    with pytest.raises(DataError, match="have other names|other names") as caught:
        open_dataset(make_folder(counts), class_level=level)  # type: ignore[arg-type]
    assert "has folders that look like splits, but not above all class folders: `" in (
        caught.value.message
    )


@pytest.mark.parametrize("level", ["first", "last"])
def test_a_level_is_said_to_have_no_effect_where_there_is_one_level(
    make_folder: MakeFolder, level: Literal["first", "last"]
) -> None:
    root = make_folder({"a": 1, "b": 1})
    remark = f"`--class-level {level}` has no effect: no folder lies below the class folders"
    assert open_dataset(root, class_level=level).remarks == (remark,)
    make_folder({"a/x": 1})
    assert remark not in open_dataset(root, class_level=level).remarks


def test_splits_below_classes_are_asked_about(make_folder: MakeFolder) -> None:
    root = make_folder(
        {f"{name}/{split}": 1 for name in ("cat", "dog") for split in ("train", "val")}
    )
    with pytest.raises(
        DataError, match="above all class folders: `train`, `val`\nhint: put splits at the top"
    ):
        open_dataset(root)


@pytest.mark.parametrize(
    "counts",
    [
        {"a/p1": 2, "a/p2": 2, "b/p3": 2, "b/p4": 2},  # names of their own
        {"a/images": 2, "b/images": 2},  # a name that says nothing
        {"a/jpg": 2, "a/png": 2, "b/jpg": 2, "b/png": 2},
        {"a/p0": 1, "b/p0": 1, **{f"{c}/{c}{n}": 1 for c in "ab" for n in range(8)}},  # one of many
        {"a": 5, "a/train": 1, "b": 5},  # nothing is held out
        {"a": 3, "a/x": 1, "a/y": 1, "b": 3, "b/x": 1, "b/y": 1},  # fewer than beside them
        {"a/x": 1, "a/y": 1, "b": 5, "c": 5},  # in one class
    ],
)
def test_other_folders_below_classes_are_clear(
    make_folder: MakeFolder, counts: dict[str, int]
) -> None:
    assert set(open_dataset(make_folder(counts)).classes) <= {"a", "b", "c"}


def test_the_level_of_classes_is_for_class_folders_only(make_folder: MakeFolder) -> None:
    root = make_folder({"images": 2})
    (root / "x.csv").write_text("path,label\nimages/000.png,a\nimages/001.png,b\n")
    for data in (root / "x.csv", "digits"):
        with pytest.raises(DataError, match="has no class folders, so `--class-level` has no effe"):
            open_dataset(data, class_level="last")


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


def test_hymenoptera_has_244_and_153_images_and_one_gif(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "hymenoptera")
    assert dataset.classes == ("ants", "bees")
    assert dataset.given_splits.count("train") == len(
        [f for f in (shared_data / "hymenoptera/train").rglob("*") if f.is_file()]
    )


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
    assert remark == "left out: 1 image outside of class folders\n  loose.png"


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


def test_the_remark_on_deeper_images_names_one_and_the_rule(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1})
    make_folder({"x": 2}, name="pictures/a")
    assert open_dataset(root).remarks == (
        "2 images deeper than one folder below their class, for instance `a/x/000.png`; "
        "the class is the first level",
    )


def test_split_names_are_recognised_in_capitals(make_folder: MakeFolder) -> None:
    for name in ("Train", "VALID", "Test"):
        root = make_folder({"a": 1, "b": 1}, name=f"set/{name}")
    dataset = open_dataset(root.parent)
    assert sorted(dataset.given_splits) == ["test"] * 2 + ["train"] * 2 + ["validation"] * 2


def test_a_folder_that_wraps_everything_is_looked_through_and_said(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 1, "b": 1}, name="archive/flowers/train")
    make_folder({"a": 1, "b": 1}, name="archive/flowers/val")
    (root.parents[1] / "README.txt").write_text("x")
    dataset = open_dataset(root.parents[1])
    assert dataset.classes == ("a", "b")
    assert dataset.has_splits
    assert dataset.name == "archive"
    assert dataset.images.name(0) == "train/a/000.png"
    assert dataset.remarks == ("everything lies in the folder `flowers`, which was opened",)


def test_a_single_class_folder_is_not_looked_through(make_folder: MakeFolder) -> None:
    assert open_dataset(make_folder({"a": 2})).classes == ("a",)


def test_junk_of_systems_is_no_class(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    make_folder({".ipynb_checkpoints": 1, "__MACOSX": 1})
    (root / "a" / "._000.png").write_bytes(b"x")
    dataset = open_dataset(root)
    assert dataset.classes == ("a", "b")
    assert dataset.remarks == (
        "3 hidden or system names passed over\n  .ipynb_checkpoints\n  __MACOSX\n  a/._000.png",
    )


def test_pipes_and_broken_links_are_left_out_and_named(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    os.mkfifo(root / "a" / "pipe.png")
    (root / "b" / "gone.png").symlink_to("nowhere.png")
    (root / "b" / "self.png").symlink_to("self.png")
    dataset = open_dataset(root)
    assert len(dataset) == 4
    assert dataset.remarks == (
        "3 special files left out (pipes, devices, broken links)\n"
        "  a/pipe.png\n  b/gone.png\n  b/self.png",
    )


def test_links_that_lead_around_are_named(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "b" / "above").symlink_to(root.parent)
    (root / "b" / "sibling").symlink_to(root / "a")
    assert open_dataset(root).remarks == (
        "2 links left out: the folder is listed anyway, or holds this one\n  b/above\n  b/sibling",
    )


def test_class_folders_that_are_links_are_followed(make_folder: MakeFolder, tmp_path: Path) -> None:
    elsewhere = make_folder({"x": 2}, name="elsewhere")
    root = make_folder({"a": 1})
    (root / "b").symlink_to(elsewhere / "x")
    dataset = open_dataset(root)
    assert dataset.classes == ("a", "b")
    assert dataset.labels.tolist() == [0, 1, 1]
    assert decode_content(dataset.images.content(1)).pixels.shape == (12, 12, 3)


def test_a_folder_called_like_an_image_is_a_folder(make_folder: MakeFolder) -> None:
    dataset = open_dataset(make_folder({"x.jpg": 1, "y.jpg": 1}))
    assert dataset.classes == ("x.jpg", "y.jpg")


def test_heic_images_are_counted_with_the_way_to_read_them(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / "photo.HEIC").write_bytes(b"x")
    monkeypatch.setattr(naming, "find_spec", lambda name: None)
    naming.usual_suffixes.cache_clear()
    remarks = open_dataset(root).remarks
    assert "files that are no images by their names were passed over: 1 .heic" in remarks
    assert "HEIC images can be read after `pip install convscope[heif]`" in remarks
    monkeypatch.setattr(naming, "find_spec", lambda name: object())
    naming.usual_suffixes.cache_clear()
    assert len(open_dataset(root)) == 3
    naming.usual_suffixes.cache_clear()


EXTRA = {"TGA": ".tga", "tga": ".TGA", "ICO": ".ico", "JPEG2000": ".jp2", "PCX": ".pcx"}


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("format", EXTRA)
def test_files_of_a_format_that_is_asked_for_are_images(
    make_folder: MakeFolder, format: str, is_packed: bool
) -> None:
    root, suffix = make_folder({"a": 1, "b": 1}), EXTRA[format]
    for name in ("a", "b"):
        Image.new("RGB", (16, 16)).save(root / name / f"other{suffix}", format.upper())
    (root / "a" / "notes.psd").touch()
    path = root
    if is_packed:
        path = Path(shutil.make_archive(str(root), "zip", root))
    assert len(open_dataset(path)) == 2
    dataset = open_dataset(path, extra_formats=(format,))
    assert len(dataset) == 4
    assert not scan_images(dataset, Decoding(extra_formats=(format,))).damaged
    assert len(open_dataset(path)) == 2  # nothing is left of it


@pytest.mark.parametrize("suffix", [".apng", ".JFIF", ".jpe", ".pnm", ".tif"])
def test_every_suffix_of_a_format_that_is_read_is_that_of_an_image(
    make_folder: MakeFolder, suffix: str
) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / "a" / f"other{suffix}").touch()
    assert len(open_dataset(root)) == 3


def test_a_test_folder_without_classes_is_remarked(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1}, name="set/train")
    make_folder({"test": 2}, name="set")
    assert open_dataset(root.parent).remarks == (
        "left out: 2 images outside of class folders\n  test/000.png\n  test/001.png",
    )


def test_numbers_as_class_names_are_sorted_as_numbers(make_folder: MakeFolder) -> None:
    assert open_dataset(make_folder({"10": 1, "9": 1, "2": 1})).classes == ("2", "9", "10")


def test_one_accent_written_in_two_ways_is_one_class(make_folder: MakeFolder) -> None:
    root = make_folder({"caf\u00e9": 1, "b": 1}, name="set/train")
    make_folder({"cafe\u0301": 1, "b": 1}, name="set/val")
    assert open_dataset(root.parent).classes == ("b", "caf\u00e9")


@pytest.mark.parametrize("name", ["with blanks ", "line\nbreak", "quote'\""])
def test_any_folder_name_can_be_opened(make_folder: MakeFolder, name: str) -> None:
    root = make_folder({"a": 1, name: 1}, name=f"data {name}")
    dataset = open_dataset(f"{root}/")
    assert dataset.classes == tuple(sorted(["a", name.replace("\n", "\\n")]))
    assert decode_content(dataset.images.content(1)).pixels.shape == (12, 12, 3)


def test_a_relative_path_and_one_from_home_are_the_same_data(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder({"a": 1, "b": 1})
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("USERPROFILE", str(root.parent))
    for path in (".", "~/pictures", root / "a" / ".."):
        assert open_dataset(path).name == "pictures"
        assert open_dataset(path).classes == ("a", "b")


SYNSETS = {"n01440764": 1, "n02012849": 2, "n03126707": 1}
TERMS = {
    "n01440764": "tench, Tinca tinca",
    "n02012849": "crane",
    "n03126707": "crane",
    "n99999999": "of no folder",
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("LOC_synset_mapping.txt", "\n".join(f"{k} {v}" for k, v in TERMS.items())),
        ("words.txt", "\n".join(f"{k}\t{v}" for k, v in TERMS.items())),
        ("wnid_to_name.json", json.dumps(TERMS)),
        (
            "imagenet_class_index.json",
            json.dumps(dict(enumerate(TERMS.items()))),
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
