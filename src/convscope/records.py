"""Records: files with a declared content, which is checked before anything uses it.

JSON and tables have one way in: a regular file of bounded size and depth, finite
numbers, no name twice, and every field as a schema declares it. Errors name the file and the field.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from convscope.errors import RunError
from convscope.files import from_cell, printable, read_regular, seal_of
from convscope.text import counted, listed, shown

MAX_BYTES = 1 << 30  # of a file; the splits and mistakes of ten million images are smaller
ROWS_AT_ONCE = 10_000  # of a table
SEAL = "sha256"  # field with the hash of all others, where a file has one


class FileSchema(BaseModel):
    """Base of what files hold: no field is missing, unknown, of another type or non-finite.

    Attributes:
        formats: Values that `format` may have; empty where a file has no such field.
        sealed_from: The first format of which each file has a seal; None where none has to.
        way_out: Hint of the errors of such a file.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )
    formats: ClassVar[tuple[int, ...]] = ()
    sealed_from: ClassVar[int | None] = None
    way_out: ClassVar[str | None] = None


def read_json(path: Path, schema: type[FileSchema]) -> dict[str, Any]:
    """The object in a JSON file, without its seal.

    Raises:
        RunError: The file is missing, was changed, or isn't what the schema declares.
    """
    return parse_json(_content(path, schema.way_out), path, schema)


def parse_json(content: bytes, path: Path, schema: type[FileSchema]) -> dict[str, Any]:
    """The object in the content of the JSON file at `path`, without its seal.

    Raises:
        RunError: It was changed, or isn't what the schema declares.
    """
    values = json_object(content, path, schema.way_out)
    seal = values.pop(SEAL, None)
    # Before the format: one that a damaged disk made up is no news of another version.
    if seal is not None and seal != seal_of(values):
        _refuse(path, "it was changed after it was written", schema.way_out)
    check_format(values, path, schema.formats)
    if seal is None and schema.sealed_from is not None and values["format"] >= schema.sealed_from:
        _refuse(path, f"`{SEAL}` is missing", schema.way_out)
    check_fields(values, path, schema)
    return values


