"""YAML as people mean it: null, true, false and decimal numbers; no aliases, no tags.

The library reads YAML 1.1, where `no` is False, `010` is 8, `1:30` is 90 and the last of two equal
names wins. So only its parser is used, which splits a text into scalars, sequences and mappings;
what a scalar means is said here. Names are always text, and so are `0x1F`, `0o17` and `.inf`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 8  # of lists and mappings in each other; a recipe has two
CONSTANTS = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class PlainScalar(str):
    """A scalar without quotes: text, or a number, a truth value or nothing, as its place wants."""

    __slots__ = ()


def parse_yaml(text: str) -> Any:
    """The content of a YAML text: scalars, lists of them and mappings with text as names.

    A scalar without quotes is a `PlainScalar`, which `value_of` resolves.

    Raises:
        ValueError: It is no YAML, or has a name twice, an alias, a tag, a second document, or more
            than `MAX_DEPTH` levels.
    """
    import yaml  # imported late: it takes a tenth of the time of `--help`

    try:
        events = yaml.parse(text, yaml.SafeLoader)
        content = [_node(event, events, 0) for event in events if isinstance(event, yaml.NodeEvent)]
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{error.problem or error.context}{line}") from error
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (OverflowError, RecursionError) as error:  # characters and versions beyond all limits
        raise ValueError("it is no YAML") from error
    if len(content) > 1:
        raise ValueError("it has a second document behind `---`")
    return content[0] if content else None


def value_of(content: Any) -> Any:
    """The content with its plain scalars resolved to numbers, truth values, None or text."""
    if isinstance(content, dict):
        return {name: value_of(value) for name, value in content.items()}
    if isinstance(content, list):
        return [value_of(value) for value in content]
    return _resolved(content) if isinstance(content, PlainScalar) else content


def text_of(content: Any) -> Any:
    """The content where text is wanted: what is written, or None for nothing."""
    if isinstance(content, PlainScalar):
        return None if _resolved(content) is None else str(content)
    return content


def dump_yaml(values: dict[str, Any]) -> str:
    """The values as YAML, in their order, which `parse_yaml` and YAML 1.1 read alike."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Puts quotes around text that is a number in one of the two only, as `1e3`."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def quoted(dumper: Dumper, text: str) -> yaml.Node:
        # Between single quotes the library writes some ends of lines that it reads as another.
        style = None if text.isprintable() else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, quoted)
    Dumper.add_implicit_resolver("convscope:number", re.compile(f"(?:{NUMBER.pattern})$"), None)
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def _resolved(text: str) -> Any:
    if text in CONSTANTS:
        return CONSTANTS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return str(text)


def _node(event: Any, events: Iterator[Any], depth: int) -> Any:
    """The value that begins with an event; the events that belong to it are taken."""
    import yaml

    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent):
        raise ValueError(f"the alias `*{event.anchor}` in line {line} isn't read; write it out")
    if event.tag is not None:
        raise ValueError(f"the tag `{event.tag}` in line {line} isn't read; leave it out")
    if isinstance(event, yaml.ScalarEvent):
        if any("\ud800" <= letter <= "\udfff" for letter in event.value):
            raise ValueError(f"line {line} has half of a character")
        return PlainScalar(event.value) if event.style is None else event.value
    if depth == MAX_DEPTH:
        raise ValueError(f"line {line} lies more than {MAX_DEPTH} levels deep")
    is_list = isinstance(event, yaml.SequenceStartEvent)
    return _list(events, depth) if is_list else _mapping(events, depth)


def _list(events: Iterator[Any], depth: int) -> list[Any]:
    import yaml

    values: list[Any] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        values.append(_node(event, events, depth + 1))
    return values


def _mapping(events: Iterator[Any], depth: int) -> dict[str, Any]:
    import yaml

    values: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        name, line = _node(event, events, depth + 1), event.start_mark.line + 1
        if not isinstance(name, str):
            raise ValueError(f"line {line} has a list or mapping where a name is wanted")
        if name in values:
            raise ValueError(f"`{name}` stands there a second time in line {line}")
        values[str(name)] = _node(next(events), events, depth + 1)
    return values
