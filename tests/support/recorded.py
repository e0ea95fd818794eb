"""Records of trainings: as somebody would write them who knows the formats, seals included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from convscope.files import sha256, write_json, write_sealed_json
from convscope.run import Run


def recorded_run(place: Path, source: Run, *, recipe: str, **numbers: Any) -> Run:
    """The record of a training like another one.

    Args:
        place: Its folder, which is made.
        source: The other run.
        recipe: The text of its recipe.
        **numbers: What is different in its evaluation.
    """
    place.mkdir()
    run = Run(place)
    run.recipe_path.write_text(recipe, encoding="utf-8")
    for path in (source.environment_path, source.evaluation_path):
        (place / path.name).write_bytes(path.read_bytes())
    reseal(run, **numbers)
    return run


def reseal(run: Run, **numbers: Any) -> None:
    """Writes a run's evaluation again, with the hashes of the files as they are now."""
    record = json.loads(run.evaluation_path.read_text(encoding="utf-8"))
    run.evaluation_path.unlink()
    files = {"files": run.hash_files()}
    write_sealed_json(run.evaluation_path, {**_plain(record), **numbers, **files})


def turn_into_version_before(run: Run, *, hashes: bool) -> None:
    """Gives a finished run the files of versions whose evaluations had no seal.

    Args:
        run: The run.
        hashes: Whether it is of a version that wrote `hashes.json`.
    """
    record = json.loads(run.evaluation_path.read_text(encoding="utf-8"))
    files = record["files"]
    write_json(run.evaluation_path, {**_plain(record), "format": 2})
    if hashes:
        files["evaluation.json"] = sha256(run.evaluation_path)
        write_sealed_json(run.path / "hashes.json", {"format": 1, "files": files})


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("files", "sha256")}
