"""Which images are evaluated on, and classes that have other names."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.data.dataset import ArrayImages, Dataset
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError, UsageError
from convscope.evaluation.subset import (
    choose_subset,
    match_classes,
    read_synonyms,
    without_unknown,
)

ANTS = Dataset(
    name="insects",
    images=ArrayImages(np.zeros((5, 2, 2, 3), dtype=np.uint8), [f"{i}.png" for i in range(5)]),
    labels=np.array([0, 1, 1, 2, 0]),
    classes=("ant", "bee", "wasp"),
    given_splits=[""] * 5,
)


def test_labels_count_the_classifiers_classes() -> None:
    matched = match_classes(ANTS, ["wasp", "fly", "bee", "ant"])
    assert matched.labels.tolist() == [3, 2, 2, 0, 3]
    assert matched.classes == ("wasp", "fly", "bee", "ant")
    assert matched.remarks == ()


def test_synonyms_rename_merge_and_leave_out() -> None:
    synonyms = {"ant": "formica", "bee": "apis", "wasp": ""}
    matched = match_classes(ANTS, ["apis", "formica"], synonyms=synonyms)
    assert matched.labels.tolist() == [1, 0, 0, 1]
    assert [matched.images.name(index) for index in range(4)] == [
        "0.png",
        "1.png",
        "2.png",
        "4.png",
    ]
    assert matched.remarks == ("1 image left out, as the synonyms say",)
    merged = match_classes(ANTS, ["ant", "stings"], synonyms={"bee": "stings", "wasp": "stings"})
    assert merged.labels.tolist() == [0, 1, 1, 1, 0]


def test_a_class_that_the_classifier_does_not_know_is_refused_with_the_way_out() -> None:
    with pytest.raises(DataError) as caught:
        match_classes(ANTS, ["ant", "hornet"])
    assert caught.value.message == (
        "the classifier doesn't know 2 classes of the data\n  `bee` (2 images)\n  `wasp` (1 image)"
    )
    assert caught.value.hint == (
        "classes are matched by name; the classifier has ant, hornet; "
        "`--synonyms FILE` says what they are called there, `--ignore-unknown` leaves their images "
        "out"
    )


def test_images_of_unknown_classes_are_left_out_and_counted_where_asked_for() -> None:
    known, left_out = without_unknown(ANTS, ["ant", "hornet"])
    assert left_out == "without 3 images of 2 classes that the classifier doesn't know (bee, wasp)"
    assert [known.images.name(index) for index in range(2)] == ["0.png", "4.png"]
    assert match_classes(known, ["ant", "hornet"]).labels.tolist() == [0, 0]


def test_synonyms_make_classes_known_or_leave_them_out_by_themselves() -> None:
    synonyms = {"ant": "formica", "wasp": ""}
    known, left_out = without_unknown(ANTS, ["formica"], synonyms=synonyms)
    assert left_out == "without 2 images of 1 class that the classifier doesn't know (bee)"
    assert match_classes(known, ["formica"], synonyms=synonyms).labels.tolist() == [0, 0]


def test_where_all_classes_are_known_nothing_is_left_out() -> None:
    assert without_unknown(ANTS, ["ant", "bee", "wasp", "fly"]) == (ANTS, "")


def test_data_of_unknown_classes_alone_is_refused() -> None:
    with pytest.raises(DataError, match="knows none of the 3 classes of the data") as refused:
        without_unknown(ANTS, ["cat", "dog"])
    assert "`--synonyms FILE`" in (refused.value.hint or "")


def test_a_class_without_images_need_not_be_known() -> None:
    dataset = replace(ANTS, classes=("ant", "bee", "wasp", "beetle"))
    assert match_classes(dataset, ["ant", "bee", "wasp"]).labels.tolist() == [0, 1, 1, 2, 0]


def test_synonyms_of_names_that_do_not_exist_are_refused_together_with_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        match_classes(ANTS, ["ant", "hornet"], synonyms={"waps": "hornet", "wasp": "hornets"})
    assert caught.value.message == (
        "2 names of the synonyms can't be used\n"
        "  the data has no class `waps`; did you mean `wasp`?\n"
        "  the classifier has no class `hornets`; did you mean `hornet`?"
    )
    with pytest.raises(DataError, match="the data has no class `xyz`$"):
        match_classes(ANTS, ["ant", "bee", "wasp"], synonyms={"xyz": "ant"})


def written(folder: Path, text: str) -> Path:
    path = folder / "names.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_synonyms_is_read(tmp_path: Path) -> None:
    text = "\ufeffclassifier,note,data\nformica, x , ant \n,,wasp\nformica,,ant\n"
    assert read_synonyms(written(tmp_path, text)) == {"ant": "formica", "wasp": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ant,formica\n",
        "ant,formica\nbee,apis\n",
        "data;classifier\nant;x\n",
        "data,classifier\nant\n",
    ],
)
def test_what_is_no_table_of_synonyms_is_refused(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_synonyms(path)
    assert caught.value.message == f"`{path}` is no table of synonyms"
    assert caught.value.hint == (
        "its first line is `data,classifier`, and each line after it has two names"
    )


def test_two_names_for_one_class_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "data,classifier\nant,formica\nant,lasius\n")
    with pytest.raises(DataError) as caught:
        read_synonyms(path)
    assert caught.value.message == (
        f"`{path}` has two names for the class `ant`: `formica` and `lasius`"
    )


def test_a_table_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read: .*No such file"):
        read_synonyms(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match="picture.csv` is no CSV file"):
        read_synonyms(tmp_path / "picture.csv")
    os.mkfifo(tmp_path / "pipe.csv")  # reading it would wait for ever
    with pytest.raises(DataError, match="can't be read: it is a pipe, no file"):
        read_synonyms(tmp_path / "pipe.csv")


@pytest.fixture
def image_index(make_folder: MakeFolder) -> ImageIndex:
    """Six images without splits."""
    return build_image_index(open_dataset(make_folder({"blue": 3, "red": 3})), cache=None)


def with_splits(image_index: ImageIndex, *splits: str) -> ImageIndex:
    return replace(image_index, dataset=replace(image_index.dataset, given_splits=splits))


def used(image_index: ImageIndex, *uses: str) -> dict[int, frozenset[str]]:
    """What training used the first images for."""
    return {
        int(key): frozenset({use})
        for key, use in zip(image_index.pixel_hashes, uses, strict=False)
        if use
    }


def test_without_a_split_images_are_left_out_that_training_or_selection_saw(
    image_index: ImageIndex,
) -> None:
    subset = choose_subset(
        image_index, split=None, uses=used(image_index, "train", "validation", "test", "excluded")
    )
    assert subset.indices.tolist() == [2, 4, 5]
    assert subset.description == (
        "all images, but for 3 that training or selection saw or that were excluded"
    )
    assert subset.num_seen == 0


def test_of_images_that_training_never_saw_all_are_taken(image_index: ImageIndex) -> None:
    subset = choose_subset(image_index, split=None, uses={})
    assert subset.indices.tolist() == [*range(6)]
    assert (subset.description, subset.num_seen) == ("all images", 0)


def test_where_nothing_is_known_of_the_training_that_is_said(image_index: ImageIndex) -> None:
    subset = choose_subset(image_index, split=None, uses=None)
    assert subset.description == "all images; which of them training saw isn't known"
    assert (len(subset.indices), subset.num_seen) == (6, None)


def test_all_takes_everything_and_counts_what_was_seen(image_index: ImageIndex) -> None:
    subset = choose_subset(
        image_index, split="all", uses=used(image_index, "train", "train", "validation")
    )
    assert subset.description == "all images; training or selection saw 3 of them"
    assert (len(subset.indices), subset.num_seen) == (6, 3)


def test_a_given_split_comes_before_what_training_used(image_index: ImageIndex) -> None:
    given = with_splits(image_index, "train", "train", "validation", "validation", "test", "test")
    uses = used(image_index, *["train"] * 6)
    subset = choose_subset(given, split="test", uses=uses)
    assert subset.indices.tolist() == [4, 5]
    assert subset.description == "the test split as given; training or selection saw 2 of them"
    assert choose_subset(given, split="val", uses=uses).indices.tolist() == [2, 3]
    assert choose_subset(given, split="train", uses={}).description == "the train split as given"
    unseen = choose_subset(given, split=None, uses=uses)
    assert unseen.description == "the test split as given, but for 2 that training or selection saw"
    assert len(unseen.indices) == 0


def test_with_train_and_val_alone_val_is_reported(image_index: ImageIndex) -> None:
    given = with_splits(image_index, *["train"] * 3, *["validation"] * 3)
    for split in (None, "test"):
        subset = choose_subset(given, split=split, uses={})
        assert subset.description == "the validation split as given"


def test_what_training_used_is_found_by_the_pixels(image_index: ImageIndex) -> None:
    uses = used(image_index, "test", "validation", "", "test")
    subset = choose_subset(image_index, split="test", uses=uses)
    assert subset.indices.tolist() == [0, 3]
    assert (subset.description, subset.num_seen) == ("the images that training used as test", 0)
    assert choose_subset(image_index, split="val", uses=uses).num_seen == 1


def test_a_split_that_is_not_there_is_refused(image_index: ImageIndex) -> None:
    with pytest.raises(DataError) as caught:
        choose_subset(image_index, split="test", uses={})
    assert caught.value.message == (
        "the data has no test split, and training used none of its images for that"
    )
    assert caught.value.hint == "`--split all` takes all images"


def test_another_word_for_a_split_is_refused(image_index: ImageIndex) -> None:
    with pytest.raises(UsageError) as caught:
        choose_subset(image_index, split="holdout", uses={})
    assert caught.value.message == "`split` can't be `holdout`"
    assert caught.value.hint == "it takes `train`, `val`, `test` or `all`"
