"""Writes the generated pages: `docs/coverage.md` from `docs/coverage.yaml`."""

from __future__ import annotations

from pathlib import Path

import yaml

DOCS = Path(__file__).parent
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


if __name__ == "__main__":
    (DOCS / "coverage.md").write_text(coverage(), encoding="utf-8")
