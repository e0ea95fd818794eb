"""Files that are whole or not there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.errors import RunError
from convscope.files import (
    LEFTOVER,
    NEW,
    OLD,
    check_writable,
    csv_text,
    from_cell,
    is_portable,
    new_folder,
    remove_leftovers,
    restore_replaced,
    sha256,
    write_csv,
    write_json,
    write_new,
    write_text,
)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "first")
    write_text(path, "sécond")
    assert path.read_text(encoding="utf-8") == "sécond"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_json_never_holds_what_json_does_not_have(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}


def test_csv_quotes_what_needs_it(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["name"], [['a,"b"\nc']])
    assert (tmp_path / "a.csv").read_text() == 'name\n"a,""b""\nc"\n'


def test_a_folder_appears_only_when_its_block_ends_well(tmp_path: Path) -> None:
    def break_off() -> None:
        with new_folder(tmp_path / "x") as place:
            (place / "half").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "x") as place:
        (place / "whole").write_text("whole")
    assert (tmp_path / "x" / "whole").read_text() == "whole"
    with new_folder(tmp_path / "x") as place:
        (place / "other").write_text("other")
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["other"]


@pytest.mark.skipif(os.name != "posix", reason="only there a folder can be waited for")
def test_a_new_folder_waits_once_for_each_file_and_for_both_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, waited = os.fsync, []

    def fsync(handle: int) -> None:
        waited.append(os.fstat(handle).st_ino)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with new_folder(tmp_path / "x") as place:
        written = write_new(place / "file", b"abc")
        (place / "other").touch()
    paths = [tmp_path / "x" / "file", tmp_path / "x" / "other", tmp_path / "x", tmp_path]
    assert sorted(waited) == sorted(path.stat().st_ino for path in paths)
    assert written == {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")
def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with new_folder(tmp_path / "x") as place:
            (place / "file").touch(mode=0o600)
        write_text(tmp_path / "y", "")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "x" / "file", tmp_path / "y")]
    assert modes == [0o644, 0o644]
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written to"):
        check_writable(tmp_path / "file" / "x")
    with pytest.raises(RunError, match="can't be written to"):
        write_text(tmp_path / "file" / "x", "")


@pytest.mark.parametrize(
    "name",
    ["CON", "nul", "Aux.txt", "com1", "LPT9.tar.gz", "prn .x", "COM²", "a.", "a ", "a\nb"]
    + [f"a{sign}b" for sign in '<>:"/\\|?*'],
)
def test_names_that_some_system_refuses_are_not_portable(name: str) -> None:
    assert not is_portable(name)


@pytest.mark.parametrize("name", ["console", "COM10", "com", "a.con", "nul-2", "Blumen äöü", "a b"])
def test_names_that_all_systems_take_are_portable(name: str) -> None:
    assert is_portable(name)


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_a_folder_that_can_not_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_folder(tmp_path / "x") as place:
        (place / "old").touch()
    real, moves = Path.replace, []

    def fails_the_second_time(self: Path, target: Path) -> Path:
        moves.append(self)
        if len(moves) == 2:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", fails_the_second_time)
    with pytest.raises(RunError, match="No space left"), new_folder(tmp_path / "x") as place:
        (place / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "old"]


def test_what_a_kill_left_is_removed_and_what_was_being_replaced_comes_back(
    tmp_path: Path,
) -> None:
    for name in (f".x.{NEW}-abcd1234", f".x.{OLD}-abcd1234/x", f".y.{OLD}-abcd1234", "y"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / f".x.{OLD}-abcd1234" / "x" / "file").touch()
    (tmp_path / f".z.csv.{NEW}-abcd1234").touch()
    (tmp_path / ".DS_Store").touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".DS_Store", "x", "y"]
    assert (tmp_path / "x" / "file").is_file()
    remove_leftovers(tmp_path / "nothing")


MINE = ("labels.txt", ".env", "notes/today.md")


def folder_of_a_user(path: Path) -> None:
    """A folder of output in which a user keeps files too."""
    for name in ("weights", *MINE):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("old")


def replace(path: Path) -> None:
    with new_folder(path, keep_others=True) as place:
        (place / "weights").write_text("new")


def test_a_folder_that_is_replaced_keeps_the_files_of_a_user(tmp_path: Path) -> None:
    folder_of_a_user(tmp_path / "x")
    (tmp_path / "x" / "link").symlink_to("nowhere")
    (tmp_path / "x" / ".env").chmod(0o600)
    replace(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x" / "weights").read_text() == "new"
    assert [(tmp_path / "x" / name).read_text() for name in MINE] == ["old"] * 3
    assert (tmp_path / "x" / "link").is_symlink()
    assert (tmp_path / "x" / ".env").stat().st_mode & 0o077 == 0


def test_a_link_to_a_folder_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    folder_of_a_user(tmp_path / "elsewhere")
    (tmp_path / "x").symlink_to("elsewhere")
    replace(tmp_path / "x")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["weights"]
    assert [(tmp_path / "elsewhere" / name).read_text() for name in MINE] == ["old"] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only there a copy of this process can die")
@pytest.mark.parametrize("renames", range(6))
def test_a_kill_between_any_two_renames_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    folder_of_a_user(tmp_path / "x")
    real, done = Path.replace, list[Path]()

    def dies(self: Path, target: Path) -> Path:
        if len(done) == renames:
            os._exit(9)
        done.append(self)
        return real(self, target)

    if (process := os.fork()) == 0:
        monkeypatch.setattr(Path, "replace", dies)
        replace(tmp_path / "x")
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == (9 if renames < 5 else 0)
    restore_replaced(tmp_path / "x")
    assert (tmp_path / "x" / "weights").read_text() == ("old" if renames < 2 else "new")
    assert [(tmp_path / "x" / name).read_text() for name in MINE] == ["old"] * 3
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("renames", [1, 2])
def test_a_signal_behind_either_rename_leaves_a_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    folder_of_a_user(tmp_path / "x")
    real, done = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        done.append(real(self, target))
        if len(done) == renames:
            raise KeyboardInterrupt
        return done[-1]

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x" / "weights").read_text() == ("old" if renames == 1 else "new")
    assert [(tmp_path / "x" / name).read_text() for name in MINE] == ["old"] * 3


@pytest.mark.parametrize("name", ["x", "..", "."])
def test_what_was_being_replaced_for_another_name_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / f".y.{OLD}-abcd1234" / "y").mkdir(parents=True)
    restore_replaced(tmp_path / "folder" / name)
    restore_replaced(tmp_path / name)
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize(
    "name", ["a" * 255, "猫" * 85, "é" * 127, "猫" * 77 + ".png", "x" + "🐈" * 63, "a" * 232]
)
def test_a_name_that_the_disk_takes_can_be_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / "files" / name, "whole")
    assert (tmp_path / "files" / name).read_text() == "whole"
    for text in ("first", "second"):
        with new_folder(tmp_path / name) as place:
            assert LEFTOVER.fullmatch(place.name)
            (place / "file").write_text(text)
    assert (tmp_path / name / "file").read_text() == "second"


def test_what_was_being_replaced_under_a_long_name_comes_back(tmp_path: Path) -> None:
    name = "猫" * 85
    (tmp_path / f".{name[:70]}.{OLD}-abcd1234" / name).mkdir(parents=True)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("is_folder", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        *(".x.abcd1234", ".x.old.abcd1234", ".recipe.yaml.12345678", ".notes.20261130", ".a.b.tmp"),
        *(f".{NEW}-abcd1234", f"x.{NEW}-abcd1234", f".x.{NEW}-abc", f".x.{NEW}-ABCD1234"),
    ],
)
def test_hidden_files_of_others_are_never_removed(
    tmp_path: Path, name: str, is_folder: bool
) -> None:
    path = tmp_path / name
    path.mkdir() if is_folder else path.touch()
    remove_leftovers(tmp_path)
    assert path.exists()


def test_a_kill_leaves_names_that_are_known(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a.b" / "x y") as place:
        assert LEFTOVER.fullmatch(place.name)["name"] == "x y"  # type: ignore[index]


CELLS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "'=1", "''=1", "'", "'tis"]


@pytest.mark.parametrize("text", CELLS)
def test_no_text_in_a_table_is_a_formula_and_reading_gives_it_back(text: str) -> None:
    table = csv_text(["name", "number"], [[text, "-1.5e-3"]])
    _, (cell, number) = csv.reader(io.StringIO(table, newline=""))
    assert not cell.startswith(tuple("=+-@\t\r"))
    assert from_cell(cell) == text
    assert number == "-1.5e-3"


@given(st.text(alphabet="='+-@\t1.a ", max_size=6))
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    _, (cell, *_) = csv.reader(io.StringIO(csv_text(["a", "b"], [[text, ""]]), newline=""))
    assert from_cell(cell) == text
