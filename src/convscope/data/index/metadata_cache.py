"""Metadata cache: what earlier scans found out, so that an unchanged image isn't read again.

One SQLite file in the cache folder, shared by all data sets and processes. It holds nothing that
can't be found out again: a damaged one begins anew, and one that can't be written is done without.

    stamps   path, size and time of a file -> hash of its content
    facts    hash of a content, and how it was decoded -> its statistics, or why it can't be read
    results  a description of what was worked out, for which images -> the result
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from functools import cache as cached
from pathlib import Path
from typing import Any, TypeVar

import PIL
import xxhash

from convscope.cache import Cache
from convscope.data.decoding.content import Decoding
from convscope.data.index.statistics import STATISTICS, VERSION

Result = TypeVar("Result")
ASKED_AT_ONCE = 10_000  # SQLite takes at most 32,766 values in one question
WAIT_SECONDS = 30.0
MAX_BYTES = 4 << 30  # some two million images; what was found out first goes first

_CONTENTS = "select stamp, content from stamps where stamp in"
_KNOWN_STATISTICS = "select key, facts, damage from facts where key in"
_TABLES = """
create table if not exists stamps (stamp blob primary key, content blob);
create table if not exists facts (key blob primary key, facts blob, damage text);
create table if not exists results (key blob primary key, result blob);
"""


class MetadataCache:
    """What earlier scans found out about images.

    Args:
        path: The database file; None for a cache that forgets everything.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._database = None if path is None else _opened(path)

    def contents(self, stamps: Sequence[str]) -> list[bytes | None]:
        """The hash of the content that had each stamp, or None."""
        keys = [_hash(stamp) if stamp else b"" for stamp in stamps]
        asked = [key for key in keys if key]
        found = {row[0]: row[1] for row in self._ask(_CONTENTS, asked)}
        return [found.get(key) for key in keys]

    def remember_contents(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Keeps stamps with the hashes of their contents."""
        self._write(
            "insert or replace into stamps values (?, ?)",
            [(_hash(stamp), content) for stamp, content in pairs if stamp],
        )

    def statistics(self, contents: Sequence[bytes], decoding: Decoding) -> dict[bytes, bytes | str]:
        """What is known about contents: a row of `STATISTICS` as bytes, or why there is none."""
        prefix = _statistics_key(decoding)
        origin = {_hash(prefix, content): content for content in contents}
        return {
            origin[key]: damage if statistics is None else statistics
            for key, statistics, damage in self._ask(_KNOWN_STATISTICS, list(origin))
        }

    def remember_statistics(
        self, pairs: Iterable[tuple[bytes, bytes | str]], decoding: Decoding
    ) -> None:
        """Keeps what was found out about contents, in the form that `statistics` returns."""
        prefix = _statistics_key(decoding)
        self._write(
            "insert or replace into facts values (?, ?, ?)",
            [
                (_hash(prefix, content), found, "")
                if isinstance(found, bytes)
                else (_hash(prefix, content), None, found)
                for content, found in pairs
            ],
        )

    def recall(self, key: str) -> bytes | None:
        """The result that was remembered under a key."""
        question = "select key, result from results where key in"
        return next((row[1] for row in self._ask(question, [_hash(key)])), None)

    def remember(self, key: str, result: bytes) -> None:
        """Keeps a result under a key that says what it is, and of which images."""
        self._write("insert or replace into results values (?, ?)", [(_hash(key), result)])

    def close(self) -> None:
        """Lets go of the file."""
        if self._database is not None:
            self._database.close()

    def _ask(self, question: str, keys: Sequence[bytes]) -> list[tuple[Any, ...]]:
        answers: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), ASKED_AT_ONCE):
            part = keys[start : start + ASKED_AT_ONCE]
            asked = f"{question} ({','.join('?' * len(part))})"
            answers += self._do(lambda base: base.execute(asked, part).fetchall()) or []  # noqa: B023 - called at once
        return answers

    def _write(self, order: str, rows: list[tuple[object, ...]]) -> None:
        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(order, rows)

        if rows:
            self._do(write)

    def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """Works with the database; None where there is none. A damaged one begins anew.

        A disk that is full or read-only costs time on the next start, nothing else.
        """
        with self._lock:
            if self._database is None:
                return None
            try:
                return work(self._database)
            except sqlite3.OperationalError:
                return None
            except sqlite3.DatabaseError:
                self._database.close()
                self._database = None
                if self._path is not None:
                    _remove(self._path)
                    self._database = _opened(self._path)
                return None


def open_metadata_cache(cache: Cache | None) -> closing[MetadataCache]:
    """Context manager that opens the metadata cache in a cache; None for one that forgets."""
    return closing(MetadataCache(None if cache is None else cache.folder / "catalogue.sqlite"))


def decoding_key(decoding: Decoding) -> str:
    """Everything besides the content that decides the decoded pixels."""
    return f"{PIL.__version__} {decoding}"


@cached
def _statistics_key(decoding: Decoding) -> str:
    """Everything besides the content that decides its statistics."""
    return f"{VERSION} {STATISTICS} {decoding_key(decoding)}"


def _hash(text: str, more: bytes = b"") -> bytes:
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogateescape") + more)


def _opened(path: Path) -> sqlite3.Connection | None:
    """The database; a damaged one begins anew, one that can't be made is None."""
    for _ in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(path, timeout=WAIT_SECONDS, check_same_thread=False)
            database.execute("pragma synchronous = normal")
            database.executescript(_TABLES)
            _forget_oldest(database)
            return database
        except sqlite3.OperationalError:
            return None  # locked for long, read-only, or no room
        except (sqlite3.DatabaseError, OSError):
            _remove(path)
    return None


def _forget_oldest(database: sqlite3.Connection) -> None:
    """Halves what is remembered where it has become too much; the file keeps its size."""
    pages, free, size = (
        database.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    if (pages - free) * size <= MAX_BYTES:
        return
    with database:
        for table in ("stamps", "facts", "results"):
            middle = f"select (min(rowid) + max(rowid)) / 2 from {table}"
            database.execute(f"delete from {table} where rowid <= ({middle})")


def _remove(path: Path) -> None:
    for place in (path, path.with_name(f"{path.name}-journal")):
        with suppress(OSError):
            place.unlink()
