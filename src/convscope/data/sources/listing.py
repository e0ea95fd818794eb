"""The files below a folder, each once, whatever links there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convscope.data.dataset import FileImages
from convscope.data.sources.naming import is_image, is_junk
from convscope.data.sources.places import Place
from convscope.errors import DataError, counted, listed
from convscope.files import printable


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads files below a folder."""

    root: Path

    def exists(self, path: str) -> bool:
        """Whether there is a file of that path."""
        return os.path.isfile(os.path.join(self.root, path))  # noqa: PTH113, PTH118 - in loops

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The file's content.

        Raises:
            DataError: It can't be read, or is longer than `max_bytes`.
        """
        return read_whole(self.root / path, max_bytes=max_bytes)

    def images(self, paths: Sequence[str]) -> FileImages:
        """The images in these files."""
        return FileImages(self.root, paths)

    def below(self, folder: str) -> FolderReader:
        """A reader of a folder here."""
        return FolderReader(self.root / folder)


@dataclass
class _Walk:
    """What a walk has met so far; paths are relative to the root."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # folder to look at later, and path
    entered: set[tuple[int, int]] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    irregular: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def read_whole(path: Path, *, max_bytes: int) -> bytes:
    """A file's content.

    Raises:
        DataError: It can't be read, or is longer than `max_bytes`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"`{printable(path)}` can't be read: {error.strerror or error}") from error
    if len(content) > max_bytes:
        raise DataError(f"`{printable(path)}` is longer than {max_bytes:,} bytes")
    return content


def list_folder(root: Path) -> Place:
    """The place that a folder is; links are followed, but no folder is entered twice.

    Links to folders are looked at after the folders themselves, so that a link between two classes
    gives no image a second class.

    Raises:
        DataError: A folder can't be read.
    """
    walk = _Walk()
    above = os.path.realpath(root)
    _enter(str(root), "", walk)
    while walk.links:
        waiting, walk.links = sorted(walk.links, key=lambda link: link[1]), []
        for folder, path in waiting:
            if f"{above}{os.sep}".startswith(os.path.join(os.path.realpath(folder), "")):  # noqa: PTH118
                walk.repeated.append(path)  # it leads back to here, or to all that lies around
            else:
                _enter(folder, path, walk)
    return Place(
        path=root,
        name=printable(root.resolve().name) or "data",
        files=sorted(walk.files, key=_by_folder),
        folders=sorted(walk.folders, key=_by_folder),
        reader=FolderReader(root),
        remarks=tuple(_remarks(walk)),
    )


def images_and_others_below(folder: Path) -> tuple[list[str], int]:
    """All files below a folder that are images by their names, sorted, and how many aren't."""
    files = list_folder(folder).files
    images = [str(folder / path) for path in files if is_image(path)]
    return images, len(files) - len(images)


def _enter(folder: str, path: str, walk: _Walk) -> None:
    """Lists a folder and those in it; those that are links are only noted for later."""
    below = [(folder, path)]
    while below:
        folder, path = below.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116 - a string, as from scandir
            identity = (status.st_dev, status.st_ino)
            if identity in walk.entered:
                walk.repeated.append(path)
                continue
            walk.entered.add(identity)
            if path:
                walk.folders.append(path)
            with os.scandir(folder) as entries:
                below += _sort(entries, f"{path}/" if path else "", walk)
        except OSError as error:
            raise DataError(
                f"`{printable(folder)}` can't be read: {error.strerror}",
                hint="images in it would be missing without a word",
            ) from error


def _sort(entries: Iterable[os.DirEntry[str]], start: str, walk: _Walk) -> list[tuple[str, str]]:
    """Adds a folder's entries to what the walk has met; gives the folders to enter next."""
    below = []
    for entry in entries:
        path = start + entry.name
        if is_junk(entry.name):
            if is_image(path) or entry.is_dir(follow_symlinks=False):
                walk.hidden.append(path)
        elif _leads_to(entry.is_file):
            walk.files.append(path)
        elif not _leads_to(entry.is_dir):
            walk.irregular.append(path)
        elif entry.is_symlink():
            walk.links.append((entry.path, path))
        else:
            below.append((entry.path, path))
    return below


def _leads_to(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link that leads to itself
        return False


def _by_folder(path: str) -> str:
    # `a/2.png` comes before `a b/1.png`, although a blank comes before a slash.
    return path.replace("/", "\0")


def _remarks(walk: _Walk) -> list[str]:
    kinds = [
        ("hidden name", "passed over", walk.hidden),
        ("special file", "left out (pipes, devices, broken links)", walk.irregular),
        ("link", "left out: the folder is listed anyway, or holds this one", walk.repeated),
    ]
    return [
        f"{counted(len(paths), noun)} {words}\n{listed(sorted(map(printable, paths)))}"
        for noun, words, paths in kinds
        if paths
    ]
