"""Columns of a table that say which images are held out: in words, as numbers, or as yes and no.

`split` with train, val and test; `split` with 0, 1 and 2, as CelebA and WILDS count train,
validation and test; `is_valid`, `is_test` or `is_train` with true and false, as fastai has them; a
column of any name whose cells all name splits. A column that looks like one of these and isn't
clear is refused: held-out images would be trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.data.sources.naming import NO_SPLIT
from convscope.data.sources.split_names import (
    SHOWN_SPLITS,
    mentions_split,
    split_in,
    split_of,
    words_of,
)
from convscope.data.sources.table_columns import ANSWERS, NO_COLUMN, named_column
from convscope.data.sources.table_files import Table, check_text, coded, is_text
from convscope.data.split import SPLITS
from convscope.errors import DataError
from convscope.text import either_of, shown

# A column is named for splits if its name has a word of the first kind, or several of the second,
# and no others: `cv_fold`, `split_id`, `train_val_test`.
SPLITTING_WORDS = frozenset(
    ("split", "splits", "partition", "partitions", "fold", "folds", "kfold")
)
PART_WORDS = frozenset(("train", "val", "valid", "validation", "test"))
BESIDE_WORDS = frozenset(
    ("data", "dataset", "image", "set", "type", "name", "id", "idx", "index", "no", "number")
    + ("official", "random", "cv", "k", "or")
)
# These also name where images come from: with other words in them they are ordinary columns.
VAGUE_NAMES = frozenset(("set", "subset", "dataset", "data_set"))
FLAG = re.compile(r"(?:is_?|in_|for_)?(?P<word>.+)")  # `invalid` asks nothing
PLAIN_ANSWERS = {"true", "false", "yes", "no"}  # a mere `test` with one of them asks too
MARK = {"x"}  # where nothing else is written, what isn't marked is meant not to be
NUMBER = re.compile(r"-?\d{1,3}(\.0)?")
TRAIN, VALIDATION, TEST = range(3)
UNKNOWN = -1
SHOWN = 8


class TableSplits(NamedTuple):
    """The splits that a table gives its images.

    Attributes:
        codes: (N,) indices into `SPLITS`, or `NO_SPLIT`; rows that name no split are noted as
            problems of the table.
        columns: The columns that they are from.
        description: Which columns those are, and what their values stand for; "" for none.
        remarks: Which columns look like splits and aren't used.
    """

    codes: NDArray[np.int64]
    columns: tuple[str, ...] = ()
    description: str = ""
    remarks: tuple[str, ...] = ()


class _Reading(NamedTuple):
    """The splits in some columns, `UNKNOWN` where a row names none, and what values stand for."""

    columns: tuple[str, ...]
    codes: NDArray[np.int64]
    meaning: str = ""


def find_splits(
    table: Table, others: Sequence[str], *, given: str | None, where: str
) -> TableSplits:
    """The splits in a table, from the column that the user names or from those that look like it.

    Args:
        table: The table; rows that name no split are noted as its problems.
        others: The columns that hold neither paths nor labels nor groups.
        given: The column that the user names; `none` for none.
        where: What the user calls the table.

    Raises:
        DataError: A column looks like splits and doesn't say which rows are held out, or several
            contradict each other.
    """
    none = TableSplits(np.full(len(table.rows), NO_SPLIT, dtype=np.int64))
    if given == NO_COLUMN and NO_COLUMN not in table.columns:
        return none
    remarks: tuple[str, ...] = ()
    if given is not None:
        found = _named(table, named_column(list(table.columns), given, "split", where), where)
    else:
        readings, remarks = _looked_for(table, others, where)
        if not readings:
            return none._replace(remarks=remarks)
        found = readings[0]
        for other in readings[1:]:
            if not np.array_equal(found.codes, other.codes):
                raise DataError(
                    f"`{where}` has columns that say different splits: "
                    f"{either_of(found.columns)} and {either_of(other.columns)}",
                    hint="name the one to use with `--split-column`",
                )
    _note_problems(table, found)
    said = ", ".join(f"`{name}`" for name in found.columns)
    meaning = f" ({found.meaning})" if found.meaning else ""
    return TableSplits(found.codes, found.columns, f"splits from {said}{meaning}", remarks)


def _looked_for(
    table: Table, others: Sequence[str], where: str
) -> tuple[list[_Reading], tuple[str, ...]]:
    """What columns say that look like splits, and remarks on those that aren't used."""
    readings: list[_Reading] = []
    flags: dict[str, str] = {}
    remarks: list[str] = []
    for name in others:
        cells = _values(table, name)
        flag = _flag(name)
        if flag and _are_flags(cells):
            flags[name] = flag
        elif _names_splits(name, cells):
            reading = _read(table, name)
            if reading is None or (flag and not all(map(split_of, cells))):
                raise _unclear(name, _shown(cells), where)
            readings.append(reading)
        elif cells and _looks_like_splits(name, cells):
            raise _unclear(name, _shown(cells), where)
        elif cells and _key(name) in VAGUE_NAMES:
            remarks.append(
                f"column `{name}` names no splits and isn't used for them: {_shown(cells)}"
            )
    if flags:
        readings.append(_flags(table, flags))
        if (readings[-1].codes == TRAIN).mean() < 0.5:
            raise _unclear("` and `".join(flags), "less than half would be left to train", where)
    return readings, tuple(remarks)


