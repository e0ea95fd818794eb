"""Splits that follow from pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convscope.data.split import (
    MAX_VALIDATION,
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
