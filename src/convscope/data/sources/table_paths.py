"""Where the files of a table lie: as written, or under names that tables commonly shorten."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from convscope.data.sources.naming import is_image
from convscope.data.sources.places import Place, Reader
from convscope.errors import DataError
from convscope.files import printable

PROBED_ROWS = 100
FIRST_FOLDER = r"^[^/]+/"
ALL_FOLDERS = r"^.*/"
SUFFIX = r"\.[^./]+$"

# How a table may shorten the paths below its folder: what is cut off them, and how that is said.
SHORTENED = (
    ((FIRST_FOLDER,), "below a folder beside the table"),
    ((ALL_FOLDERS,), "by their names in any folder"),
    ((SUFFIX,), "with the suffix that the table leaves out"),
    ((FIRST_FOLDER, SUFFIX), "below a folder beside the table, with the suffix that it leaves out"),
    ((ALL_FOLDERS, SUFFIX), "by their names in any folder, with the suffix that is left out"),
)


def find_files(
    paths: pa.Array, reader: Reader, list_place: Callable[[], Place], *, where: str
) -> tuple[pa.Array, tuple[str, ...]]:
    """The paths of a table's images below its folder.

    Only the first hundred are looked for, as looking for millions takes minutes: a file that is
    missing later is an image that can't be read.

    Args:
        paths: (N,) texts.
        reader: Of the table's folder.
        list_place: Lists that folder; asked only if no path is there as it is written.
        where: What the user calls the table.

    Returns:
        N paths, and a remark if they aren't the given ones.

    Raises:
        DataError: None is found, or a name stands for several files.
    """
    first = paths.slice(0, PROBED_ROWS).to_pylist()
    if any(path.startswith(("http://", "https://")) for path in first):
        raise DataError(
            f"`{where}` has addresses on the web in place of paths",
            hint="nothing is fetched while training: download the images, and write their paths",
        )
    if any(reader.exists(path) for path in first):
        return paths, ()
    if any("\\" in path for path in first):
        paths = pc.replace_substring(paths, "\\", "/")
        if any(reader.exists(path) for path in paths.slice(0, PROBED_ROWS).to_pylist()):
            return paths, ("backslashes in the table's paths were taken as slashes",)
    place = list_place()
    files = pa.array([path for path in place.files if is_image(path)], pa.large_string())
    best, most = None, 0
    for patterns, words in SHORTENED:
        keys = files
        for pattern in patterns:
            keys = pc.replace_substring_regex(keys, pattern, "")
        num_found = pc.sum(pc.is_in(paths.slice(0, PROBED_ROWS), value_set=keys)).as_py()
        if num_found > most:
            best, most = (keys, words), num_found
    if best is not None:
        found = _lengthened(paths, files, best[0], where)
        return found, (
            f"images were found {best[1]}, for instance `{printable(found[0].as_py())}`",
        )
    raise DataError(
        f"of the first {len(first)} images in `{where}` none is there; looked in "
        f"`{place.path}`, for instance for `{printable(first[0])}`",
        hint="paths are relative to the table's folder",
    )


def _lengthened(paths: pa.Array, files: pa.Array, keys: pa.Array, where: str) -> pa.Array:
    """The files whose keys are the table's paths; a path that is no key stays as it is."""
    wanted = pc.is_in(keys, value_set=paths)
    files, keys = files.filter(wanted), keys.filter(wanted)
    if pc.count_distinct(keys).as_py() < len(keys):
        counts = pc.value_counts(keys)
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))[0]
        same = files.filter(pc.equal(keys, twice)).to_pylist()
        raise DataError(
            f"`{printable(twice.as_py())}` in `{where}` may be {' or '.join(map(_quoted, same))}",
            hint="write paths below the table's folder into the table",
        )
    return pc.coalesce(files.take(pc.index_in(paths, value_set=keys)), paths)


def _quoted(path: str) -> str:
    return f"`{printable(path)}`"
