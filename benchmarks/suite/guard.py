"""The regression guard: results that are kept, and ratios that fell since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LARGEST_FALL = 0.15
FORMAT = 1
SAME_MACHINE = ("cpu", "cores", "threads", "gpu")

Result = dict[str, Any]


def read_results(folder: Path) -> dict[str, Result]:
    """The kept results by name of the comparison."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def fallen(before: Result, now: Result) -> list[str]:
    """Sentences about each ratio that fell by more than 15 %; none between two machines."""
    sentences = []
    for title, pair in now["peers"].items() if is_same_machine(before, now) else ():
        old = before["peers"].get(title, {}).get("ratio")
        new = pair["ratio"]
        if old is not None and new is not None and new < old * (1 - LARGEST_FALL):
            sentences.append(
                f"{now['name']}: the ratio against {title} fell from {old:.2f} to {new:.2f}"
            )
    return sentences


def is_same_machine(before: Result, now: Result) -> bool:
    """Whether two results can be compared."""
    return all(before["machine"].get(key) == now["machine"].get(key) for key in SAME_MACHINE)


def merged(before: Result | None, now: Result) -> Result:
    """The new result, with the peers that only the last one has, if the machine is the same."""
    if before is None or not is_same_machine(before, now):
        return now
    return {**now, "peers": {**before["peers"], **now["peers"]}}


def keep(folder: Path, result: Result) -> None:
    """Writes a result in place of the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **result}, indent=1)
    (folder / f"{result['name']}.json").write_text(text + "\n")
