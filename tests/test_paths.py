"""How paths are shown, and what was likely meant by one that leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from convscope.errors import RunError
from convscope.paths import command_line, likely_path, run_around, short_path
from convscope.run import Run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and the home, with a folder of photos."""
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "my photos").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("'photos'", "photos"),
        ('"photos/cats"', "photos/cats"),
        ("“photos”", "photos"),
        ("photos,", "photos"),
        ("'photos',", "photos"),
        (" photos ", "photos"),
        ("photos\\cats", "photos/cats"),
        (".\\photos", "./photos"),
        ("my\\ photos", "my photos"),
    ],
)
def test_a_path_with_signs_too_many_is_found(given: str, meant: str) -> None:
    assert likely_path(given) == f"did you mean `{meant}`?"


def test_a_home_and_an_address_of_a_file_are_followed(here: Path) -> None:
    assert likely_path("~/photos") == f"did you mean `{here / 'photos'}`?"
    assert likely_path(f"file://{here}/my%20photos") == f"did you mean `{here / 'my photos'}`?"


@pytest.mark.parametrize("given", ["https://example.org/a.zip", "http://x/y.jpg", "s3://bucket/x"])
def test_of_an_address_it_is_said_that_only_files_are_read(given: str) -> None:
    assert likely_path(given) == "only files on this machine are read: download it first"


@pytest.mark.parametrize(
    "given",
    ["", "nothing", "C:\\Users\\me", "a\0b", "x" * 5000, "~nobody/x"]
    + [f"file://{rest}" for rest in ("[a].jpg", "[", "]", "[::1", "[a]b/c.png", "//[x", "")],
)
def test_of_other_paths_nothing_is_said(given: str) -> None:
    assert likely_path(given) is None


def test_a_path_is_shown_from_the_current_folder(here: Path) -> None:
    assert short_path(here / "photos" / "cats") == "photos/cats"
    assert short_path(here) == "."
    assert short_path(here.parent / "data") == "../data"
    kept = ["digits", "a/b", "photos/", "./photos", "a/../b", "", "a\0b", "https://x.org/a"]
    assert [short_path(each) for each in kept] == kept


def test_a_path_never_climbs_more_than_one_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir("photos/cats")
    assert short_path(here / "my photos") == str(here / "my photos")
    assert short_path("../../my photos") == str(here / "my photos")
    assert short_path("../dogs") == short_path(here / "photos" / "dogs") == "../dogs"
    assert command_line("convscope", "check", here / "my photos", "--split", "all") == (
        f"convscope check '{here}/my photos' --split all"
    )


def test_a_path_does_not_tell_the_name_of_the_home_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("photos/cats")
    assert short_path(here / "my photos") == "../../my photos"


def test_of_two_ways_to_write_a_path_the_shorter_one_is_shown(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = here.parents[-2]  # the folder below the root
    monkeypatch.chdir(top)
    assert short_path("/x.png") == short_path("../x.png") == "/x.png"


@pytest.fixture
def run() -> Path:
    """The files by which a run folder is known."""
    run = Path("runs/mine")
    for folder in ("checkpoints/20", "classifier"):
        (run / folder).mkdir(parents=True)
    for name in ("recipe.yaml", "environment.json", "classifier/classifier.json"):
        (run / name).write_text("{}")
    return run


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("runs/mine/checkpoints/20/model.safetensors", "runs/mine"),
        ("runs/mine/checkpoints/20", "runs/mine"),
        ("runs/mine/checkpoints", "runs/mine"),
        ("runs/mine/recipe.yaml", "runs/mine"),
        ("runs/mine/report.html", "runs/mine"),
        ("runs/mine/classifier/model.safetensors", "runs/mine/classifier"),
    ],
)
def test_of_a_file_in_a_run_the_run_is_meant(run: Path, given: str, meant: str) -> None:
    path = Path(given)
    if path.suffix and not path.exists():
        path.write_text("")
    assert run_around(path) == Path(meant)
    with pytest.raises(RunError, match="is no run folder") as refused:
        Run.open(path)
    assert refused.value.hint == "did you mean `runs/mine`?"  # only a run is one


def test_of_weights_it_is_said_where_they_go() -> None:
    Path("best.pt").write_bytes(b"")
    with pytest.raises(RunError, match="`best.pt` is no run folder: it is a file") as refused:
        Run.open("best.pt")
    assert "`convscope train DATA --weights best.pt`" in (refused.value.hint or "")
