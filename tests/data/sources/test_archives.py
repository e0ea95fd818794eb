"""Archives: read in place, from any thread; unsafe, damaged and absurd ones refused."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.data.decoding.content import DamagedImageError
from convscope.data.decoding.decode import decode_content
from convscope.data.sources import archive_formats, unpacking
from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

Pack = Callable[[Path, Path], None]
TAR_MODES = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}
SUFFIXES = ["zip", *TAR_MODES]


def pack(folder: Path, suffix: str, *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Packs what is in a folder into an archive beside it."""
    path = folder.parent / f"{folder.name}.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", method) as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder))
    else:
        with tarfile.open(path, TAR_MODES[suffix]) as archive:  # type: ignore[call-overload]
            archive.add(folder, arcname=".")
    return path


def tar_of(path: Path, entries: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, entry in entries.items():
            info = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            content = b"" if isinstance(entry, tarfile.TarInfo) else entry
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zip_of(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def png(make_folder: MakeFolder) -> bytes:
    return (make_folder({"x": 1}, name="one") / "x" / "000.png").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_archive_is_the_same_data_as_its_folder(make_folder: MakeFolder, suffix: str) -> None:
    root = make_folder({"a": 2, "b": 3}, name="set/train")
    make_folder({"b": 2}, name="set/val", seed=1)
    (root.parent / "empty").mkdir()
    (root.parent / "empty").rename(root / "c")
    folder, archive = open_dataset(root.parent), open_dataset(pack(root.parent, suffix))
    assert archive.name == "set"
    assert archive.classes == folder.classes
    assert archive.labels.tolist() == folder.labels.tolist()
    assert list(archive.given_splits) == list(folder.given_splits)
    assert archive.remarks == folder.remarks
    for index in range(len(folder)):
        assert archive.images.name(index) == folder.images.name(index)
        assert archive.images.content(index) == folder.images.content(index)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_in_an_archive_is_opened(make_folder: MakeFolder, suffix: str) -> None:
    root = make_folder({"images": 3}, name="set")
    (root / "train.csv").write_text("file,label\nimages/000.png,x\n001.png,y\nimages/002.png,x\n")
    dataset = open_dataset(pack(root, suffix))
    assert dataset.labels.tolist() == [0, 1, 0]
    assert decode_content(dataset.images.content(2)).pixels.shape == (12, 12, 3)
    with pytest.raises(DamagedImageError, match="is not in the archive"):
        dataset.images.content(1)
    assert dataset.images.stamp(1) == ""


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_a_folder_around_all_is_looked_through(make_folder: MakeFolder, suffix: str) -> None:
    root = make_folder({"a": 1, "b": 1}, name="set/flowers")
    dataset = open_dataset(pack(root.parent, suffix))
    assert dataset.classes == ("a", "b")
    assert dataset.images.name(1) == "b/000.png"
    assert decode_content(dataset.images.content(1)).pixels.shape == (12, 12, 3)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_many_threads_read_one_archive(make_folder: MakeFolder, suffix: str) -> None:
    root = make_folder({"a": 30, "b": 30})
    expected = [path.read_bytes() for path in sorted(root.rglob("*.png"))]
    images = open_dataset(pack(root, suffix)).images
    order = random.Random(0).choices(range(60), k=1000)
    with ThreadPoolExecutor(8) as pool:
        for index, content in zip(order, pool.map(images.content, order), strict=True):
            assert content == expected[index]


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_images_of_an_archive_go_to_other_processes(make_folder: MakeFolder, suffix: str) -> None:
    images = open_dataset(pack(make_folder({"a": 2, "b": 2}), suffix)).images
    again = pickle.loads(pickle.dumps(images))
    assert again.content(3) == images.content(3)


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_a_stamp_changes_with_the_archive(make_folder: MakeFolder, suffix: str) -> None:
    path = pack(make_folder({"a": 2, "b": 2}), suffix)
    before = [open_dataset(path).images.stamp(index) for index in range(4)]
    assert len(set(before)) == 4
    assert before == [open_dataset(path).images.stamp(index) for index in range(4)]
    os.utime(path, ns=(0, 0))
    assert not set(before) & {open_dataset(path).images.stamp(index) for index in range(4)}


def test_an_archive_is_recognised_whatever_its_name(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1})
    for suffix in ("zip", "tar", "tar.gz"):
        path = pack(root, suffix).rename(root.parent / "data.bin")
        assert open_dataset(path).classes == ("a", "b")
    path = pack(root, "zip").rename(root.parent / "misnamed.tar")
    assert open_dataset(path).classes == ("a", "b")


UNSAFE = [".", "../a/1.png", "/a/1.png", "a/../../1.png", "C:/a/1.png", "..\\a\\1.png", "C:\\1.png"]


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_members_that_lead_out_of_the_archive_are_left_out(
    tmp_path: Path, png: bytes, make: Callable[..., Path]
) -> None:
    safe = {"a/1.png": png, "b/1.png": png}
    path = make(tmp_path / "x.archive", safe | dict.fromkeys(UNSAFE, png))
    dataset = open_dataset(path)
    assert [dataset.images.name(index) for index in range(2)] == ["a/1.png", "b/1.png"]
    remark = next(r for r in dataset.remarks if "leads out" in r)
    assert remark.startswith(
        "7 members left out: its path leads out of the archive\n  .\n  ../a/1.png"
    )
    assert len(dataset) == 2


def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path, png: bytes) -> None:
    entries: dict[str, bytes | tarfile.TarInfo] = {"a/1.png": png, "b/1.png": png}
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    for number, kind in enumerate(kinds):
        info = tarfile.TarInfo()
        info.type, info.linkname = kind, "/etc/passwd"
        entries[f"a/{number + 2}.png"] = info
    dataset = open_dataset(tar_of(tmp_path / "x.tar", entries))
    assert len(dataset) == 2
    assert (
        "4 members left out: links, devices and pipes are not read\n  a/2.png"
        in (dataset.remarks[0])
    )


