"""What earlier scans found out is believed only as far as it is what was written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from convscope.cache import Cache
from convscope.data.decoding.content import DEFAULT_DECODING
from convscope.data.index.metadata_cache import open_metadata_cache

STAMPS = [f"/photos/{number}.jpg|1|2|3" for number in range(40)]
CONTENTS = [bytes([number]) * 16 for number in range(40)]
ROWS: list[tuple[bytes, bytes | str]] = [
    (content, content * 90 if number % 4 else f"is truncated, says {number}")
    for number, content in enumerate(CONTENTS)
]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path)
    with open_metadata_cache(cache) as known:
        known.remember_contents(zip(STAMPS, CONTENTS, strict=True))
        known.remember_statistics(ROWS, DEFAULT_DECODING)
        known.remember("what 40 images are like", b"large")
    return cache


def recalled(cache: Cache) -> tuple[list[bytes | None], dict[bytes, bytes | str], bytes | None]:
    with open_metadata_cache(cache) as known:
        return (
            known.contents(STAMPS),
            known.statistics(CONTENTS, DEFAULT_DECODING),
            known.recall("what 40 images are like"),
        )


def test_what_was_kept_comes_back(cache: Cache) -> None:
    assert recalled(cache) == (CONTENTS, dict(ROWS), b"large")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_flipped_nothing_else_comes_back(cache: Cache, seed: int) -> None:
    path = cache.folder / "catalogue.sqlite"
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
    random = np.random.default_rng(seed)
    places = random.integers(100, len(content), 10 ** (seed % 3 + 1))
    content[places] ^= np.uint8(1) << random.integers(0, 8, len(places)).astype(np.uint8)
    path.write_bytes(content.tobytes())
    contents, statistics, result = recalled(cache)
    assert all(found in (None, true) for found, true in zip(contents, CONTENTS, strict=True))
    assert statistics.items() <= dict(ROWS).items()
    assert result in (None, b"large")
    with open_metadata_cache(cache) as known:  # and it can be used again
        known.remember_contents(zip(STAMPS, CONTENTS, strict=True))
    recalled(cache)


@pytest.mark.parametrize(
    "part",
    [b"CREATE TABLE", b"sqlite_autoindex", b"stamps", b"key blob", b"SQLite format", b"blob"],
)
def test_a_description_of_tables_that_is_no_text_begins_anew(cache: Cache, part: bytes) -> None:
    path = cache.folder / "catalogue.sqlite"
    path.write_bytes(path.read_bytes().replace(part, part[:2] + b"\xae" + part[3:]))
    contents, statistics, result = recalled(cache)
    assert contents in (CONTENTS, [None] * 40)
    assert statistics in (dict(ROWS), {})
    assert result in (b"large", None)
    with open_metadata_cache(cache) as known:
        known.remember_contents(zip(STAMPS, CONTENTS, strict=True))
    assert recalled(cache)[0] == CONTENTS


def test_a_value_under_another_key_does_not_come_back(cache: Cache) -> None:
    with closing(sqlite3.connect(cache.folder / "catalogue.sqlite")) as database, database:
        rows = database.execute("select key, value from stamps").fetchall()
        others = [value for _, value in rows[1:] + rows[:1]]
        swapped = [(key, other) for (key, _), other in zip(rows, others, strict=True)]
        database.executemany("insert or replace into stamps values (?, ?)", swapped)
    assert recalled(cache)[0] == [None] * 40


OLD = """
create table stamps (stamp blob primary key, content blob);
create table facts (key blob primary key, facts blob, damage text);
create table results (key blob primary key, result blob);
"""


@pytest.mark.parametrize(
    "tables",
    [
        OLD,
        OLD + "pragma user_version = 2;",
        "create table stamps (key blob primary key, value blob); pragma user_version = 2;",
        "create table another (a text);",
        'create table "it\'s" (a text); pragma user_version = 9;',
    ],
)
def test_a_file_of_another_version_begins_anew(tmp_path: Path, tables: str) -> None:
    cache = Cache(tmp_path)
    with closing(sqlite3.connect(tmp_path / "catalogue.sqlite")) as database:
        database.executescript(tables)
    assert recalled(cache) == ([None] * 40, {}, None)
    with open_metadata_cache(cache) as known:
        known.remember("what 40 images are like", b"large")
    assert recalled(cache)[2] == b"large"


@pytest.mark.parametrize("size", [0, 1, 99, 4096, 5000])
def test_a_file_that_was_cut_off_costs_what_it_held_and_nothing_else(
    cache: Cache, size: int
) -> None:
    path = cache.folder / "catalogue.sqlite"
    path.write_bytes(path.read_bytes()[:size])
    contents, statistics, _ = recalled(cache)
    assert set(contents) <= {None, *CONTENTS}
    assert statistics.items() <= dict(ROWS).items()
