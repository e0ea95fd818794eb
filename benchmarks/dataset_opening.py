"""Seconds to open large data sets, and ratios to reading the same in the plainest way, in one run.

    python benchmarks/dataset_opening.py

A table of a million rows as CSV (against a loop over `csv.reader` that collects paths and labels)
and as Parquet; 100,000 files in class folders (against torchvision's `ImageFolder` where it is
installed, else `os.walk`), as a zip and as a tar archive. No image is read.
"""

from __future__ import annotations

import argparse
import csv
import os
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet

from convscope import open_dataset

CLASSES = 100


def seconds(work: Callable[[], object], *, repeats: int = 3) -> float:
    """The least time that the work took."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def write_table(folder: Path, rows: int) -> Path:
    """A CSV of paths, labels, splits and patients, with a Parquet table of the same beside it."""
    (folder / "images").mkdir()
    (folder / "images" / "0000000.jpg").touch()
    path = folder / "photos.csv"
    with path.open("w") as file:
        file.write("path,label,split,patient\n")
        for row in range(rows):
            split = "val" if row % 7 == 0 else "train"
            file.write(f"images/{row:07d}.jpg,{row % CLASSES},{split},p{row // 10}\n")
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), path.with_suffix(".parquet"))
    return path


def read_plainly(path: Path) -> tuple[list[str], list[str]]:
    """Paths and labels, row by row."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        paths, labels = [], []
        for row in rows:
            paths.append(row[0])
            labels.append(row[1])
    return paths, labels


def write_files(folder: Path, count: int) -> list[str]:
    """Empty files in class folders, and the same in a zip and a tar beside the folder."""
    names = [f"class{index % CLASSES:03d}/{index:06d}.jpg" for index in range(count)]
    for index in range(CLASSES):
        (folder / f"class{index:03d}").mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with tarfile.open(folder.with_suffix(".tar"), "w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), BytesIO())
    return names


def plain_listing() -> tuple[str, Callable[[str], object]]:
    """The peer that lists class folders: its name, and a call of it."""
    try:
        from torchvision.datasets import ImageFolder
    except (ImportError, RuntimeError):
        return "os.walk", lambda folder: [names for _, _, names in os.walk(folder)]
    return "ImageFolder", ImageFolder


def main() -> None:
    """Measures, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        table = write_table(Path(temporary), arguments.rows)
        plain = seconds(lambda: read_plainly(table))
        print(f"{arguments.rows:,} rows, csv.reader in a loop: {plain:.2f} s")
        for path in (table, table.with_suffix(".parquet")):
            ours = seconds(lambda path=path: open_dataset(path, group_column="patient"))  # type: ignore[misc]
            print(f"{arguments.rows:,} rows, {path.suffix}: {ours:.2f} s, {ours / plain:.2f} times")
        folder = Path(temporary) / "files"
        write_files(folder, arguments.files)
        peer, listing = plain_listing()
        plain = seconds(lambda: listing(str(folder)))
        print(f"{arguments.files:,} files, {peer}: {plain:.2f} s")
        for path in (folder, folder.with_suffix(".zip"), folder.with_suffix(".tar")):
            ours = seconds(lambda path=path: open_dataset(path))  # type: ignore[misc]
            kind = path.suffix or "folder"
            print(f"{arguments.files:,} files, {kind}: {ours:.2f} s, {ours / plain:.2f} times")


if __name__ == "__main__":
    main()
