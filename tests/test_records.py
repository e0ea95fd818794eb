"""Files with a declared content: what is not declared is refused, and the field is named."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from convscope.errors import RunError
from convscope.files import open_regular, read_regular, write_sealed_json
from convscope.records import ROWS_AT_ONCE, FileSchema, read_json, read_table


class Part(FileSchema):
    """A part of a file."""

    size: Annotated[int, Field(ge=1, le=10)]


class Whole(FileSchema):
    """A file."""

    formats = (1, 2)
    way_out = "copy it again"

    format: int
    name: str
    rate: float
    parts: list[Part]


class Row(FileSchema):
    """A row of a table."""

    epoch: Annotated[int, Field(ge=1)]
    loss: float


GOOD = {"format": 2, "name": "a", "rate": 0.5, "parts": [{"size": 3}]}


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        read_json(path, Whole)
    assert caught.value.message.startswith(f"`{path}` ")
    return caught.value.message.removeprefix(f"`{path}` ")


def test_a_file_as_declared_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(GOOD))
    assert read_json(tmp_path / "a.json", Whole) == GOOD


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": 3}, "`name` can't be `3`: it must be a valid string"),
        ({"rate": "0.5"}, "`rate` can't be `0.5`: it must be a valid number"),
        ({"rate": None}, "`rate` can't be `None`: it must be a valid number"),
        ({"format": True}, "has format True, this version of convscope reads format 2"),
        ({"format": 3}, "has format 3, this version of convscope reads format 2"),
        ({"parts": {}}, "`parts` can't be `{}`: it must be a valid list"),
        (
            {"parts": [{"size": 0}]},
            "`parts.0.size` can't be `0`: it must be greater than or equal to 1",
        ),
        (
            {"parts": [{"size": 10**9}]},
            "`parts.0.size` can't be `1000000000`: it must be less than or equal to 10",
        ),
        ({"parts": [{}]}, "`parts.0.size` is missing"),
        ({"more": 1}, "there is no field `more`"),
        ({"mo\x1b[2Jre": 1}, r"there is no field `mo\x1b[2Jre`"),
    ],
)
def test_a_field_that_is_not_as_declared_is_named(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    said = refused(tmp_path / "a.json", json.dumps({**GOOD, **change}).encode())
    assert said.removeprefix("can't be used: ") == problem


def test_all_wrong_fields_are_named_together(tmp_path: Path) -> None:
    said = refused(tmp_path / "a.json", b'{"format": 1, "name": 1, "rate": 0, "size": 2}')
    assert said.splitlines()[0] == "can't be used: 3 fields are wrong"
    assert [line.split("`")[1] for line in said.splitlines()[1:]] == ["name", "parts", "size"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "EOF while parsing"),
        (b"[1]", "it holds no JSON object"),
        (b'{"format": 1, "name": "a", "name": "b"}', "it has `name` twice"),
        (b'{"parts": [{"size": 1, "size": 1}]}', "it has `size` twice"),
        (b'{"rate": NaN}', "`NaN` is no finite number"),
        (b'{"rate": -Infinity}', "`-Infinity` is no finite number"),
        (b'{"rate": 1e999}', "`1e999` is no finite number"),
        (b'{"name": "\\ud800"}', "hex escape"),
        (b'{"name": "\xff"}', "it is no JSON"),
        (b'{"rate": ' + b"9" * 5000 + b"}", "it is no JSON"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "recursion limit"),
    ],
    ids=range(12),
)
def test_what_json_cannot_mean_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    assert problem in refused(tmp_path / "a.json", content)


def test_a_sealed_file_is_refused_after_any_change(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_sealed_json(path, GOOD)
    assert read_json(path, Whole) == GOOD
    text = path.read_text()
    path.write_text(json.dumps(json.loads(text)))  # the same in another layout
    assert read_json(path, Whole) == GOOD
    said = refused(path, text.replace("0.5", "0.6").encode())
    assert said == "can't be used: it was changed after it was written"


def test_the_way_out_is_the_hint(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is missing") as caught:
        read_json(tmp_path / "a.json", Whole)
    assert caught.value.hint == "copy it again"


@pytest.mark.skipif(os.name != "posix", reason="only there such files can be made")
@pytest.mark.parametrize(("kind", "what"), [("pipe", "a pipe"), ("link", "a device"), ("f", "a f")])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str, what: str) -> None:
    path = tmp_path / "a.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(OSError, match=f"it is {what}|Is a directory"):
        open_regular(path)
    with pytest.raises(RunError, match="can't be read"):
        read_json(path, Whole)


def test_a_file_of_more_bytes_than_allowed_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_regular(tmp_path / "a", max_bytes=5) == b"12345"
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        read_regular(tmp_path / "a", max_bytes=4)


def test_a_table_as_declared_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("epoch,loss\n1,0.5\n2,1e-3\n")
    assert list(read_table(tmp_path / "a.csv", Row)) == [
        {"epoch": "1", "loss": "0.5"},
        {"epoch": "2", "loss": "1e-3"},
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it has no column `epoch`"),
        (b"epoch\n1\n", "it has no column `loss`"),
        (b"epoch,loss,epoch\n", "its columns aren't epoch, loss"),
        (b"loss,epoch\n", "its columns aren't epoch, loss"),
        (b"epoch,loss\n1\n", "row 2 has 1 cell, not 2"),
        (b"epoch,loss\n1,2,3\n", "row 2 has 3 cells, not 2"),
        (b"epoch,loss\n1,2\nx,2\n", "`epoch` can't be `x` in row 3: it must be a valid integer"),
        (b"epoch,loss\n1,nan\n", "`loss` can't be `nan` in row 2: it must be a finite number"),
        (b"epoch,loss\n1,inf\n", "`loss` can't be `inf` in row 2: it must be a finite number"),
        (b'epoch,loss\n"1', "it is no table: unexpected end of data"),
        (b"epoch,loss\n\xff,1\n", "it is no table: 'utf-8' codec"),
    ],
)
def test_a_table_that_is_not_as_declared_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(RunError) as caught:
        list(read_table(tmp_path / "a.csv", Row))
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x,1", "`epoch` can't be `x` in row 12002: it must be a valid integer"),
        ("1,2,3", "row 12002 has 3 cells, not 2"),
        ('"1', "it is no table: unexpected end of data"),
    ],
)
def test_a_long_table_is_read_part_by_part(tmp_path: Path, row: str, problem: str) -> None:
    num_good = ROWS_AT_ONCE + 2000
    (tmp_path / "a.csv").write_text("epoch,loss\n" + "1,0.5\n" * num_good + f"{row}\n1,1\n")
    rows = read_table(tmp_path / "a.csv", Row)
    assert list(islice(rows, ROWS_AT_ONCE)) == [{"epoch": "1", "loss": "0.5"}] * ROWS_AT_ONCE
    with pytest.raises(RunError) as caught:
        list(rows)
    assert problem in caught.value.message
