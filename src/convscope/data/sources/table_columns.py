"""Columns of a table: what separates them, and which hold paths, labels and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from convscope.errors import DataError
from convscope.text import did_you_mean, joined

SEPARATORS = (",", "\t", ";", "|")  # spreadsheets of some countries write semicolons
# Common column names, the surest first: where a table has a number and a name for each class, the
# name is wanted; `id` is a path only if nothing else is.
PATH_NAMES = (
    ("path", "filepath", "file_path", "image_path", "img_path", "imagepath", "filepaths")
    + ("file", "filename", "file_name", "image_file", "image_filename", "img_file")
    + ("image", "img", "images", "image_name", "img_name", "imagename", "image_id", "id_code", "id")
)
LABEL_NAMES = (
    ("class_name", "label_name", "classname", "category_name", "label", "labels", "class")
    + ("classes", "category", "target", "species", "breed", "diagnosis", "dx", "y", "label_id")
    + ("class_id", "category_id")
)
# What cells of yes and no may say; an empty one is an answer only where its table says so.
ANSWERS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0", "x"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}
NO_COLUMN = "none"  # what a user gives as the column of splits where none is to be used


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenColumns:
    """The columns that the user names; None for those to be found by common names.

    A column of groups is never looked for: only the user knows which images belong together.
    """

    path: str | None = None
    label: str | None = None
    split: str | None = None
    group: str | None = None

    @property
    def are_any(self) -> bool:
        """Whether the user names any column."""
        return any(getattr(self, field.name) is not None for field in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenColumns:
    """The columns of a table by their role."""

    path: str
    label: str
    group: str | None


def separator_of(header: str) -> str:
    """The separator between the cells of a header: the most frequent one outside of quotes."""
    bare = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=bare.count)


def choose_columns(names: Sequence[str], given: GivenColumns, *, where: str) -> ChosenColumns:
    """Assigns the columns of a table to their roles; those of splits are found by their cells.

    Args:
        names: Names of all columns.
        given: The columns that the user names.
        where: What the user calls the table.

    Raises:
        DataError: The table has no column that the user names, or none for paths or labels.
    """
    path = _chosen(names, given.path, PATH_NAMES, "path", where)
    label = _chosen([n for n in names if n != path], given.label, LABEL_NAMES, "label", where)
    group = None if given.group is None else named_column(names, given.group, "group", where)
    return ChosenColumns(path=path, label=label, group=group)


def looks_like_labels(names: Sequence[str]) -> bool:
    """Whether a table with these columns gives the labels of images."""
    return path_column_of(names) is not None and label_column_of(names) is not None


def path_column_of(names: Sequence[str]) -> str | None:
    """The column whose name is a common one for paths."""
    return _found(names, PATH_NAMES)


def label_column_of(names: Sequence[str]) -> str | None:
    """The column whose name is a common one for labels, and that holds no paths."""
    path = path_column_of(names)
    return _found([name for name in names if name != path], LABEL_NAMES)


def _chosen(
    names: Sequence[str], given: str | None, common: Sequence[str], role: str, where: str
) -> str:
    if given is not None:
        return named_column(names, given, role, where)
    found = _found(names, common)
    if found is None:
        raise DataError(
            f"`{where}` has no column with a common name for the {role}; it has {_listed(names)}",
            hint=f"name it with `--{role}-column`; the first row has to name the columns",
        )
    return found


def named_column(names: Sequence[str], given: str, role: str, where: str) -> str:
    """The column that the user names for a role, in any case.

    Raises:
        DataError: There is none of that name.
    """
    by_lower = {name.lower(): name for name in reversed(names)}
    found = given if given in names else by_lower.get(given.strip().lower())
    if found is None:
        near = did_you_mean(given, by_lower)
        raise DataError(
            f"`{where}` has no column `{given}` for the {role}; it has {_listed(names)}", hint=near
        )
    return found


def _found(names: Sequence[str], common: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in common if name in by_lower), None)


def _listed(names: Sequence[str]) -> str:
    return joined([f"`{name}`" for name in names]) or "none"
