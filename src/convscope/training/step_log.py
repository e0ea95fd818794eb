"""A machine-readable log: one line of JSON a step, in `log/steps.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from convscope.files import write_text
from convscope.training.tally import StepRow


class StepLog:
    """Appends a line for each step: step, learning rate, loss, images, right predictions.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, step: int) -> None:
        """Drops what is on record of a step and all after it: they are done again."""
        kept: list[str] = []
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                try:
                    if json.loads(line)["step"] < step:
                        kept.append(line + "\n")
                except ValueError:
                    break  # cut off by a kill
        write_text(self._path, "".join(kept))

    def write(self, rows: Sequence[StepRow]) -> None:
        """Adds lines."""
        lines = [json.dumps(row._asdict()) + "\n" for row in rows]
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
