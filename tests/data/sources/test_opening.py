"""Opening: what is understood, and what is said about everything else."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import MakeFolder
from convscope.data.decoding.decode import decode_content
from convscope.data.sources.listing import read_whole
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError


def test_digits_are_1797_images_of_ten_classes() -> None:
    dataset = open_dataset("digits")
    assert len(dataset) == 1797
    assert dataset.classes == tuple("0123456789")
    assert decode_content(dataset.images.content(0)).pixels.max() == 239  # 15 of 16


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"there is no folder `{tmp_path / 'none'}`"):
        open_dataset(tmp_path / "none")


def test_a_missing_path_lists_what_is_understood_and_the_nearest_name() -> None:
    with pytest.raises(DataError) as caught:
        open_dataset("minst")
    assert caught.value.message == "there is no folder `minst`"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean `mnist`?\ndata is one of these\n  a folder")


def test_a_file_of_an_unknown_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.docx").write_bytes(b"words")
    with pytest.raises(DataError, match=r"is a file of an unknown kind\nhint: data is one of"):
        open_dataset(tmp_path / "x.docx")


def test_a_pipe_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is no regular file"):
        open_dataset(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.zip", "x.tar.gz", "x.npz"])
def test_a_link_to_a_device_or_a_pipe_is_never_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is no regular file"):
        open_dataset(tmp_path / name)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is no regular file"):
        open_dataset(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["x.csv", "train-images-idx3-ubyte", "data_batch_1.bin", "instances_train.json"]
)
def test_devices_and_pipes_in_a_folder_are_left_out(make_folder: MakeFolder, name: str) -> None:
    root = make_folder({"a": 1, "b": 1})
    (root / name).symlink_to("/dev/zero")
    os.mkfifo(root / f"pipe-{name}")
    (remark,) = open_dataset(root).remarks
    assert remark.startswith("2 special files left out (pipes, devices, broken links)\n")


def test_a_file_is_read_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_whole(tmp_path / "x", max_bytes=5) == b"12345"
    with pytest.raises(DataError, match="can't be read: it has more than 4 bytes"):
        read_whole(tmp_path / "x", max_bytes=4)
    with pytest.raises(DataError, match="can't be read: it grew while it was read"):
        read_whole(Path("/proc/self/status"), max_bytes=1 << 20)  # of 0 bytes, it says
    with pytest.raises(DataError, match="can't be read: No such file"):
        read_whole(tmp_path / "y", max_bytes=4)


def test_one_idx_file_alone_is_an_error_that_names_its_folder(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=f"hint: give the folder that they lie in, `{tmp_path}`"):
        open_dataset(tmp_path / "train-images-idx3-ubyte.gz")


def test_columns_can_only_be_named_for_tables(make_folder: MakeFolder) -> None:
    for path in (make_folder(), "digits"):
        with pytest.raises(DataError, match="is no table and has no columns"):
            open_dataset(path, label_column="label")


def test_a_download_that_is_not_needed_is_said(make_folder: MakeFolder) -> None:
    root = make_folder()
    remark = f"`--download` has no effect: `{root}` is on this machine, and nothing is fetched"
    assert open_dataset(root, download=True).remarks == (remark,)
    assert open_dataset("digits", download=True).remarks == (remark.replace(str(root), "digits"),)


SMALL = """
import resource, sys
import convscope, convscope.data.sources.tables, convscope.data.sources.opening
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)
for path in sys.argv[1:]:
    print(len(convscope.open_dataset(path)))
"""


@pytest.mark.slow
def test_small_files_need_little_memory(make_folder: MakeFolder, tmp_path: Path) -> None:
    with_notes = make_folder({"a": 1, "b": 1})
    (with_notes / "notes.csv").write_text("a,b\n1,2\n")
    table = tmp_path / "labels.csv"
    table.write_text("path,label\npictures/a/000.png,1\npictures/b/000.png,2\n")
    (tmp_path / "idx").mkdir()
    head = b"\0\0\x08"
    images = head + b"\x03" + struct.pack(">3I", 2, 3, 3) + bytes(18)
    (tmp_path / "idx" / "train-images-idx3.gz").write_bytes(gzip.compress(images))
    labels = head + b"\x01" + struct.pack(">I", 2) + b"\0\1"
    (tmp_path / "idx" / "train-labels-idx1").write_bytes(labels)
    (tmp_path / "cifar").mkdir()
    (tmp_path / "cifar" / "data_batch_1.bin").write_bytes(bytes(3073) * 2)
    paths = [str(with_notes), str(table), str(tmp_path / "idx"), str(tmp_path / "cifar")]
    done = subprocess.run(
        [sys.executable, "-c", SMALL, *paths], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["2"] * 4, "")
