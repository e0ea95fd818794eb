"""Columns that say which images are held out: used where that is clear, else refused or said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

TRAIN, VAL, TEST = "train", "validation", "test"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that are called like images; opening a table reads none."""
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    return tmp_path


def table(folder: Path, **columns: Sequence[object]) -> Path:
    """A table of six images of two classes, with more columns."""
    rows = ["path,label," + ",".join(columns)]
    for number, cells in enumerate(zip(*columns.values(), strict=True)):
        rows.append(f"{number}.png,{'ab'[number % 2]}," + ",".join(map(str, cells)))
    (folder / "images.csv").write_text("\n".join(rows) + "\n")
    return folder / "images.csv"


HELD_OUT = [False, False, False, False, True, True]


@pytest.mark.parametrize(
    ("column", "cells", "held_out", "remark"),
    [
        ("is_valid", ["False"] * 4 + ["True"] * 2, VAL, "the other images are train"),
        ("is_val", ["no"] * 4 + ["yes"] * 2, VAL, "the other images are train"),
        ("valid", ["0"] * 4 + ["1"] * 2, VAL, "the other images are train"),
        ("is_test", ["f"] * 4 + ["t"] * 2, TEST, "the other images are train"),
        ("Test", ["FALSE"] * 4 + ["TRUE"] * 2, TEST, "the other images are train"),
        ("holdout", ["N"] * 4 + ["Y"] * 2, TEST, "the other images are train"),
        ("is_train", ["1"] * 4 + ["0"] * 2, TEST, "the other images are test"),
        ("is_training_image", ["1.0"] * 4 + ["0.0"] * 2, TEST, "the other images are test"),
        ("split", ["0"] * 4 + ["1"] * 2, TEST, "0 is train, 1 is test"),
        ("partition", ["0.0"] * 4 + ["1.0"] * 2, TEST, "0 is train, 1 is test"),
        ("Data-Split", ["train"] * 4 + ["val"] * 2, VAL, ""),
        ("fold", ["train"] * 4 + ["test"] * 2, TEST, ""),
        ("is_train", ["train"] * 4 + ["test"] * 2, TEST, ""),
        ("isTest", ["0"] * 4 + ["1"] * 2, TEST, "the other images are train"),
        ("isvalid", ["0"] * 4 + ["1"] * 2, VAL, "the other images are train"),
        ("is_test", [""] * 4 + ["x"] * 2, TEST, "the other images are train"),
        ("held_out", [""] * 4 + ["X"] * 2, TEST, "the other images are train"),
        ("phase", ["train"] * 4 + ["test"] * 2, TEST, ""),
        ("split_1", ["0"] * 4 + ["1"] * 2, TEST, "0 is train, 1 is test"),
        ("trainTestSplit", ["0"] * 4 + ["1"] * 2, TEST, "0 is train, 1 is test"),
        ("train/val", ["0"] * 4 + ["1"] * 2, TEST, "0 is train, 1 is test"),
        ("Usage", ["Training"] * 4 + ["Validation"] * 2, VAL, ""),
        ("what", ["train2017"] * 4 + ["val2017"] * 2, VAL, ""),
        ("set", ["training set"] * 4 + ["test set"] * 2, TEST, ""),
        ("dataset", ["train"] * 4 + ["hold-out"] * 2, TEST, ""),
    ],
)
def test_a_column_that_looks_like_splits_is_used_where_it_is_clear(
    folder: Path, column: str, cells: list[str], held_out: str, remark: str
) -> None:
    dataset = open_dataset(table(folder, **{column: cells}))
    assert list(dataset.given_splits) == [held_out if is_out else TRAIN for is_out in HELD_OUT]
    assert dataset.remarks[0] == "paths from column `path`, labels from `label`, splits from " + (
        f"`{column}` ({remark})" if remark else f"`{column}`"
    )
    assert column not in dataset.columns


