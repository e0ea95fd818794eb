"""Exclusion lists are read in all their forms, and bad ones say what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import clean

from convscope.audit.result import EXCLUSION_COLUMNS
from convscope.data.dataset import Dataset
from convscope.data.reading import _rows, _text, read_exclusions
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError
from convscope.files import write_csv


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(clean(tmp_path_factory.mktemp("data") / "pets", count=24))


@pytest.mark.parametrize(
    "text",
    [
        "cat/001.png\ndog/003.png\n",
        "\ufeffcat/001.png\r\n\r\n# a comment\r\ndog/003.png",
        "image,reason,exclude,finding\ncat/001.png,a,yes,b\ndog/003.png,,YES,\ncat/002.png,,no,\n",
        "image;exclude\r\ncat/001.png;1\r\ndog/003.png;x\r\ncat/002.png;\r\n",
        "exclude\timage\ny\tcat/001.png\ntrue\tdog/003.png\n",
        "image,exclude\ncat/001.png,T\ndog/003.png,1.0\ncat/002.png,f\ncat/003.png,0.0\n",
        '"image","exclude"\n"cat/001.png","yes"\n"dog/003.png","yes"\n"gone.png","no"\n',
        "image\ncat/001.png\ndog/003.png\ndog/003.png\n",
    ],
    ids=["names", "windows", "check", "semicolons", "tabs", "letters", "quoted", "one-column"],
)
def test_lists_are_read_in_all_their_forms(pets: Dataset, tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode())
    chosen = read_exclusions(path, pets)
    assert [pets.images.name(i) for i in chosen] == ["cat/001.png", "dog/003.png"]


def test_an_empty_list_leaves_out_nothing(pets: Dataset, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("")
    assert len(read_exclusions(tmp_path / "list.txt", pets)) == 0


def test_names_that_the_data_does_not_have_are_listed_up_to_twenty(
    pets: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text("".join(f"gone/{n}.png\n" for n in range(23)))
    with pytest.raises(DataError, match="names 23 images that `pets` doesn't have") as error:
        read_exclusions(tmp_path / "list.txt", pets)
    assert "`gone/19.png`" in error.value.message
    assert "`gone/20.png`" not in error.value.message
    assert "and 3 more" in error.value.message
    assert "older state" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "list.csv",
            b"file,leave\na,b\n",
            "has the columns `file`, `leave`; `image` and `exclude`",
        ),
        ("list.csv", b"image,reason\na,b\n", "has the columns `image`, `reason`"),
        ("list.csv", b"", "has the columns none"),
        ("list.csv", b"image,exclude\ncat/001.png,perhaps\n", "row 2: `perhaps` is neither"),
        ("list.csv", b"image,exclude\ncat/001.png\n", "row 2: has 1 cell only"),
        ("list.csv", b'image,exclude\n"cat/001.png,yes\n', "can't be read as a table"),
        ("list.txt", b"caf\xe9.png\n", "is not UTF-8 text"),
        ("folder", None, "can't be read: it is a folder"),
        ("pipe", None, "can't be read: it is a pipe, no file"),  # reading it would wait for ever
        ("missing.csv", None, "there is no file"),
    ],
)
def test_lists_that_cannot_be_read_say_why(
    pets: Dataset, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    elif name == "folder":
        (tmp_path / name).mkdir()
    elif name == "pipe":
        os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=message):
        read_exclusions(tmp_path / name, pets)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=12), st.text(max_size=12), st.booleans()),
        max_size=12,
        unique_by=lambda row: row[0],
    )
)
def test_any_name_survives_the_list(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, bool]]
) -> None:
    printable = [
        (name, reason, "yes" if answer else "no", "")
        for name, reason, answer in rows
        if (name + reason).isprintable()
    ]
    path = tmp_path_factory.mktemp("list") / "out.csv"
    write_csv(path, EXCLUSION_COLUMNS, printable)
    assert _rows(_text(path), path) == [list(EXCLUSION_COLUMNS), *map(list, printable)]
