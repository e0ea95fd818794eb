"""Files: atomic writes, folders that appear whole, hashes, and reading that never waits."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from convscope.errors import RunError
from convscope.text import one_line

READ_BYTES = 1 << 20
OUTPUT_MARKER = ".convscope"  # in a folder of output that no other file tells from a user's

# The names of temporaries, which nobody else gives: a file's name, ours, and tempfile's letters.
NEW, OLD = "convscope-new", "convscope-old"
LEFTOVER = re.compile(rf"\.(?P<name>.+)\.(?P<kind>{NEW}|{OLD})-[a-z0-9_]{{8}}")
MAX_NAME_BYTES = 255  # that a name may have in most file systems
ADDED_BYTES = len(f"..{NEW}-") + 8  # of a temporary's name

# The beginning of a cell that spreadsheets run, also behind apostrophes, which they don't show.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?")

# What is at a path besides a regular file, as a message says it.
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe, no file"),
    (stat.S_ISCHR, "a device, no file"),
    (stat.S_ISBLK, "a device, no file"),
    (stat.S_ISSOCK, "a socket, no file"),
)

_MASK_LOCK = threading.Lock()

# Names that Windows keeps for devices; it takes small raised numbers for numbers.
DEVICES = frozenset(
    ("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$")
    + tuple(f"{port}{number}" for port in ("COM", "LPT") for number in "123456789¹²³")
)


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces the file at `path` by `content`, or leaves what was there.

    Raises:
        RunError: The folder can't be written to, or the disk is full.
    """
    with _explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path, NEW))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _open_to_others(Path(temporary))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replaces the file at `path` by `text` in UTF-8, or leaves what was there."""
    write_bytes(path, text.encode())


def append_text(path: Path, text: str) -> None:
    """Appends to the file at `path`, which is made if there is none; a kill may cut it off.

    Raises:
        RunError: It can't be written to, or the disk is full.
    """
    with _explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces the file at `path` by `content`; NaN and infinity are refused, JSON has neither."""
    write_bytes(path, json_bytes(content))


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Replaces the file at `path` by a table with one header line; see `csv_text`."""
    write_text(path, csv_text(header, rows))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with one header line as CSV, in which no text is a formula.

    Spreadsheets run cells like `=1+1`, and names come with the data. Such text gets an apostrophe
    in front, as one types it there; `from_cell` takes it away.
    """
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in (header, *rows):
        cells = [_as_cell(value) if isinstance(value, str) else value for value in row]
        # Python quotes a carriage return only where lines end with one.
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (quoting if has_return else plain).writerow(cells)
    return text.getvalue()


def _as_cell(text: str) -> str:
    """The text, with an apostrophe where it would be run, or taken for one with apostrophes."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def from_cell(cell: str) -> str:
    """The text of a cell that `csv_text` wrote."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def seal_of(content: Mapping[str, Any]) -> str:
    """The SHA-256 of what a JSON object says, however it is laid out."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_sealed_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces the file at `path` by `content` and its seal, so that a later change is noticed."""
    read_back = json.loads(json_bytes(content))  # names may be numbers, which become text
    write_json(path, {**content, "sha256": seal_of(read_back)})


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The file at `path`, opened for reading; pipes and devices, which may never end, are not.

    Raises:
        OSError: It can't be opened, or is no regular file.
    """
    # A pipe that nobody writes to waits already while it is opened.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(handle, "rb")
    os.close(handle)
    what = next((name for is_kind, name in KINDS if is_kind(kind)), "no regular file")
    raise OSError(errno.EINVAL, f"it is {what}", str(path))


def read_regular(path: str | os.PathLike[str], *, max_bytes: int) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: It can't be read, is no regular file, grows, or has more bytes than that.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise OSError(errno.EFBIG, f"it has more than {max_bytes:,} bytes", str(path))
        # What is asked for is allocated: a limit of gigabytes would need them for any file.
        content = file.read(size + 1)
    if len(content) > size:
        raise OSError(errno.EBUSY, "it grew while it was read", str(path))
    return content


@contextmanager
def new_folder(path: Path, *, keep_others: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends without an error.

    A folder that is already at `path` is replaced; it is only removed when the new one is there.

    Args:
        path: Where the folder will be.
        keep_others: Whether what the new folder doesn't have, as files of a user, is moved to it
            from the one that it replaces.

    Raises:
        RunError: The parent can't be written to, or the disk is full.
    """
    with _explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path, NEW)))
        try:
            yield temporary
            for file in temporary.rglob("*"):
                sync_file(file)
                _open_to_others(file)
            _open_to_others(temporary)
            sync_folder(temporary)
            _replace_folder(temporary, path, keep_others=keep_others)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _replace_folder(new: Path, path: Path, *, keep_others: bool) -> None:
    """Moves a folder to where another may be, which is removed when that is on the disk."""
    if not path.exists():
        new.replace(path)
        sync_folder(path.parent)
        return
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path, OLD)))
    try:
        path.replace(old / path.name)
        new.replace(path)
    except BaseException:
        _restore_folder(old)  # also where a signal came just behind the first of the two
        raise
    sync_folder(path.parent)
    if keep_others:
        _restore_folder(old)
    else:
        shutil.rmtree(old, ignore_errors=True)  # what stays is a leftover, and the new one is there


