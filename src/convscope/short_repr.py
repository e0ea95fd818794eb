"""What objects show of themselves: one line where they are printed, a view in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

from convscope.text import one_line

MOST_LETTERS = 280
LONGEST_TEXT, LONGEST_SENTENCE = 60, 240
MOST_PARTS = 4  # numbers or names of a sequence that are shown one by one


class Shown:
    """Base of what has a view in notebooks, which `api/notebook.py` knows."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return html_view(self)


def html_view(shown: object) -> str:
    """The view of an object in a notebook, as `api/notebook.py` draws it."""
    html: str = import_module("convscope.api.notebook").html_of(shown)
    return html


def short_repr(self: Any) -> str:
    """The `__repr__` of a dataclass or named tuple: long fields by their shape or size."""
    parts = []
    left = MOST_LETTERS - len(type(self).__name__)
    names = (
        [each.name for each in fields(self) if each.repr] if is_dataclass(self) else self._fields
    )
    for name in names:
        text = f"{name}={_shown(getattr(self, name))}"
        left -= len(text) + 2
        if left < 0:
            parts.append("...")
            break
        parts.append(text)
    return f"{type(self).__name__}({', '.join(parts)})"


def _shown(value: object) -> str:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        kind = str(getattr(value, "dtype", "")).removeprefix("torch.")
        return f"<{kind} {'x'.join(map(str, shape))}>"
    if isinstance(value, str):
        return repr(one_line(value, at_most=LONGEST_TEXT))
    if isinstance(value, float):
        return f"{value:.6g}"
    if is_dataclass(value) or isinstance(value, Mapping):
        return _named(value)
    if isinstance(value, Sequence):
        is_short = len(value) <= MOST_PARTS and all(_is_plain(part) for part in value)
        return repr(value) if is_short else _named(value)
    return one_line(repr(value), at_most=LONGEST_TEXT)


def _is_plain(value: object) -> bool:
    is_short_text = isinstance(value, str) and len(value) <= LONGEST_TEXT // MOST_PARTS
    return is_short_text or isinstance(value, int | float | None)


def _named(value: object) -> str:
    """The kind of a value, with the number of its parts where it has some."""
    size = f" of {len(value)}" if isinstance(value, Sized) else ""
    return f"<{type(value).__name__}{size}>"
