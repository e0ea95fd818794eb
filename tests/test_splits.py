"""`splits.csv`: what is written is read, and what can't be read is an error that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from convscope.errors import RunError
from convscope.splits import SplitRow, read_image_splits, read_splits, write_splits

HEADER = "image,class,given_split,used_for,pixels\n"
ROWS = [
    SplitRow("a,b.png", "cat", "", "train", 2**64 - 1),
    SplitRow("c.png", 'a "dog"', "test", "test", 10),
    SplitRow("copy.png", "cat", "", "validation", 2**64 - 1),
]


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_splits(tmp_path / "splits.csv", ROWS)
    assert read_splits(tmp_path / "splits.csv") == ROWS
    first = (tmp_path / "splits.csv").read_text().splitlines()[:2]
    assert first == [
        "image,class,given_split,used_for,pixels",
        '"a,b.png",cat,,train,ffffffffffffffff',
    ]


def test_copies_of_an_image_have_the_splits_of_all_of_them(tmp_path: Path) -> None:
    write_splits(tmp_path / "splits.csv", ROWS)
    splits = read_image_splits(tmp_path / "splits.csv")
    assert splits == {2**64 - 1: {"train", "validation"}, 10: {"test"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing"),
        ("image,class,given_split,used_for,pixels\n", "it has no rows"),
        ("pixels,used_for\nff,test\n", "it has no column `image`"),
        (
            "image,class,given_split,used_for,pixels\na,b,,val,ffffffffffffffff\n",
            "`used_for` can't be `val` in row 2: it must be",
        ),
        (
            "image,class,given_split,used_for,pixels\na,b,,test,xyz\n",
            "`pixels` can't be `xyz` in row 2",
        ),
        ("image,class,given_split,used_for,pixels\na,b\n", "row 2 has 2 cells, not 5"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "splits.csv").write_text(content)
    with pytest.raises(RunError, match="so it isn't known what training saw") as caught:
        read_splits(tmp_path / "splits.csv")
    assert reason in caught.value.message


def test_names_that_spreadsheets_would_run_are_kept_exactly(tmp_path: Path) -> None:
    rows = [SplitRow(name, f"{name}2", "", "train", 1) for name in ("=1", "'=1", "@a", "'a", "-1")]
    write_splits(tmp_path / "splits.csv", rows)
    assert "\n'=1,'=12,,train," in (tmp_path / "splits.csv").read_text()
    assert read_splits(tmp_path / "splits.csv") == rows