def json_object(content: bytes, path: Path, hint: str | None = None) -> dict[str, Any]:
    """The JSON object in the content of the file at `path`, of which no field is checked.

    Raises:
        RunError: It is none, has a name twice or a number that isn't finite.
    """
    try:
        from_json(content)  # the stricter parser: bounded depth, no halves of characters
        values = json.loads(
            content,
            object_pairs_hook=_without_repetition,
            parse_constant=_no_number,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise refusal(path, f"it is no JSON: {error}", hint) from error
    if not isinstance(values, dict):
        _refuse(path, "it holds no JSON object", hint)
    return values


def check_fields(values: Mapping[str, Any], path: Path, schema: type[FileSchema]) -> None:
    """Refuses an object that isn't what a schema declares.

    Raises:
        RunError: It isn't; all fields that are wrong are named.
    """
    try:
        schema.model_validate(values)
    except ValidationError as error:
        _refuse_fields(path, error, schema.way_out)


def check_format(values: Mapping[str, Any], path: Path, known: Sequence[int]) -> None:
    """Refuses a file whose `format` this version does not know.

    Raises:
        RunError: The format is missing or another one; not where none is known.
    """
    found = values.get("format")
    if known and (type(found) is not int or found not in known):
        raise RunError(
            f"`{printable(path)}` has format {shown(found)}, this version of convscope reads "
            f"format {max(known)}",
            hint="install the version of convscope that wrote it, or a newer one",
        )


def read_table(path: Path, schema: type[FileSchema]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file whose columns are the schema's fields, in their order.

    They are checked and given part by part, as millions of them together take gigabytes.

    Raises:
        RunError: The file is missing, or isn't what the schema declares.
    """
    columns = columns_of(schema)
    content = io.BytesIO(_content(path, schema.way_out))
    table = csv.reader(io.TextIOWrapper(content, encoding="utf-8", newline=""), strict=True)
    try:
        _check_header(path, next(table, []), columns, schema.way_out)
        num_before = 0
        while part := list(islice(table, ROWS_AT_ONCE)):
            yield from _checked(part, path, schema, columns, num_before=num_before)
            num_before += len(part)
    except (UnicodeDecodeError, csv.Error) as error:
        _refuse(path, f"it is no table: {error}", schema.way_out)


def columns_of(schema: type[FileSchema]) -> list[str]:
    """The columns of a table whose rows a schema declares."""
    return [field.alias or name for name, field in schema.model_fields.items()]


def _check_header(
    path: Path, header: Sequence[str], columns: Sequence[str], hint: str | None
) -> None:
    for column in columns:
        if column not in header:
            _refuse(path, f"it has no column `{column}`", hint)
    if header != columns:
        _refuse(path, f"its columns aren't {', '.join(columns)}", hint)


def _checked(
    table: Sequence[Sequence[str]],
    path: Path,
    schema: type[FileSchema],
    columns: Sequence[str],
    *,
    num_before: int,
) -> list[dict[str, str]]:
    """Some rows of a table, as the schema declares them, behind so many others."""
    for number, row in enumerate(table, num_before + 2):  # the header is the first
        if len(row) != len(columns):
            what = f"row {number} has {counted(len(row), 'cell')}, not {len(columns)}"
            _refuse(path, what, schema.way_out)
    rows = [dict(zip(columns, map(from_cell, row), strict=True)) for row in table]
    try:
        TypeAdapter(list[schema]).validate_python(rows, strict=False)  # type: ignore[valid-type]
    except ValidationError as error:
        _refuse_fields(path, error, schema.way_out, num_before=num_before)
    return rows


def refusal(path: Path, why: str, hint: str | None = None) -> RunError:
    """The error for a file that can't be used."""
    return RunError(f"`{printable(path)}` can't be used: {why}", hint=hint)


def field_problem(detail: ErrorDetails, *, num_before: int = 0) -> str:
    """What is wrong with a field, as pydantic found it: "`epochs` can't be `0`: it must ...".

    Args:
        detail: What pydantic found.
        num_before: Number of rows of the table that were checked before.
    """
    where = detail["loc"]
    if where and isinstance(where[0], int):  # a row of a table, behind the header
        row, where = f" in row {num_before + where[0] + 2}", where[1:]
    else:
        row = ""
    name = ".".join(str(part) for part in where)
    if detail["type"] == "missing":
        return f"`{name}` is missing{row}"
    if detail["type"] == "extra_forbidden":
        return f"there is no field `{shown(name)}`{row}"
    if not name:
        return reason_of(detail)
    return f"`{shown(name)}` can't be `{shown(detail['input'])}`{row}: {reason_of(detail)}"


def reason_of(detail: ErrorDetails) -> str:
    """Why a value can't be, in a sentence that follows a colon."""
    message = detail["msg"]
    if detail["type"] == "literal_error":
        return f"it must be {detail['ctx']['expected']}"
    if detail["type"] == "value_error":  # ours
        return message.removeprefix("Value error, ")
    limit = message.partition(",")[0]  # what follows is the library's own affair
    _, should, rest = limit.partition(" should ")  # of input, a text, a list
    return f"it must {rest}" if should else limit


def _content(path: Path, hint: str | None) -> bytes:
    try:
        return read_regular(path, max_bytes=MAX_BYTES)
    except FileNotFoundError as error:
        raise RunError(f"`{printable(path)}` is missing", hint=hint) from error
    except OSError as error:
        raise RunError(
            f"`{printable(path)}` can't be read: {error.strerror or error}", hint=hint
        ) from error


def _without_repetition(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"it has `{shown(twice)}` twice")
    return values


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"`{text}` is no finite number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_number(shown(text))
    return number


def _refuse_fields(
    path: Path, error: ValidationError, hint: str | None, *, num_before: int = 0
) -> NoReturn:
    details = error.errors(include_url=False)
    problems = [field_problem(detail, num_before=num_before) for detail in details]
    if len(problems) == 1:
        raise refusal(path, problems[0], hint) from error
    raise refusal(path, f"{len(problems)} fields are wrong\n{listed(problems)}", hint) from error


def _refuse(path: Path, why: str, hint: str | None) -> NoReturn:
    raise refusal(path, why, hint)