def _restore_folder(old: Path) -> None:
    """Brings back what was being replaced; if the new one is there, only what that doesn't have.

    Where that fails, nothing is removed.
    """
    with suppress(OSError):
        for replaced in old.iterdir():
            path = old.parent / replaced.name
            if not os.path.lexists(path):
                replaced.replace(path)
            elif replaced.is_dir() and not replaced.is_symlink():
                for entry in replaced.iterdir():
                    if not os.path.lexists(path / entry.name):
                        entry.replace(path / entry.name)
        shutil.rmtree(old, ignore_errors=True)


def restore_replaced(path: Path) -> None:
    """Brings back a folder, or files of a user in it, that a killed process was replacing.

    Args:
        path: The folder, which nobody else writes just now.
    """
    with suppress(OSError):
        for old in path.parent.iterdir():
            match = LEFTOVER.fullmatch(old.name)
            is_old = match is not None and match["kind"] == OLD
            if is_old and any(replaced.name == path.name for replaced in old.iterdir()):
                _restore_folder(old)


def _prefix(path: Path, kind: str) -> str:
    """What the name of a temporary begins with; of a long name as much as a file system takes."""
    name = os.fsencode(path.name)[: MAX_NAME_BYTES - ADDED_BYTES].decode("utf-8", "ignore")
    return f".{name}.{kind}-"


def mark_output(folder: Path) -> None:
    """Makes a folder that is marked as output, which data sets pass over, if there is none yet.

    Raises:
        RunError: It can't be made.
    """
    if folder.exists():
        return  # what lies there, or will, may be the user's
    text = "convscope wrote this folder. As long as this file is here, data sets pass it over.\n"
    write_text(folder / OUTPUT_MARKER, text)


def write_new(path: Path, content: bytes) -> dict[str, Any]:
    """Writes a new file within the block of a `new_folder`, which waits for the disk.

    Returns:
        Its `bytes` and `sha256`, of what was meant to be written.
    """
    with path.open("xb") as file:
        file.write(content)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8; NaN and infinity are refused, JSON has neither."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def remove_leftovers(folder: Path) -> None:
    """Removes what `new_folder` and `write_bytes` left in a folder when they were killed.

    A folder that was being replaced just then comes back. Only where nobody else writes. What
    versions before this one left has no name of its own, and stays.
    """
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        match = LEFTOVER.fullmatch(path.name)
        if match is None:
            continue
        if match["kind"] == OLD:
            _restore_folder(path)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Waits until the file's content is on the disk."""
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Waits until the folder's entries are on the disk, where the system can (Windows can't)."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check_writable(folder: Path) -> None:
    """Makes `folder` and tries a file in it, so that a training doesn't end with this error.

    Raises:
        RunError: It can't be made or written to.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def is_portable(name: str) -> bool:
    """Whether a file or folder may have this name on Linux, macOS and Windows alike."""
    stem = name.partition(".")[0].rstrip().upper()  # Windows means its devices by `con.txt` too
    return (
        name.isprintable()
        and not any(sign in name for sign in '<>:"/\\|?*')
        and not name.endswith((".", " "))
        and stem not in DEVICES
    )


def printable(path: str | os.PathLike[str]) -> str:
    """A path as one line of text: what is no UTF-8 or not printable is written as an escape."""
    try:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # from a file of JSON: no path of this system
        text = str(path)
    return one_line(text)


def _open_to_others(path: Path) -> None:
    """Gives a file or folder the rights that it would have without going through a temporary."""
    with _MASK_LOCK:  # the mask can't be asked without being set
        mask = os.umask(0o077)
        os.umask(mask)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"`{folder}` can't be written to: {error.strerror or error}",
            hint="choose another place (`--project` of a training, `--output` elsewhere), or free "
            "space there",
        ) from error
