"""Writes what is generated from what is declared elsewhere.

`docs/coverage.md` is made from `docs/coverage.yaml`; `src/convscope/__init__.pyi`, which type
checkers and editors read in place of the package, from its public names and their signatures.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from inspect import Parameter
from pathlib import Path
from typing import Any, get_overloads

import numpy as np
import yaml

import convscope
from convscope.signatures import FullSignature, TypeText, written_signature

DOCS = Path(__file__).parent
STUB = DOCS.parent / "src" / "convscope" / "__init__.pyi"
WRITTEN_OUT = (bool, int, float, str, type(None))  # defaults; those of other types are dots
KINDS = {
    "N": "network",
    "A": "arithmetic",
    "T": "training",
    "D": "data",
    "C": "claim",
    "Q": "question",
}


def coverage() -> str:
    """The page on which ids of the notes are run by which command."""
    rows = yaml.safe_load((DOCS / "coverage.yaml").read_text(encoding="utf-8"))
    done = {name: row for name, row in rows.items() if row["command"] != "open"}
    lines = [
        "# Coverage of the study notes",
        "",
        "Which id of the notes is run by which command. Made by `make docs` from "
        "`docs/coverage.yaml`; don't edit.",
        "",
        f"{len(done)} of {len(rows)} ids are covered. An id counts when a user can run it and a "
        "test checks its numbers; an id that is a claim too counts by its network, its arithmetic "
        "or its training until claims can be run.",
        "",
        "| id | kind | command |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {_kinds(row['kinds'])} | `{row['command']}` |" for name, row in done.items()
    ]
    lines += ["", "## Still open", ""]
    lines.append(
        ", ".join(f"{name} ({row['kinds']})" for name, row in rows.items() if name not in done)
    )
    return "\n".join(lines) + "\n"


def _kinds(letters: str) -> str:
    return ", ".join(KINDS[letter] for letter in letters.split(","))


def stub() -> str:
    """The public names for type checkers and editors, with the signatures that `help` shows."""
    imports: dict[str, str] = {}
    functions: list[str] = []
    for name in convscope.__all__:
        public = getattr(convscope, name)
        if "__signature__" not in vars(public) or not inspect.isfunction(public):
            imports[name] = f"from {public.__module__} import {name} as {name}"
            continue
        full: Any = inspect.signature(public)
        forms = [_form(each, full) for each in get_overloads(inspect.unwrap(public))]
        for form in forms or [full]:
            functions.append(("@overload\n" if forms else "") + _definition(name, form))
            for kind in _classes(form):
                imports.setdefault(kind.__name__, _import(kind))
    if any(text.startswith("@overload") for text in functions):
        imports["overload"] = "from typing import overload"
    return "\n".join(
        [
            "# Made by `make docs` from the public names and what they take; don't edit.",
            *sorted(imports.values()),
            "",
            "__version__: str",
            "__all__: list[str]",
            "",
            "\n\n".join(functions),
            "",
        ]
    )


def _form(overload: Any, full: FullSignature) -> FullSignature:
    """The signature of an overload, with the options of the whole function."""
    own = written_signature(overload)
    kept = [each for each in own.parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    more = [each for name, each in full.parameters.items() if name not in own.parameters]
    return own.replace(parameters=[*kept, *more])


def _definition(name: str, full: FullSignature) -> str:
    shown = full.replace(parameters=[_shown(each) for each in full.parameters.values()])
    return f"def {name}{shown}: ..."


def _shown(parameter: Parameter) -> Parameter:
    default = parameter.default
    if default is Parameter.empty or isinstance(default, WRITTEN_OUT):
        return parameter
    return parameter.replace(default=TypeText("..."))


def _classes(full: FullSignature) -> Iterable[Any]:
    texts = [each.annotation for each in full.parameters.values()]
    for text in (*texts, full.return_annotation):
        yield from (each for each in text.classes if each.__module__ != "builtins")


def _import(kind: Any) -> str:
    if kind is np.ndarray:
        return "from numpy.typing import NDArray"
    module = kind.__module__.partition("._")[0]  # `pathlib._local` is where Python 3.13 has it
    return f"from {module} import {kind.__name__}"


if __name__ == "__main__":
    (DOCS / "coverage.md").write_text(coverage(), encoding="utf-8")
    STUB.write_text(stub(), encoding="utf-8")
