"""File trees: the files below a folder, each once whatever links there are, and their reader."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from convscope.data.dataset import FileImages, Images
from convscope.data.sources.naming import by_folder, is_image, is_table
from convscope.data.sources.passed_over import is_junk, pass_over
from convscope.data.sources.split_names import split_of
from convscope.errors import DataError
from convscope.files import OUTPUT_MARKER, open_regular, printable, read_regular
from convscope.text import counted, listed


class Reader(Protocol):
    """Reads the files of a tree by their paths, from any thread."""

    def exists(self, path: str) -> bool:
        """Whether there is a file of that path."""
        ...

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The content of a file.

        Raises:
            DataError: It can't be read, or is longer than `max_bytes`.
        """
        ...

    def head(self, path: str, *, num_bytes: int) -> bytes:
        """The first bytes of a file, however long it is; all of a shorter one.

        Raises:
            DataError: It can't be read.
        """
        ...

    def tail(self, path: str, *, num_bytes: int) -> bytes:
        """The last bytes of a file; all of a shorter one.

        Raises:
            DataError: It can't be read.
        """
        ...

    def images(self, paths: Sequence[str]) -> Images:
        """The images in these files, in this order."""
        ...

    def below(self, folder: str) -> Reader:
        """A reader of the files in a folder here, by their paths below it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTree:
    """The files in a folder or an archive, without hidden files and systems' leftovers.

    Attributes:
        path: The path that the user gave.
        name: Name of a data set here.
        files: Paths of the files below, with `/`, sorted by folder and name.
        folders: Paths of the folders below, also of those without files, in the same order.
        reader: Reads these files.
        remarks: What was noticed while listing.
    """

    path: Path
    name: str
    files: Sequence[str]
    folders: Sequence[str]
    reader: Reader
    remarks: tuple[str, ...] = ()

    @property
    def top_files(self) -> list[str]:
        """The files that lie in no folder."""
        return [path for path in self.files if "/" not in path]

    @property
    def top_folders(self) -> list[str]:
        """The folders that lie in no other."""
        return [path for path in self.folders if "/" not in path]

    def own_path(self, path: str) -> str:
        """A path here in the form that `files` has, however it is written: `./a.png`, absolute."""
        path = posixpath.normpath(path)
        start = os.path.join(os.path.abspath(self.path), "") if path.startswith("/") else ""  # noqa: PTH100, PTH118 - in loops
        return path.removeprefix(start)

    def below(self, folder: str) -> FileTree:
        """The tree of a folder here."""
        start = f"{folder}/"
        return replace(
            self,
            path=self.path / folder,
            files=[path[len(start) :] for path in self.files if path.startswith(start)],
            folders=[path[len(start) :] for path in self.folders if path.startswith(start)],
            reader=self.reader.below(folder),
        )

    def unwrapped(self) -> FileTree:
        """The folder that everything is wrapped in, as archives often do; itself if none is.

        A folder is looked through if it is the only one, is no split, and no images or tables lie
        beside it. The last one has to hold more than the images of a single class.
        """
        inner = self
        while (
            len(inner.top_folders) == 1
            and split_of(inner.top_folders[0]) is None
            and not any(is_image(path) or is_table(path) for path in inner.top_files)
        ):
            inner = inner.below(inner.top_folders[0])
        last = inner.top_files
        is_class = not inner.top_folders and (not last or any(map(is_image, last)))
        if inner is self or (is_class and not any(map(is_table, last))):
            return self
        chosen = printable(inner.path.relative_to(self.path).as_posix())
        remark = f"everything lies in the folder `{chosen}`, which was opened"
        return replace(inner, remarks=(*inner.remarks, remark))


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads the files below a folder."""

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

    def head(self, path: str, *, num_bytes: int) -> bytes:
        """The file's first bytes.

        Raises:
            DataError: It can't be read, or is no regular file.
        """
        with _explained(self.root / path), open_regular(self.root / path) as file:
            return file.read(num_bytes)

    def tail(self, path: str, *, num_bytes: int) -> bytes:
        """The file's last bytes.

        Raises:
            DataError: It can't be read, or is no regular file.
        """
        with _explained(self.root / path), open_regular(self.root / path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - num_bytes))
            return file.read(num_bytes)

    def images(self, paths: Sequence[str]) -> FileImages:
        """The images in these files."""
        return FileImages(self.root, paths)

    def below(self, folder: str) -> FolderReader:
        """A reader of a folder here."""
        return FolderReader(self.root / folder)


@dataclass
class _Walk:
    """What a walk through a folder has met so far; paths are relative to the root."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # folder to enter later, and path
    entered: set[tuple[int, int]] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    irregular: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)


def read_whole(path: Path, *, max_bytes: int) -> bytes:
    """A file's content.

    Raises:
        DataError: It can't be read, is no regular file, or is longer than `max_bytes`.
    """
    with _explained(path):
        return read_regular(path, max_bytes=max_bytes)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"`{printable(path)}` can't be read: {error.strerror or error}") from error


def outside_of(reader: Reader, paths: Iterable[str]) -> tuple[str, ...]:
    """A remark on paths that a file names and that lie in another folder; () if there are none."""
    if not isinstance(reader, FolderReader):
        return ()  # an archive holds nothing else
    folder = os.path.join(os.path.abspath(reader.root), "")  # noqa: PTH100, PTH118 - in loops
    outside = [
        path
        for path in paths
        if not os.path.normpath(os.path.join(folder, path)).startswith(folder)  # noqa: PTH118
    ]
    if not outside:
        return ()
    first = printable(outside[0])
    return (f"{counted(len(outside), 'image')} outside of `{reader.root}`, for instance `{first}`",)


def list_folder(root: Path) -> FileTree:
    """The file tree below a folder; links are followed, but no folder is entered twice.

    Links to folders are entered after the folders themselves, so that a link between two classes
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
    kept = pass_over(walk.files, walk.folders, markers=walk.markers)
    return FileTree(
        path=root,
        name=printable(root.resolve().name) or "data",
        files=sorted(kept.files, key=by_folder),
        folders=sorted(kept.folders, key=by_folder),
        reader=FolderReader(root),
        remarks=(*_remarks(walk), *kept.remarks),
    )


class FolderImages(NamedTuple):
    """The images below a folder.

    Attributes:
        paths: Files that are images by their names, sorted.
        num_others: Number of other files.
        remarks: What was passed over.
    """

    paths: list[str]
    num_others: int
    remarks: tuple[str, ...]


def images_below(folder: Path) -> FolderImages:
    """The images below a folder, whatever classes they belong to."""
    tree = list_folder(folder)
    images = [str(folder / path) for path in tree.files if is_image(path)]
    return FolderImages(images, len(tree.files) - len(images), tree.remarks)


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
    """Adds a folder's entries to what the walk has met; returns the folders to enter next."""
    below = []
    for entry in entries:
        path = start + entry.name
        if entry.name == OUTPUT_MARKER:
            walk.markers.append(path)
        elif is_junk(entry.name):
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


def _remarks(walk: _Walk) -> list[str]:
    kinds = [
        ("hidden or system name", "passed over", walk.hidden),
        ("special file", "left out (pipes, devices, broken links)", walk.irregular),
        ("link", "left out: the folder is listed anyway, or holds this one", walk.repeated),
    ]
    return [
        f"{counted(len(paths), noun)} {description}\n{listed(sorted(map(printable, paths)))}"
        for noun, description, paths in kinds
        if paths
    ]
