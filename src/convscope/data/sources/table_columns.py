"""Which columns of a table are paths, labels, splits and groups: named by the user, or found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from convscope.errors import LISTED_AT_MOST, DataError, did_you_mean

# Names that columns usually have, the surest first: where a table has a number and a name for each
# class, the name is wanted; `id` is a path only if nothing else is.
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
SPLIT_NAMES = ("split", "subset", "set", "partition", "data set", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenColumns:
    """The columns that the user names; None for those to be found by their usual names.

    A column of groups is never looked for: what must not be torn apart is for the user to say.
    """

    path: str | None = None
    label: str | None = None
    split: str | None = None
    group: str | None = None

    @property
    def are_any(self) -> bool:
        """Whether the user names one."""
        return any(getattr(self, field.name) is not None for field in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenColumns:
    """The columns of a table by what they are for."""

    path: str
    label: str
    split: str | None
    group: str | None

    @property
    def used(self) -> set[str | None]:
        """Those that are for something."""
        return {self.path, self.label, self.split, self.group}

    @property
    def remark(self) -> str:
        """Which columns were taken."""
        parts = [f"paths from column `{self.path}`", f"labels from `{self.label}`"]
        parts += [f"splits from `{self.split}`"] if self.split else []
        parts += [f"groups from `{self.group}`"] if self.group else []
        return ", ".join(parts)


def choose_columns(
    names: Sequence[str],
    given: GivenColumns,
    *,
    where: str,
    has_splits: Callable[[str], bool],
) -> ChosenColumns:
    """The columns of a table by what they are for.

    Args:
        names: Of all columns.
        given: Those that the user names.
        where: What the user calls the table.
        has_splits: Whether a column holds words for splits. One that is only found by its name
            and does not is an ordinary column.

    Raises:
        DataError: The table has no column that the user names, or none for paths or labels.
    """
    path = _chosen(names, given.path, PATH_NAMES, "path", where)
    others = [name for name in names if name != path]
    label = _chosen(others, given.label, LABEL_NAMES, "label", where)
    split = None if given.split is None else _named(names, given.split, "split", where)
    if split is None:
        found = _found([name for name in others if name != label], SPLIT_NAMES)
        split = found if found is not None and has_splits(found) else None
    group = None if given.group is None else _named(names, given.group, "group", where)
    return ChosenColumns(path=path, label=label, split=split, group=group)


def looks_like_labels(names: Sequence[str]) -> bool:
    """Whether a table with these columns tells the labels of images."""
    path = _found(names, PATH_NAMES)
    return path is not None and _found([n for n in names if n != path], LABEL_NAMES) is not None


def _chosen(
    names: Sequence[str], given: str | None, usual: Sequence[str], role: str, where: str
) -> str:
    if given is not None:
        return _named(names, given, role, where)
    found = _found(names, usual)
    if found is None:
        raise DataError(
            f"`{where}` has no column that is called like a {role}; it has {_listed(names)}",
            hint=f"name it with `--{role}-column`; the first row has to name the columns",
        )
    return found


def _named(names: Sequence[str], given: str, role: str, where: str) -> str:
    by_lower = {name.lower(): name for name in reversed(names)}
    found = given if given in names else by_lower.get(given.strip().lower())
    if found is None:
        near = did_you_mean(given, by_lower)
        raise DataError(
            f"`{where}` has no column `{given}` for the {role}; it has {_listed(names)}", hint=near
        )
    return found


def _found(names: Sequence[str], usual: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED_AT_MOST
    quoted = ", ".join(f"`{name}`" for name in names[:LISTED_AT_MOST])
    return (quoted or "none") + (f" and {more} more" if more > 0 else "")
