"""Names in archives: one encoding for each, read where it is written down, else asked for."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError, UsageError
from convscope.recipe import Recipe

# Each with classes whose bytes are no UTF-8, some of them in a way that looks like UTF-8.
NAMES = {
    "gbk": ("猫", "狗"),
    "shift_jis": ("ネコ", "犬"),
    "euc_kr": ("고양이", "개"),
    "cp866": ("кошка", "собака"),
    "cp437": ("café", "Zürich"),
    "big5": ("貓", "狗"),
    "latin-1": ("café", "naïve"),
}
FLAG = 0x800


class _Raw(zipfile.ZipInfo):
    """A member whose name is written in an encoding, with any flag."""

    raw: bytes
    flag: int = 0

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library calls it so
        return self.raw, self.flag


def zip_of(path: Path, names: list[tuple[bytes, int, bytes]]) -> Path:
    """A zip of members by their name's bytes, flag and extra data."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (raw, flag, extra) in enumerate(names):
            member = _Raw(str(number))
            member.raw, member.flag, member.extra = raw, flag, extra
            archive.writestr(member, b"x")
    return path


def tar_of(path: Path, names: list[bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w", format=tarfile.GNU_FORMAT,
                      encoding="utf-8", errors="surrogateescape") as archive:  # fmt: skip
        for raw in names:
            info = tarfile.TarInfo(raw.decode("utf-8", "surrogateescape"))
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    return path


def members(encoding: str) -> list[bytes]:
    return [f"{name}/{i}.png".encode(encoding) for name in NAMES[encoding] for i in range(3)]


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_an_encoding_that_is_not_written_down_is_asked_for_and_used(
    tmp_path: Path, encoding: str, suffix: str
) -> None:
    path, names = tmp_path / f"x.{suffix}", members(encoding)
    zip_of(path, [(raw, 0, b"") for raw in names]) if suffix == "zip" else tar_of(path, names)
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    sign = " names in an encoding that the archive doesn't say, for instance, read as\n"
    assert sign in caught.value.message
    if encoding in ("gbk", "cp866", "cp437", "big5"):
        # Of a tar, those are named that are no UTF-8: `猫` in GBK is `è`.
        first = NAMES[encoding][encoding == "gbk" and suffix != "zip"]
        assert f"  {encoding:<6} {first}/0.png  (" in caught.value.message
    assert caught.value.hint is not None
    assert "--zip-encoding" in caught.value.hint
    dataset = open_dataset(path, zip_encoding=encoding)
    assert dataset.classes == tuple(sorted(NAMES[encoding]))
    assert dataset.images.content(0) == b"x"


def test_a_class_some_of_whose_names_are_utf8_by_chance_stays_one(tmp_path: Path) -> None:
    names = ["猫/0.png", "猫/狗1.png", "狗/1.png"]
    assert "猫".encode("gbk").decode() == "è"  # so that the first member alone is UTF-8
    path = zip_of(tmp_path / "x.zip", [(name.encode("gbk"), 0, b"") for name in names])
    with pytest.raises(DataError, match="encoding that the archive doesn't say"):
        open_dataset(path)
    assert open_dataset(path, zip_encoding="gbk").classes == ("狗", "猫")


@pytest.mark.parametrize("flag", [0, FLAG])
def test_utf8_needs_no_encoding_with_or_without_its_flag(tmp_path: Path, flag: int) -> None:
    names = [f"{name}/0.png".encode() for name in ("猫", "café", "кошка")]
    path = zip_of(tmp_path / "x.zip", [(raw, flag, b"") for raw in names])
    assert open_dataset(path).classes == ("café", "кошка", "猫")
    assert open_dataset(tar_of(tmp_path / "x.tar", names)).classes == ("café", "кошка", "猫")


def test_the_name_in_unicode_beside_the_plain_one_is_used(tmp_path: Path) -> None:
    def extra(raw: bytes, name: str) -> bytes:
        content = struct.pack("<BI", 1, zlib.crc32(raw)) + name.encode()
        other = struct.pack("<HH3s", 0x5455, 3, b"abc")
        return other + struct.pack("<HH", 0x7075, len(content)) + content

    plain = [f"{name}/0.png".encode("gbk") for name in NAMES["gbk"]]
    names = [f"{name}/0.png" for name in NAMES["gbk"]]
    path = tmp_path / "x.zip"
    zip_of(path, [(raw, 0, extra(raw, name)) for raw, name in zip(plain, names, strict=True)])
    assert open_dataset(path).classes == ("狗", "猫")
    # One that belongs to another name, as after a renaming, counts for nothing.
    zip_of(path, [(raw, 0, extra(b"other", name)) for raw, name in zip(plain, names, strict=True)])
    with pytest.raises(DataError, match="encoding that the archive doesn't say"):
        open_dataset(path)


def test_names_that_are_not_in_the_given_encoding_are_said(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", [(raw, 0, b"") for raw in members("latin-1")])
    with pytest.raises(DataError, match="has 6 names not in ascii, for instance, read as"):
        open_dataset(path, zip_encoding="ascii")
    path = tar_of(tmp_path / "x.tar", members("latin-1"))
    with pytest.raises(DataError, match="has 6 names not in ascii"):
        open_dataset(path, zip_encoding="ascii")


def test_an_encoding_is_one_of_text_and_for_archives_only(tmp_path: Path) -> None:
    for name in ("klingon", "rot13"):
        with pytest.raises(UsageError, match=f"`zip_encoding` can't be `{name}`: .* as gbk"):
            Recipe.parse({"data": "x", "zip_encoding": name})
    assert Recipe.parse({"data": "x", "zip_encoding": "GBK"}).zip_encoding == "gbk"
    path = zip_of(tmp_path / "x.zip", [(b"a/1.png", 0, b"")])
    with pytest.raises(DataError, match="no encoding is called `klingon`"):
        open_dataset(path, zip_encoding="klingon")
    for data in (tmp_path, "digits"):
        with pytest.raises(DataError, match="is no archive, so `--zip-encoding` has no effect"):
            open_dataset(data, zip_encoding="gbk")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "pax"])
@pytest.mark.parametrize("names", [("cat", "dog"), ("猫", "狗")])
def test_an_encoding_that_no_name_needs_is_said_to_have_no_effect(
    tmp_path: Path, kind: str, names: tuple[str, str]
) -> None:
    path = tmp_path / f"x.{'tar' if kind == 'pax' else kind}"
    texts = [f"{name}/{number}.png" for name in names for number in range(2)]
    if kind == "zip":
        zip_of(path, [(text.encode(), FLAG, b"") for text in texts])
    elif kind != "pax" and names == ("cat", "dog"):
        tar_of(path, [text.encode() for text in texts])
    else:
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            for text in texts:
                archive.addfile(tarfile.TarInfo(text), io.BytesIO(b""))
    dataset = open_dataset(path, zip_encoding="gbk")
    assert dataset.classes == tuple(sorted(names))
    assert dataset.remarks[0].startswith("`--zip-encoding gbk` has no effect: the archive says how")


def test_an_encoding_that_was_used_is_no_cause_for_a_remark(tmp_path: Path) -> None:
    zip_of(tmp_path / "x.zip", [(raw, 0, b"") for raw in members("gbk")])
    tar_of(tmp_path / "x.tar", members("gbk"))
    for name in ("x.zip", "x.tar"):
        assert open_dataset(tmp_path / name, zip_encoding="gbk").remarks == ()
