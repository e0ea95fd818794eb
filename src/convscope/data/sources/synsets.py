"""ImageNet's layout: folders named by WordNet's synsets, and the tables that give them names."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from convscope.data.sources.listing import read_whole
from convscope.data.sources.places import Place
from convscope.files import printable

SYNSET = re.compile(r"n\d{8}")
NAME_TABLES = (
    "LOC_synset_mapping.txt",
    "synset_words.txt",
    "words.txt",
    "wnid_to_name.txt",
    "wnid_to_name.json",
    "imagenet_class_index.json",
    "Labels.json",
)
LEVELS_ABOVE = 3  # the table of ILSVRC lies three folders above `ILSVRC/Data/CLS-LOC`
MAX_BYTES = 64 << 20
_LINE = re.compile(r"(n\d{8})[\s,:]+(.+)")


def name_synsets(names: Sequence[str], place: Place) -> tuple[list[str], list[str]]:
    """Class names in words, where class folders are synsets and a table beside them names them.

    A class is called by the first name of its synset; where two synsets share it (`crane`), the
    synset follows in brackets.

    Args:
        names: Of class folders; each may occur in several splits.
        place: Where they lie; the table lies there or up to three folders above.

    Returns:
        The new names in the same order, and remarks.
    """
    if not all(SYNSET.fullmatch(name) for name in names):
        return list(names), []
    table, where = _find_table(place)
    if not table:
        return list(names), [
            "class folders are synsets and no table that names them lies beside them "
            f"({', '.join(NAME_TABLES[:3])}); classes are called by their synsets"
        ]
    shared = Counter(table[synset] for synset in set(names) if synset in table)
    named = []
    for synset in names:
        word = table.get(synset, synset)
        named.append(f"{word} ({synset})" if shared[word] > 1 else word)
    unnamed = len({synset for synset in names if synset not in table})
    rest = f"; {unnamed} of them are not in it" if unnamed else ""
    return named, [f"synsets are called by their first names in `{printable(where)}`{rest}"]


def _find_table(place: Place) -> tuple[dict[str, str], str]:
    """The first name of each synset and the file that says so; ({}, "") if there is none."""
    for name in NAME_TABLES:
        if place.reader.exists(name):
            table = _read(place.reader.read(name, max_bytes=MAX_BYTES), name)
            if table:
                return table, name
    for folder in list(place.path.resolve().parents)[:LEVELS_ABOVE]:
        for path in (folder / name for name in NAME_TABLES):
            if path.is_file():
                table = _read(read_whole(path, max_bytes=MAX_BYTES), path.name)
                if table:
                    return table, str(path)
    return {}, ""


def _read(content: bytes, name: str) -> dict[str, str]:
    """Synsets with their first names, from lines or from JSON; empty if it is something else."""
    text = content.decode("utf-8-sig", "replace")
    if name.endswith(".json"):
        try:
            pairs = _pairs(json.loads(text))
        except (ValueError, RecursionError):
            return {}
    else:
        lines = map(_LINE.fullmatch, text.splitlines())
        pairs = [(found[1], found[2]) for found in lines if found]
    return {
        synset: str(words).split(",")[0].strip().replace("_", " ")
        for synset, words in pairs
        if str(words).split(",")[0].strip()
    }


def _pairs(content: Any) -> list[tuple[str, Any]]:
    """Synsets and words in a JSON object: `{synset: words}` or `{index: [synset, words]}`."""
    pairs: list[tuple[str, Any]] = []
    for key, value in content.items() if isinstance(content, dict) else ():
        if SYNSET.fullmatch(key):
            pairs.append((key, value))
        elif isinstance(value, list) and len(value) == 2 and SYNSET.fullmatch(str(value[0])):
            pairs.append((value[0], value[1]))
    return pairs
