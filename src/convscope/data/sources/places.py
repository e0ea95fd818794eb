"""A place: the files in a folder or an archive as a list of paths, and a way to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from convscope.data.dataset import Images
from convscope.data.sources.naming import is_image, is_table, split_of
from convscope.files import printable


class Reader(Protocol):
    """Reads files by their paths below a place, from any thread."""

    def exists(self, path: str) -> bool:
        """Whether there is a file of that path."""
        ...

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """All of a file.

        Raises:
            DataError: It can't be read, or is longer than `max_bytes`.
        """
        ...

    def images(self, paths: Sequence[str]) -> Images:
        """The images in these files, in this order."""
        ...

    def below(self, folder: str) -> Reader:
        """A reader of the files in a folder here, by their paths below it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What lies in a folder or an archive. Hidden files and systems' leftovers are not listed.

    Attributes:
        path: As the user gave it.
        name: What a data set here is called.
        files: Their paths below, with `/`, sorted by folder and name.
        folders: Likewise, also those without files.
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

    def below(self, folder: str) -> Place:
        """The place that a folder here is."""
        start = f"{folder}/"
        return replace(
            self,
            path=self.path / folder,
            files=[path[len(start) :] for path in self.files if path.startswith(start)],
            folders=[path[len(start) :] for path in self.folders if path.startswith(start)],
            reader=self.reader.below(folder),
        )

    def unwrapped(self) -> Place:
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