def test_links_in_a_zip_are_left_out(tmp_path: Path, png: bytes) -> None:
    path = zip_of(tmp_path / "x.zip", {"a/1.png": png, "b/1.png": png})
    link = zipfile.ZipInfo("a/2.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert len(open_dataset(path)) == 2


def test_hidden_images_and_repeated_names_are_remarked(tmp_path: Path, png: bytes) -> None:
    files = {"a/1.png": png, "b/1.png": png, "__MACOSX/a/._1.png": b"x", "a/.DS_Store": b"x"}
    path = tar_of(tmp_path / "x.tar", {**files})
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("a/1.png")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"new"))
    dataset = open_dataset(path)
    assert dataset.images.content(0) == b"new"
    assert dataset.remarks == (
        "1 member passed over: hidden, or of a system\n  __MACOSX/a/._1.png",
        "1 member met again; the last one of each path counts\n  a/1.png",
    )


def test_names_in_utf8_are_read_where_the_zip_does_not_say_so(tmp_path: Path, png: bytes) -> None:
    path = zip_of(tmp_path / "x.zip", {"caf_e/1.png": png, "b\\1.png": png})
    path.write_bytes(path.read_bytes().replace(b"caf_e", "café".encode()))
    assert open_dataset(path).classes == ("b", "café")


def test_an_encrypted_zip_is_an_error(tmp_path: Path, png: bytes) -> None:
    path = zip_of(tmp_path / "x.zip", {"a/1.png": png})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is encrypted \(`a/1.png` is\)\nhint: unpack it"):
        open_dataset(path)


