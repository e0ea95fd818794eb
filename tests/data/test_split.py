"""Splits that follow from pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convscope.data.split import (
    MAX_VALIDATION,
    Labels,
    connected,
    likely_split,
    merged_groups,
    split_images,
)
from convscope.errors import DataError

HASHES = np.random.default_rng(1).integers(0, 2**63, 4000).astype(np.uint64)


def test_without_splits_64_16_and_20_percent_are_taken() -> None:
    split = split_images([""] * 4000, HASHES)
    shares = [len(part) / 4000 for part in (split.train, split.validation, split.test)]
    np.testing.assert_allclose(shares, [0.64, 0.16, 0.20], atol=0.03)


def test_every_image_has_exactly_one_use() -> None:
    split = split_images([""] * 4000, HASHES)
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything.tolist()) == list(range(4000))
    assert set(split.names(4000)) == {"train", "validation", "test"}


def test_the_order_of_images_does_not_change_their_side() -> None:
    order = np.random.default_rng(2).permutation(4000)
    before = np.array(split_images([""] * 4000, HASHES).names(4000))
    after = np.array(split_images([""] * 4000, HASHES[order]).names(4000))
    np.testing.assert_array_equal(before[order], after)


def test_new_images_move_no_old_one() -> None:
    before = split_images([""] * 3000, HASHES[:3000]).names(3000)
    assert split_images([""] * 4000, HASHES).names(4000)[:3000] == before


def test_folds_are_disjoint_and_cover_everything() -> None:
    tests = [split_images([""] * 4000, HASHES, folds=5, fold=fold).test for fold in range(5)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(4000))
    assert all(700 < len(test) < 900 for test in tests)


def test_with_train_and_validation_alone_validation_is_reported_and_train_selects() -> None:
    given = ["train"] * 3000 + ["validation"] * 1000
    split = split_images(given, HASHES)
    assert split.test.tolist() == list(range(3000, 4000))
    assert set(split.validation) < set(range(3000))


def test_three_given_splits_stay_as_they_are() -> None:
    given = ["train"] * 2000 + ["validation"] * 1000 + ["test"] * 1000
    split = split_images(given, HASHES)
    assert split.names(4000) == given


def test_selection_takes_no_more_images_than_it_needs() -> None:
    hashes = np.random.default_rng(3).integers(0, 2**63, 100_000).astype(np.uint64)
    split = split_images(["train"] * 90_000 + ["test"] * 10_000, hashes)
    assert abs(len(split.validation) - MAX_VALIDATION) < 300


def test_data_with_splits_of_its_own_is_not_cut_into_folds() -> None:
    with pytest.raises(DataError, match="the data has splits of its own"):
        split_images(["train"] * 3000 + ["test"] * 1000, HASHES, folds=5)


def test_data_without_a_train_split_is_an_error() -> None:
    with pytest.raises(DataError, match="has a test split, but no train split"):
        split_images(["test"] * 4000, HASHES)


@pytest.mark.parametrize("present", [["train"], ["train", "test"], ["train", "validation", "test"]])
def test_images_without_a_split_beside_others_with_one_are_an_error(present: list[str]) -> None:
    given = [*present, *[""] * (4000 - len(present))]
    with pytest.raises(
        DataError,
        match=f"of the data came without a split, and others with {' and '.join(present)}",
    ):
        split_images(given, HASHES)


def test_too_few_images_are_an_error_with_the_counts() -> None:
    with pytest.raises(DataError, match=r"no image is left for \w+ \(\d train, "):
        split_images([""] * 2, HASHES[:2])


def earlier_of(hashes: np.ndarray, uses: list[str]) -> dict[int, frozenset[str]]:
    return {int(key): frozenset({use}) for key, use in zip(hashes, uses, strict=True)}


def test_a_group_falls_on_one_side_and_singles_stay_where_they_were() -> None:
    groups = np.arange(4000)
    groups[::2] = groups[::2] // 20 * 20  # every second image in groups of ten
    uses = np.array(split_images([""] * 4000, HASHES, groups=groups).names(4000))
    for group in np.unique(groups[::2]):
        assert len(set(uses[groups == group])) == 1
    alone = np.array(split_images([""] * 4000, HASHES).names(4000))
    assert (uses[1::2] == alone[1::2]).all()


def test_the_side_of_a_group_does_not_depend_on_the_order_of_its_images() -> None:
    groups = np.arange(4000) // 4
    order = np.random.default_rng(5).permutation(4000)
    before = np.array(split_images([""] * 4000, HASHES, groups=groups).names(4000))
    shuffled = split_images([""] * 4000, HASHES[order], groups=groups[order])
    assert (before[order] == np.array(shuffled.names(4000))).all()


def test_folds_keep_groups_together_too() -> None:
    groups = np.arange(4000) // 4
    for fold in range(3):
        test = split_images([""] * 4000, HASHES, groups=groups, folds=3, fold=fold).test
        assert set(np.bincount(groups[test], minlength=1000)) <= {0, 4}


def test_new_images_join_the_side_of_their_group_and_old_ones_stay() -> None:
    old = split_images([""] * 3000, HASHES[:3000]).names(3000)
    groups = np.arange(4000)
    groups[3000:] = np.arange(1000)  # each new image is a near-duplicate of an old one
    split = split_images([""] * 4000, HASHES, groups=groups, earlier=earlier_of(HASHES[:3000], old))
    now = split.names(4000)
    assert now[:3000] == old
    assert now[3000:] == old[:1000]
    assert split.remarks == ("3,000 of 4,000 images stay as in the earlier split",)


def test_a_new_image_that_bridges_two_splits_goes_to_train_and_is_reported() -> None:
    old = split_images([""] * 3000, HASHES[:3000]).names(3000)
    first = {use: old.index(use) for use in ("validation", "test")}
    groups = np.arange(3001)
    groups[[first["validation"], first["test"], 3000]] = 5000
    split = split_images(
        [""] * 3001, HASHES[:3001], groups=groups, earlier=earlier_of(HASHES[:3000], old)
    )
    assert split.names(3001) == [*old, "train"]
    assert split.remarks[1:] == (
        "1 new image belonging to images in two splits of the earlier split: used for training",
    )


def test_an_earlier_split_does_not_move_images_of_given_splits() -> None:
    given = ["train"] * 3000 + ["test"] * 1000
    earlier = earlier_of(HASHES, ["test"] * 1000 + ["train"] * 3000)
    split = split_images(given, HASHES, earlier=earlier)
    assert split.test.tolist() == list(range(3000, 4000))
    assert split.names(4000)[1000:3000] == ["train"] * 2000


def test_an_earlier_split_of_other_images_is_an_error() -> None:
    with pytest.raises(DataError, match="the earlier split has none of these images"):
        split_images([""] * 2000, HASHES[:2000], earlier=earlier_of(HASHES[2000:], ["test"] * 2000))


def test_an_earlier_split_of_data_with_all_splits_of_its_own_is_an_error() -> None:
    given = ["train"] * 2000 + ["validation"] * 1000 + ["test"] * 1000
    with pytest.raises(DataError, match="an earlier split has no effect"):
        split_images(given, HASHES, earlier=earlier_of(HASHES, given))


def test_what_was_excluded_earlier_is_new_now() -> None:
    old = split_images([""] * 3000, HASHES[:3000]).names(3000)
    earlier = earlier_of(HASHES[:3000], old) | {int(HASHES[5]): frozenset({"excluded"})}
    now = split_images([""] * 3000, HASHES[:3000], earlier=earlier).names(3000)
    assert now == old


def test_groups_that_given_splits_tear_apart_are_counted() -> None:
    given = ["train"] * 2000 + ["validation"] * 1000 + ["test"] * 1000
    groups = np.arange(4000)
    groups[[1999, 3999]] = groups[[7, 8]] = 9000
    assert split_images(given, HASHES, groups=groups).remarks == (
        "1 group of images that belong together (copies, near-duplicates or the same `--group`) "
        "in several of the given splits: `convscope check` names them",
    )
    assert split_images(given, HASHES, groups=np.arange(4000)).remarks == ()


@pytest.mark.slow
def test_what_is_likely_is_what_comes_out_where_nothing_else_decides() -> None:
    uses = split_images([""] * 4000, HASHES).names(4000)
    drawn: dict[str, Any] = {"present": (), "folds": None, "fold": 0}
    assert uses == [likely_split("", int(key), **drawn) for key in HASHES]
    of_fold = split_images([""] * 4000, HASHES, folds=4, fold=2).names(4000)
    folds: dict[str, Any] = {"present": (), "folds": 4, "fold": 2}
    assert of_fold == [likely_split("", int(key), **folds) for key in HASHES]
    assert likely_split("test", 7, **drawn) == "test"


@pytest.mark.parametrize(
    "present", [("train",), ("train", "test"), ("train", "validation", "test")]
)
def test_what_is_likely_knows_which_splits_the_data_brings(present: tuple[str, ...]) -> None:
    given = [present[number % len(present)] for number in range(4000)]
    uses = split_images(given, HASHES).names(4000)
    likely = [
        likely_split(name, int(key), present=present, folds=None, fold=0)
        for name, key in zip(given, HASHES, strict=True)
    ]
    assert likely == uses


def test_merged_groups_keep_together_what_either_labeling_does() -> None:
    merged = merged_groups(np.array([0, 0, 1, 2, 3]), ["a", "b", "b", "c", "d"])
    assert len(set(merged[:3])) == 1
    assert len(set(merged)) == 3


def test_connected_groups_without_pairs_stay_as_they_are() -> None:
    none = np.zeros((0, 2), dtype=np.int64)
    assert len(set(connected(np.array([0, 1, 1, 2]), none))) == 3


SMALL = np.random.default_rng(7).integers(0, 2**63, 300).astype(np.uint64)


def split_small(labels: np.ndarray, **more: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """The splits of images by their classes, and the remarks."""
    names = [f"species {label}" for label in range(int(labels.max()) + 1)]
    given = more.pop("given", [""] * len(labels))
    hashes = more.pop("hashes", SMALL)
    split = split_images(given, hashes, labels=Labels(names, labels), **more)
    return np.array(split.names(len(labels))), split.remarks


def train_counts(splits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels[splits == "train"], minlength=int(labels.max()) + 1)


def test_each_of_a_hundred_classes_of_three_images_is_trained_on() -> None:
    labels = np.arange(300) // 3
    drawn = np.array(split_images([""] * 300, SMALL).names(300))
    splits, (remark,) = split_small(labels)
    short = np.flatnonzero(train_counts(drawn, labels) == 0)
    assert 2 <= len(short) <= 9  # 4.7 expected
    for label in range(100):
        here, before = splits[labels == label], drawn[labels == label]
        moved = here != before
        assert moved.sum() == int(label in short)
        if label in short:
            assert here[moved] == "train"
            assert before[moved] == "validation" or not (before == "validation").any()
    assert remark.startswith(
        f"{len(short)} classes too small for a train, a validation and a test split: {len(short)} "
        f"images moved to train, so that each has at least one there (`species {short[0]}`, "
    )


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_small_classes_have_a_train_image_whatever_the_order(size: int) -> None:
    # Classes of one image are all trained on: one class is large, or nothing would be tested.
    labels = np.minimum(np.arange(300), 250) // size
    splits, _ = split_small(labels)
    assert (train_counts(splits, labels) > 0).all()
    order = np.random.default_rng(1).permutation(300)
    again, _ = split_small(labels[order], hashes=SMALL[order])
    assert (again == splits[order]).all()


def test_the_draw_of_larger_classes_does_not_know_of_classes() -> None:
    labels = np.arange(4000) % 10
    names = [str(label) for label in range(10)]
    split = split_images([""] * 4000, HASHES, labels=Labels(names, labels))
    assert split.names(4000) == split_images([""] * 4000, HASHES).names(4000)
    assert split.remarks == ()


@pytest.mark.parametrize("group_size", [3, 6])
def test_a_group_is_moved_as_one_and_serves_all_of_its_classes(group_size: int) -> None:
    labels, groups = np.arange(300) // 3, np.arange(300) // group_size
    labels[150:] = 50
    splits, (remark,) = split_small(labels, groups=groups)
    assert (train_counts(splits, labels)[:50] == 3).all()
    assert all(len(set(splits[groups == group])) == 1 for group in range(300 // group_size))
    assert "moved to train" in remark


def test_small_classes_are_trained_on_in_each_fold() -> None:
    labels = np.arange(300) // 3
    for fold in range(5):
        splits, _ = split_small(labels, folds=5, fold=fold)
        assert (train_counts(splits, labels) > 0).all()


def test_a_given_test_image_is_never_moved() -> None:
    labels = np.arange(300) // 3
    given = np.array(["test", "train", "train"] * 100, dtype=object)
    splits, (remark,) = split_small(labels, given=given)
    assert ((splits == "test") == (given == "test")).all()
    assert (train_counts(splits, labels) > 0).all()
    assert "moved to train" in remark


def test_what_an_earlier_run_tested_on_is_never_moved() -> None:
    labels = np.arange(300) // 3
    old = split_images([""] * 200, SMALL[:200]).names(200)
    splits, _ = split_small(labels, earlier=earlier_of(SMALL[:200], old))
    assert splits[:200].tolist() == old
    assert (train_counts(splits, labels)[67:] > 0).all()
