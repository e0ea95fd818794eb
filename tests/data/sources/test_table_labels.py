"""Several labels in a cell are refused, and class names of several words aren't."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def table(folder: Path, labels: list[str]) -> Path:
    with (folder / "x.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        for number, label in enumerate(labels):
            (folder / f"{number}.png").write_bytes(b"x")
            writer.writerow([f"{number}.png", label])
    return folder / "x.csv"


@pytest.mark.parametrize(
    ("labels", "shown", "why", "rows"),
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
    tmp_path: Path, labels: list[str], shown: str, why: str, rows: int
) -> None:
    path = table(tmp_path, labels)
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    count = f"{rows} row{'s' if rows > 1 else ''}"
    assert caught.value.message == (
        f"column `label` of `{path}` has several labels in a cell, in {count}: `{shown}` is {why}"
    )
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("an image belongs to one class here: keep one label a cell")


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