def test_an_unusual_method_is_an_error(make_folder: MakeFolder) -> None:
    path = pack(make_folder({"a": 1, "b": 1}), "zip", method=zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match=r"is packed by method 14 .* only deflate"):
        open_dataset(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_archive_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    for content in (b"", b"nonsense" * 1000):
        path.write_bytes(content)
        kind = "zip" if suffix == "zip" else "tar"
        with pytest.raises(DataError, match=f"can't be read as a {kind} archive"):
            open_dataset(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_archive_that_is_cut_off_is_an_error(make_folder: MakeFolder, suffix: str) -> None:
    path = pack(make_folder({"a": 5, "b": 5}), suffix)
    content = path.read_bytes().rstrip(b"\0") if suffix == "tar" else path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(DataError, match=r"can't be read as a (zip|tar) archive"):
        open_dataset(path)


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_a_tar_that_is_spoilt_in_the_middle_is_an_error(
    tmp_path: Path, png: bytes, suffix: str
) -> None:
    plain = tar_of(tmp_path / "x.tar", {f"{c}/{n}.png": png for c in "ab" for n in range(30)})
    content = bytearray(plain.read_bytes())
    at = content.index(b"a/20.png")
    content[at : at + 512] = b"spoilt.." * 64
    plain.write_bytes(content)
    if suffix == "tar.gz":
        import gzip

        path = tmp_path / "x.tar.gz"
        path.write_bytes(gzip.compress(content))
    else:
        path = plain
    with pytest.raises(DataError, match=r"is damaged: it can't be read (from byte|to its end)"):
        open_dataset(path)


def test_damaged_members_of_a_zip_are_images_that_cannot_be_read(
    tmp_path: Path, png: bytes
) -> None:
    names = [f"{c}/{n}.png" for c in "ab" for n in range(3)]
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, np.random.default_rng(0).bytes(2000) + b"\0" * 2000)
        infos = archive.infolist()
    content = bytearray(path.read_bytes())
    content[infos[0].header_offset] = 0  # no header there
    content[infos[1].header_offset + 40] ^= 0xFF  # deflated data
    index = [at for at in range(len(content)) if content[at : at + 4] == b"PK\1\2"]
    struct.pack_into("<I", content, index[2] + 16, 1)  # its CRC
    struct.pack_into("<I", content, index[3] + 24, 3000)  # less than it unpacks to
    struct.pack_into("<I", content, index[4] + 24, 600 << 20)  # more than one image may
    path.write_bytes(content)
    images = open_dataset(path).images
    for number, message in enumerate(
        [
            "is not where the archive's index says",
            "can't be unpacked|is damaged",
            "is damaged: it doesn't match the archive's index",
            "is damaged: it doesn't match the archive's index",
            "unpacks to 629,145,600 bytes, over 536,870,912",
        ]
    ):
        with pytest.raises(DamagedImageError, match=message):
            images.content(number)
    assert len(images.content(5)) == 4000


def test_a_zip_bomb_is_an_error(tmp_path: Path, png: bytes) -> None:
    path = zip_of(tmp_path / "x.zip", {"a/1.png": png, "b/1.png": png})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\1\2") + 24, 4_000_000_000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"bytes and unpacks to 4,000,\d+,\d+ or more"):
        open_dataset(path)


def test_a_packed_tar_bomb_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "BOMB_BYTES", 1 << 20)
    monkeypatch.setattr(unpacking, "BOMB_RATIO", 100)
    with tarfile.open(tmp_path / "x.tar.xz", "w:xz") as archive:
        info = tarfile.TarInfo("a/1.txt")
        info.size = 8 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    with pytest.raises(DataError, match="made to fill a disk"):
        open_dataset(tmp_path / "x.tar.xz")


def test_a_packed_tar_that_memory_cannot_hold_is_an_error(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_formats, "MAX_KEPT_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to more than 1,000 bytes of images\nhint: .* zip"):
        open_dataset(pack(make_folder({"a": 5, "b": 5}), "tar.gz"))


