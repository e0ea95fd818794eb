"""One vocabulary of splits: what a name stands for, what it only mentions, and what it doesn't."""

from __future__ import annotations

import pytest

from convscope.data.sources.split_names import mentions_split, split_in, split_of


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "train Train TRAINING training_set train-set trainset trainSet train_images"),
        ("train", "train2017 train_2017 TrainingData traindata train_data train_split train.list"),
        ("validation", "val valid validation dev val2014 valset VALID val_imgs validation_data"),
        ("test", "test testing test_set testset TestImages holdout hold-out held_out heldout t10k"),
    ],
)
def test_a_whole_name_stands_for_a_split(split: str, names: str) -> None:
    assert {name: split_of(name) for name in names.split()} == dict.fromkeys(names.split(), split)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("seg_train", "train"),
        ("seg_test", "test"),
        ("PublicTest", "test"),
        ("test_A", "test"),
        ("test1", "test"),
        ("testlist01", "test"),
        ("valfiles_2", "validation"),
        ("train_train", "train"),
        ("minival2014", None),
        ("trainval", None),
        ("train_val", None),
        ("test-dev2017", None),
        ("eval", None),
    ],
)
def test_a_name_that_mentions_a_split_among_others_says_which_if_it_is_clear(
    name: str, split: str | None
) -> None:
    assert mentions_split(name)
    assert split_in(name) == split
    assert split_of(name) in (None, split)


@pytest.mark.parametrize(
    "name",
    ["", "-", "set", "images", "2017", "cats", "festival", "strain", "contest", "latest", "valley"]
    + ["device", "trainer", "untrained", "approval", "threshold_out", "läufer", "猫"],
)
def test_other_names_stand_for_no_split(name: str) -> None:
    assert (split_of(name), split_in(name), mentions_split(name)) == (None, None, False)