def _named(table: Table, name: str, where: str) -> _Reading:
    """What the column says that the user names, whatever its name is."""
    check_text(table.columns[name], name, where=where)
    cells = _values(table, name)
    flag = _flag(name)
    if flag and _are_flags(cells):
        return _flags(table, {name: flag})
    reading = _read(table, name)
    if reading is None and (_are_numbers(cells) or _are_flags(cells)):
        raise _unclear(name, _shown(cells), where)
    return reading or _words(table, name)


def _read(table: Table, name: str) -> _Reading | None:
    """The splits that a column names by words or numbers; None where it names none."""
    values = _values(table, name)
    if _are_words(values):
        return _words(table, name)
    numbers = {cell.removesuffix(".0") for cell in values}
    if "fold" in _key(name) or not {"0"} <= numbers <= {"0", "1", "2"}:
        return None
    meanings = {"0": TRAIN, "1": VALIDATION if "2" in numbers else TEST, "2": TEST}
    cells, codes = coded(table.columns[name])
    splits = np.array([meanings.get(cell.removesuffix(".0"), UNKNOWN) for cell in cells])[codes]
    if _is_train_small(splits):  # then 0 and 1 probably mean something else
        return None
    said = [f"{number} is {SPLITS[meanings[number]]}" for number in sorted(numbers)]
    return _Reading((name,), splits, ", ".join(said))


def _words(table: Table, name: str) -> _Reading:
    cells, codes = coded(table.columns[name])
    splits = [split_of(cell) for cell in cells]
    values = np.array([SPLITS.index(split) if split else UNKNOWN for split in splits])
    return _Reading((name,), values[codes])


def _flags(table: Table, split_of_column: Mapping[str, str]) -> _Reading:
    """The splits that columns of yes and no say together, by the split that each stands for."""
    is_in = np.zeros((len(SPLITS), len(table.rows)), dtype=bool)
    is_known = np.ones(len(table.rows), dtype=bool)
    told = {name: SPLITS.index(split) for name, split in split_of_column.items()}
    for name, split in told.items():
        cells, codes = coded(table.columns[name])
        is_mark = {cell.lower() for cell in cells} - {""} == MARK
        is_known &= np.array([cell != "" or is_mark for cell in cells])[codes]
        is_in[split] |= np.array([ANSWERS.get(cell.lower(), False) for cell in cells])[codes]
    rest = next((code for code in (TRAIN, TEST, VALIDATION) if code not in told.values()), UNKNOWN)
    splits = np.where(is_in.any(axis=0), is_in.argmax(axis=0), rest)
    splits[(is_in.sum(axis=0) > 1) | ~is_known] = UNKNOWN
    meaning = "" if rest == UNKNOWN else f"the other images are {SPLITS[rest]}"
    return _Reading(tuple(split_of_column), splits, meaning)