def test_an_archive_within_an_archive_is_passed_over(tmp_path: Path, png: bytes) -> None:
    files = {"a/1.png": png, "b/1.png": png, "b/more.zip": b"PK\3\4"}
    assert open_dataset(zip_of(tmp_path / "x.zip", files)).remarks == (
        "files that are no images by their names were passed over: 1 .zip",
    )


@pytest.mark.parametrize(
    ("entries", "message", "hint"),
    [
        (
            {"train.zip": b"PK\3\4", "sample.csv": b"id,x\n1,2\n"},
            "has no class folders; it holds 1 archive: `train.zip`",
            "unpack it, and give what is in it: `train.zip`",
        ),
        (
            {"data/a.tar.gz": b"x", "data/b.tar.gz": b"x", "other/c.txt": b"x"},
            "has no images; it holds 2 archives: `data/a.tar.gz`, `data/b.tar.gz`",
            "unpack it, and give what is in it: `data/a.tar.gz`, `data/b.tar.gz`",
        ),
        (
            {"/data/a/1.png": b"x", "/data/b/1.png": b"x"},
            "has no class folders; 2 members left out: its path leads out of the archive\n"
            "  /data/a/1.png\n  /data/b/1.png",
            "unpack it, and give the folder",
        ),
        (
            {".a/1.png": b"x", "__MACOSX/b/1.png": b"x"},
            "has no class folders; 2 members passed over: hidden, or of a system\n  .a/1.png\n"
            "  __MACOSX/b/1.png",
            "unpack it, and give the folder",
        ),
        (
            {"a/1.txt": b"x", "b/2.txt": b"x", "b/3.pdf": b"x"},
            "has no images; it holds other files: 1 .pdf, 2 .txt",
            "a data set is a folder with one folder of images for each class",
        ),
        ({}, "has no class folders", "a data set is a folder with one folder of images for each"),
    ],
)
@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_an_archive_without_images_says_what_is_in_it_and_how_to_go_on(
    tmp_path: Path, make: Callable[..., Path], entries: dict[str, bytes], message: str, hint: str
) -> None:
    path = make(tmp_path / ("x.zip" if make is zip_of else "x.tar"), entries)
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert caught.value.message == f"`{path}` {message}"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_a_folder_with_nothing_but_an_archive_names_it(tmp_path: Path) -> None:
    zip_of(tmp_path / "train.zip", {"a/1.png": b"x"})
    with pytest.raises(DataError, match=r"holds 1 archive: `train.zip`\nhint: give .*/train.zip`"):
        open_dataset(tmp_path)


def test_a_table_in_an_archive_whose_images_were_left_out_says_so(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", {"x.csv": b"path,label\na.png,a\n", "../a.png": b"x"})
    with pytest.raises(DataError, match=r"none is there; .*; 1 member left out: its path"):
        open_dataset(path)


def test_a_large_member_of_a_tar_is_an_image_that_cannot_be_read(
    make_folder: MakeFolder,
) -> None:
    root = make_folder({"a": 1, "b": 1})
    for suffix in ("tar", "tar.gz"):
        reader = open_dataset(pack(root, suffix)).images.reader  # type: ignore[attr-defined]
        with pytest.raises(DamagedImageError, match=r"has \d+ bytes, over 10"):
            reader.archive.content("a/000.png", max_bytes=10)


def test_a_tar_that_became_shorter_is_said(make_folder: MakeFolder) -> None:
    path = pack(make_folder({"a": 1, "b": 1}), "tar")
    images = open_dataset(path).images
    os.truncate(path, 600)
    with pytest.raises(DamagedImageError, match="is cut off; the archive has become shorter"):
        images.content(1)


@pytest.mark.slow
def test_real_archives_are_read(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "cifar10-lossless-4000.tar.gz")
    assert len(dataset) == 4000
    assert dataset.classes[0] == "airplane"
    assert decode_content(dataset.images.content(3999)).pixels.shape == (32, 32, 3)
