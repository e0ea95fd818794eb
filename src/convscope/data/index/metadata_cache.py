"""Metadata cache: what earlier scans found out, so that an unchanged image isn't read again.

One SQLite file in the cache folder, shared by all data sets and processes. It holds nothing that
can't be found out again: a damaged one, or one of another version, begins anew, and one that can't
be written is done without. Each value begins with a checksum of itself and its key, and counts as
unknown where that is wrong.

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
from typing import TypeVar

import PIL
import xxhash

from convscope.cache import Cache
from convscope.data.decoding.content import Decoding
from convscope.data.index.statistics import STATISTICS, VERSION
from convscope.paths import CATALOGUE_FILE

Result = TypeVar("Result")
ASKED_AT_ONCE = 10_000  # SQLite takes at most 32,766 values in one question
WAIT_SECONDS = 30.0
MAX_BYTES = 4 << 30  # some two million images; what was found out first goes first

CHECKSUM_BYTES = 8
FORMAT = 2  # of the file; another one begins anew
TABLES = ("stamps", "facts", "results")
DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)  # the latter of what its own files quote
_MEASURED, _DAMAGED = b"\0", b"\1"  # which of them follows in `facts`


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
        found = self._ask("stamps", [key for key in keys if key])
        return [found.get(key) for key in keys]

    def remember_contents(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Keeps stamps with the hashes of their contents."""
        self._write("stamps", [(_hash(stamp), content) for stamp, content in pairs if stamp])

    def statistics(self, contents: Sequence[bytes], decoding: Decoding) -> dict[bytes, bytes | str]:
        """What is known about contents: a row of `STATISTICS` as bytes, or why there is none."""
        prefix = _statistics_key(decoding)
        origin = {_hash(prefix, content): content for content in contents}
        return {
            origin[key]: found[1:] if found[:1] == _MEASURED else found[1:].decode()
            for key, found in self._ask("facts", list(origin)).items()
        }

    def remember_statistics(
        self, pairs: Iterable[tuple[bytes, bytes | str]], decoding: Decoding
    ) -> None:
        """Keeps what was found out about contents, in the form that `statistics` returns."""
        prefix = _statistics_key(decoding)
        self._write(
            "facts",
            [
                (
                    _hash(prefix, content),
                    _MEASURED + found if isinstance(found, bytes) else _DAMAGED + found.encode(),
                )
                for content, found in pairs
            ],
        )

    def recall(self, key: str) -> bytes | None:
        """The result that was remembered under a key."""
        return self._ask("results", [_hash(key)]).get(_hash(key))

    def remember(self, key: str, result: bytes) -> None:
        """Keeps a result under a key that says what it is, and of which images."""
        self._write("results", [(_hash(key), result)])

    def close(self) -> None:
        """Lets go of the file."""
        if self._database is not None:
            self._database.close()

    def _ask(self, table: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What a table has under some keys, as far as it is what was written there."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), ASKED_AT_ONCE):
            part = keys[start : start + ASKED_AT_ONCE]
            asked = f"select key, value from {table} where key in ({','.join('?' * len(part))})"
            answers = self._do(lambda base: base.execute(asked, part).fetchall()) or []  # noqa: B023 - called at once
            for key, stored in answers:
                if isinstance(stored, bytes) and stored == _with_checksum(
                    key, stored[CHECKSUM_BYTES:]
                ):
                    found[key] = stored[CHECKSUM_BYTES:]
        return found

    def _write(self, table: str, pairs: list[tuple[bytes, bytes]]) -> None:
        rows = [(key, _with_checksum(key, value)) for key, value in pairs]

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(f"insert or replace into {table} values (?, ?)", rows)

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
            except DAMAGE:
                self._database.close()
                self._database = None
                if self._path is not None:
                    _remove(self._path)
                    self._database = _opened(self._path)
                return None


def open_metadata_cache(cache: Cache | None) -> closing[MetadataCache]:
    """Context manager that opens the metadata cache in a cache; None for one that forgets."""
    return closing(MetadataCache(None if cache is None else cache.folder / CATALOGUE_FILE))


def decoding_key(decoding: Decoding) -> str:
    """Everything besides the content that decides the decoded pixels."""
    return f"{PIL.__version__} {decoding}"


@cached
def _statistics_key(decoding: Decoding) -> str:
    """Everything besides the content that decides its statistics."""
    return f"{VERSION} {STATISTICS} {decoding_key(decoding)}"


def _with_checksum(key: bytes, value: bytes) -> bytes:
    """A value with a checksum of it and its key before it."""
    return xxhash.xxh3_64_digest(key + value) + value


def _hash(text: str, more: bytes = b"") -> bytes:
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogateescape") + more)


def _opened(path: Path) -> sqlite3.Connection | None:
    """The database; a damaged one begins anew, one that can't be made is None."""
    for _ in range(2):
        database = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(path, timeout=WAIT_SECONDS, check_same_thread=False)
            # What is no text is a name that isn't ours; it would look like a lock to be waited for.
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            database.execute("pragma synchronous = normal")
            _make_tables(database)
            _forget_oldest(database)
            return database
        except (sqlite3.OperationalError, OSError):
            return None  # locked for long, read-only, or no room
        except DAMAGE:
            if database is not None:
                database.close()
            _remove(path)
    return None


def _make_tables(database: sqlite3.Connection) -> None:
    """Makes the tables of a new file.

    Raises:
        DatabaseError: The file is damaged, or has tables of another version.
    """
    if not _columns(database):
        with database:  # whole at once, as another process may look at it
            database.execute("begin immediate")
            for table in TABLES:
                order = f"create table if not exists {table} (key blob primary key, value blob)"
                database.execute(order)
            database.execute(f"pragma user_version = {FORMAT}")
    (found,) = database.execute("pragma user_version").fetchone()
    if found != FORMAT or _columns(database) != dict.fromkeys(TABLES, ["key", "value"]):
        raise sqlite3.DatabaseError("of another version")


def _columns(database: sqlite3.Connection) -> dict[str, list[str]]:
    """The names of the columns of each table."""
    tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
    return {
        name: [column[1] for column in database.execute(f'pragma table_info("{name}")')]
        for (name,) in tables
    }


def _forget_oldest(database: sqlite3.Connection) -> None:
    """Halves what is remembered where it has become too much; the file keeps its size."""
    pages, free, size = (
        database.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    if (pages - free) * size <= MAX_BYTES:
        return
    with database:
        for table in TABLES:
            middle = f"select (min(rowid) + max(rowid)) / 2 from {table}"
            database.execute(f"delete from {table} where rowid <= ({middle})")


def _remove(path: Path) -> None:
    for place in (path, path.with_name(f"{path.name}-journal")):
        with suppress(OSError):
            place.unlink()