def _key(name: str) -> str:
    """The form of a column's name in which it is recognised."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _is_splitting(name: str) -> bool:
    """Whether a column is named for splits, whatever is in it."""
    words = {word.rstrip("0123456789") for word in words_of(name)} - {""}
    is_about = words & SPLITTING_WORDS or ("train" in words and len(words & PART_WORDS) > 1)
    return bool(is_about) and words <= SPLITTING_WORDS | PART_WORDS | BESIDE_WORDS


def _flag(name: str) -> str | None:
    """The split that a column's name asks about: `is_test`, `for_training`, `valid`; or None."""
    found = FLAG.fullmatch("_".join(words_of(name)))
    return split_of(found["word"]) if found else None


def _asks(name: str) -> bool:
    """Whether a column's name can only mean a split: `is_test`, `held_out`, not a mere `test`."""
    words = "_".join(words_of(name))
    found = FLAG.fullmatch(words)
    is_question = found is not None and found["word"] != words
    return _flag(name) is not None and (is_question or "holdout" in words)


def _values(table: Table, name: str) -> list[str]:
    """The different cells of a column that aren't empty; none for images and lists."""
    cells = table.columns[name]
    return [cell for cell in coded(cells)[0] if cell] if is_text(cells) else []


def _are_words(values: Sequence[str]) -> bool:
    """Whether some values are names of splits; the others are mistakes, then."""
    return any(map(split_of, values))


def _names_splits(name: str, values: Sequence[str]) -> bool:
    """Whether a column holds splits, by its name or by its values."""
    is_named = _key(name) in VAGUE_NAMES or _flag(name)
    if _is_splitting(name) or (is_named and _are_words(values)):
        return True
    # Whatever its name is: train and others, and nothing else.
    return len(values) > 1 and all(map(split_of, values)) and "train" in map(split_of, values)


def _looks_like_splits(name: str, values: Sequence[str]) -> bool:
    """Whether a column seems to say what is held out, in a way that can't be read."""
    if _key(name) in VAGUE_NAMES and (_are_numbers(values) or _are_flags(values)):
        return True
    if _asks(name) or (_flag(name) and PLAIN_ANSWERS & {value.lower() for value in values}):
        return True
    # Each mentions a split, as `Training` and `PublicTest` do.
    splits = set(map(split_in, values)) if len(values) <= SHOWN else set()
    return len(splits) > 1 and "train" in splits and all(map(mentions_split, values))


def _are_numbers(values: Sequence[str]) -> bool:
    return bool(values) and all(map(NUMBER.fullmatch, values))


def _are_flags(values: Sequence[str]) -> bool:
    return bool(values) and {value.lower() for value in values} <= ANSWERS.keys()


def _is_train_small(codes: NDArray[np.int64]) -> bool:
    """Whether train has less than half of the rows, or no more than another split."""
    counts = np.bincount(codes[codes != UNKNOWN], minlength=len(SPLITS))
    return bool(counts[TRAIN] * 2 < len(codes) or counts[TRAIN] <= counts[1:].max())


def _shown(values: Sequence[str]) -> str:
    more = " ..." if len(values) > SHOWN else ""
    return ", ".join(f"`{shown(value)}`" for value in values[:SHOWN]) + more


def _unclear(name: str, why: str, where: str) -> DataError:
    return DataError(
        f"column `{name}` of `{where}` looks like splits, and which images are held out isn't "
        f"clear: {why}",
        hint="write train, val and test into it, or name another column with `--split-column`; "
        f"`--split-column {NO_COLUMN}` uses none",
    )


def _note_problems(table: Table, found: _Reading) -> None:
    """Notes the rows that name no split, or several."""
    unknown = np.flatnonzero(found.codes == UNKNOWN)

    def describe(index: int) -> str:
        row = int(unknown[index])
        cells = [table.columns[name][row].as_py() for name in found.columns]
        columns = " and ".join(f"`{name}`" for name in found.columns)
        if not all(cells):
            return f"column {columns}: is empty"
        if len(cells) > 1:
            return f"columns {columns}: name several splits, or none"
        names = either_of(SHOWN_SPLITS)
        return f"column {columns}: `{shown(cells[0])}` is no split; say {names}"

    table.problems.add(table.rows[unknown], describe)