def test_0_1_and_2_are_train_validation_and_test(folder: Path) -> None:
    dataset = open_dataset(table(folder, split=[0, 0, 0, 0, 1, 2]))
    assert list(dataset.given_splits) == [TRAIN] * 4 + [VAL, TEST]


@pytest.mark.parametrize(
    "cells", [pa.array(HELD_OUT), pa.array(map(int, HELD_OUT)), pa.array(map(float, HELD_OUT))]
)
def test_parquet_columns_of_truth_values_and_numbers_are_understood(
    folder: Path, cells: pa.Array
) -> None:
    paths, labels = [f"{n}.png" for n in range(6)], [*"ababab"]
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(pa.table({"path": paths, "label": labels, "is_test": cells}), path)
    assert list(open_dataset(path).given_splits) == [TRAIN] * 4 + [TEST] * 2


@pytest.mark.parametrize(
    ("columns", "splits"),
    [
        ({"is_valid": "000010", "is_test": "000001"}, [TRAIN] * 4 + [VAL, TEST]),
        ({"train": "111100", "val": "000010"}, [TRAIN] * 4 + [VAL, TEST]),
        ({"train": "111100", "val": "000010", "test": "000001"}, [TRAIN] * 4 + [VAL, TEST]),
        ({"split": "000011", "is_test": "000011"}, [TRAIN] * 4 + [TEST, TEST]),
    ],
)
def test_columns_of_yes_and_no_are_read_together(
    folder: Path, columns: dict[str, str], splits: list[str]
) -> None:
    assert list(open_dataset(table(folder, **columns)).given_splits) == splits


@pytest.mark.parametrize(
    ("column", "cells", "why"),
    [
        ("split", "110011", "`1`, `0`"),  # more than half would be held out: 1 may be train
        ("split", "012340", "`0`, `1`, `2`, `3`, `4`"),
        ("split", "123123", "`1`, `2`, `3`"),
        ("split", ["True", "False"] * 3, "`True`, `False`"),
        ("split", "ABABAB", "`A`, `B`"),
        ("fold", "000001", "`0`, `1`"),
        ("kfold", "012012", "`0`, `1`, `2`"),
        ("fold_no", "012345", "`0`, `1`, `2`, `3`, `4`, `5`"),
        ("split_id", "ABABAB", "`A`, `B`"),
        ("valid", ["yes", "no", "?"] * 2, "`yes`, `no`, `?`"),
        ("split", "000111", "`0`, `1`"),  # either may be train
        ("split", "001122", "`0`, `1`, `2`"),
        ("set", "000011", "`0`, `1`"),
        ("dataset", "000011", "`0`, `1`"),
        (
            "Usage",
            ["Training"] * 4 + ["PublicTest", "PrivateTest"],
            "`Training`, `PublicTest`, `PrivateTest`",
        ),
        ("part", ["train_a", "train_b", "test_a"] * 2, "`train_a`, `train_b`, `test_a`"),
        ("phase", ["train", "eval"] * 3, "`train`, `eval`"),
        ("is_valid", ["yes", "no", "?"] * 2, "`yes`, `no`, `?`"),
        ("is_test", ["2", "3"] * 3, "`2`, `3`"),
        ("for_training", ["a", "b"] * 3, "`a`, `b`"),
        ("held_out", ["-", "held out"] * 3, "`-`, `held out`"),
        ("holdout", ["kept", "used"] * 3, "`kept`, `used`"),
        ("subset", "123123", "`1`, `2`, `3`"),
        ("set", ["yes", "no"] * 3, "`yes`, `no`"),
        ("valid", "111110", "less than half would be left to train"),  # usable images
        ("is_train", "000011", "less than half would be left to train"),
    ],
)
def test_a_column_that_looks_like_splits_and_is_unclear_is_refused(
    folder: Path, column: str, cells: Sequence[str], why: str
) -> None:
    path = table(folder, **{column: cells})
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert caught.value.message == (
        f"column `{column}` of `{path}` looks like splits, and which images are held out isn't "
        f"clear: {why}"
    )
    assert caught.value.hint == (
        "write train, val and test into it, or name another column with `--split-column`; "
        "`--split-column none` uses none"
    )
    assert not open_dataset(path, split_column="none").has_splits


