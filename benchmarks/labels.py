"""How well suspect labels are named: `python benchmarks/labels.py DATA [--seeds 5] [--move 20]`.

Copies DATA (class folders), moves random photos into other classes' folders, trains, and runs
`check` with and without the run. Prints a row of a Markdown table for each seed: of what is listed,
how much was moved, and of what was moved, how much is listed. In the first row nothing was moved:
what is listed there is the classifier's mistakes, or labels that were wrong before.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import convscope
from convscope.audit.result import Audit

COLUMNS = ("photos", "moved", "listed", "found", "of the first 20", "named without a run")


class Counts(NamedTuple):
    """What came of one check: numbers of photos."""

    photos: int
    moved: int
    listed: int
    found: int
    found_first: int
    named_without: int


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--move", type=int, default=20)
    parser.add_argument("--tune", default="head", help="which layers are trained")
    given = parser.parse_args()
    print(f"| seed | {' | '.join(COLUMNS)} |\n|{' --- |' * (1 + len(COLUMNS))}")
    print(row("none", counts(given.data, move=0, seed=0, tune=given.tune)), flush=True)
    found = []
    for seed in range(given.seeds):
        found.append(counts(given.data, move=given.move, seed=seed, tune=given.tune))
        print(row(str(seed), found[-1]), flush=True)
    total = Counts(*np.sum(found, axis=0).tolist())
    print(row("all", total))
    print(
        f"precision {total.found / max(1, total.listed):.0%}, "
        f"recall {total.found / max(1, total.moved):.0%}"
    )


def counts(data: Path, *, move: int, seed: int, tune: str) -> Counts:
    """What is named after some photos were moved."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, data.name)
        shutil.copytree(data, folder)
        photos = sorted(path for path in folder.rglob("*") if path.is_file())
        moved = {
            moved_photo(photos[index], seed)
            for index in np.random.default_rng(seed).permutation(len(photos))[:move]
        }
        names = {path.relative_to(folder).as_posix() for path in moved}
        run = convscope.train(folder, project=Path(place, "runs"), tune=tune)
        listed = named(convscope.check(folder, run=run).audit, "suspect_labels")
        without = named(convscope.check(folder).audit)
    hits = [name in names for name in listed]
    return Counts(
        len(photos), len(moved), len(hits), sum(hits), sum(hits[:20]), len(names & {*without})
    )


def moved_photo(photo: Path, seed: int) -> Path:
    """Where a photo lies after it was moved into another class's folder of its split."""
    others = sorted(set(photo.parents[1].iterdir()) - {photo.parent})
    draw = np.random.default_rng([seed, sum(photo.name.encode())])
    return photo.rename(others[int(draw.integers(len(others)))] / photo.name)


def named(audit: Audit, *kinds: str) -> list[str]:
    """The images that findings name, of some kinds or of any."""
    return [
        image.name
        for found in audit.findings
        for image in found.images
        if not kinds or found.kind in kinds
    ]


def row(name: str, found: Counts) -> str:
    """A row of the table."""
    return f"| {name} | {' | '.join(map(str, found))} |"


if __name__ == "__main__":
    main()
