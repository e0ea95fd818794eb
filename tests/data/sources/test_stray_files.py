"""Files beside class folders that belong to no data set: they cost a remark, no time, no memory."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from conftest import MakeFolder
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

UNREADABLE = {
    "empty": ("notes.csv", b"", "has no header"),
    "blank": ("notes.tsv", b"  \n\n", "has no header"),
    "latin-1": ("notes.csv", "größe;häufigkeit\n1;2\n".encode("latin-1"), "is not UTF-8 in row 1"),
    "twice": ("notes.csv", b"a,b,a\n1,2,3\n", "has two columns called `a`"),
    "utf-16": ("notes.csv", b"\xff\xfe", "has no header"),
    "no-parquet": ("junk.parquet", b"PAR1 something else", "can't be read as Parquet"),
    "empty-parquet": ("junk.parquet", b"", "can't be read as Parquet"),
}
OTHERS = {
    "latin-1-rows": ("notes.csv", "name,note\nMüller,1\n".encode("latin-1")),
    "cut-letter": ("notes.csv", b"name,note\n" + "é".encode() * 600_000),
    "no-idx": ("faiss.idx", b"IxFI" + b"\1" * 999),
    "no-idx-packed": ("search.idx.gz", gzip.compress(b"IxFI" + b"\1" * 999)),
    "damaged-idx-packed": ("search.idx.gz", b"\x1f\x8b\x08" + b"\xff" * 99),
    "no-cifar": ("train.bin", b"\1" * 9999),
}


def zipped(folder: Path) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    return target


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_table_that_can_not_be_read_beside_class_folders_is_remarked(
    make_folder: MakeFolder, kind: str, is_packed: bool
) -> None:
    name, content, reason = UNREADABLE[kind]
    root = make_folder({"cats": 2, "dogs": 2})
    (root / name).write_bytes(content)
    dataset = open_dataset(zipped(root) if is_packed else root)
    assert dataset.classes == ("cats", "dogs")
    (remark,) = dataset.remarks
    assert remark.startswith("passed over beside class folders: `")
    assert f"{name}` {reason}" in remark


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_table_that_can_not_be_read_and_is_all_there_is_is_an_error(
    make_folder: MakeFolder, kind: str
) -> None:
    name, content, reason = UNREADABLE[kind]
    root = make_folder({"images": 2})
    (root / name).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        open_dataset(root)


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
def test_files_with_names_of_other_sources_are_no_matter_of_class_folders(
    make_folder: MakeFolder, kind: str, is_packed: bool
) -> None:
    name, content = OTHERS[kind]
    root = make_folder({"cats": 2, "dogs": 2})
    (root / name).write_bytes(content)
    dataset = open_dataset(zipped(root) if is_packed else root)
    assert dataset.classes == ("cats", "dogs")
    suffix = Path(name).suffix
    assert dataset.remarks == (
        f"files that are no images by their names were passed over: 1 {suffix}",
    )


@pytest.mark.parametrize("name", ["big.csv", "big.tsv", "faiss.idx", "images.idx.gz", "train.bin"])
def test_of_a_huge_file_beside_class_folders_only_the_beginning_is_read(
    make_folder: MakeFolder, name: str
) -> None:
    root = make_folder({"cats": 2, "dogs": 2})
    (root / name).write_bytes(b"name,note\n")
    os.truncate(root / name, 200 << 30)
    assert open_dataset(root).classes == ("cats", "dogs")


def test_of_a_huge_parquet_table_beside_class_folders_only_the_end_is_read(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"cats": 2, "dogs": 2})
    pyarrow.parquet.write_table(pa.table({"name": ["x"], "note": [1]}), root / "big.parquet")
    footer = (root / "big.parquet").read_bytes()
    os.truncate(root / "big.parquet", 200 << 30)
    with (root / "big.parquet").open("ab") as file:
        file.write(footer)
    dataset = open_dataset(root)
    assert dataset.classes == ("cats", "dogs")
    assert dataset.remarks == (
        "files that are no images by their names were passed over: 1 .parquet",
    )