def test_a_column_named_by_the_user_is_read_in_the_same_ways(folder: Path) -> None:
    path = table(folder, held="000011", part="000012", valid="111110", word=["test"] * 6)
    assert list(open_dataset(path, split_column="held").given_splits) == [TRAIN] * 4 + [TEST] * 2
    assert open_dataset(path, split_column="PART").given_splits[4:] == (VAL, TEST)
    assert open_dataset(path, split_column="word").given_splits == (TEST,) * 6
    assert open_dataset(path, split_column="none").given_splits == ("",) * 6


def test_a_flag_named_by_the_user_may_hold_most_images(folder: Path) -> None:
    path = table(folder, is_test="111100")
    assert open_dataset(path, split_column="is_test").given_splits == (TEST,) * 4 + (TRAIN,) * 2


def test_names_of_other_things_are_said_not_to_be_splits(folder: Path) -> None:
    dataset = open_dataset(table(folder, dataset=["rome", "oslo"] * 3))
    assert not dataset.has_splits
    assert dataset.remarks[1] == (
        "column `dataset` names no splits and isn't used for them: `rome`, `oslo`"
    )


@pytest.mark.parametrize(
    "columns",
    [
        {"test": ["pcr", "blood"] * 3},
        {"is_valid": [""] * 6},
        {"validity": "010101"},
        {"invalid": "000011"},
        {"split_ends": ["few", "many"] * 3},
        {"test": "123123"},
        {"train_speed": "123123"},
        {"vehicle": ["train", "bus", "car"] * 2},
        {"vehicle": ["train"] * 6},
        {"environment": ["dev", "test"] * 3},
        {"place": ["steam train", "bus"] * 3},
        {"validation": ["ok", "open"] * 3},
        {"phase": "000011"},
    ],
)
def test_other_columns_are_ordinary_ones(folder: Path, columns: dict[str, Sequence[str]]) -> None:
    dataset = open_dataset(table(folder, **columns))
    assert not dataset.has_splits
    assert set(dataset.columns) == set(columns)
    assert len(dataset.remarks) == 1


def test_columns_that_contradict_each_other_are_refused(folder: Path) -> None:
    path = table(folder, split=[*(["train"] * 4), "test", "test"], is_valid="110000")
    with pytest.raises(DataError, match="say different splits: `split` and `is_valid`"):
        open_dataset(path)
    assert open_dataset(path, split_column="split").given_splits[4:] == (TEST, TEST)


def test_rows_without_a_split_are_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"row 7, column `is_valid`: is empty"):
        open_dataset(table(folder, is_valid=["0", "0", "0", "1", "1", ""]))
    with pytest.raises(DataError, match="row 7, columns `val` and `test`: name several splits, or"):
        open_dataset(table(folder, val="000011", test="000101"))
    with pytest.raises(DataError, match="row 7, column `split`: `tset` is no split; say `train`,"):
        open_dataset(table(folder, split=["train"] * 5 + ["tset"]))


def test_a_table_beside_its_class_folders_is_taken_for_its_splits(folder: Path) -> None:
    for name in "ab":
        (folder / name).mkdir()
    rows = ["path,label,is_valid"]
    for number in range(6):
        name = "ab"[number % 2]
        (folder / f"{number}.png").rename(folder / name / f"{number}.png")
        rows.append(f"{name}/{number}.png,{name},{HELD_OUT[number]}")
    (folder / "6.png").unlink()
    (folder / "7.png").unlink()
    (folder / "labels.csv").write_text("\n".join(rows))
    dataset = open_dataset(folder)
    assert list(dataset.given_splits) == [TRAIN] * 4 + [VAL] * 2
