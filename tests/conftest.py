"""What tests share: where real data lies, and small data sets made on the spot."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import convscope as package
from convscope.cli.main import run

SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def pytest_configure() -> None:
    """Lets signals act in processes that tests start, also where `nohup make test &` has them off.

    A process inherits which signals are ignored, and a program that does respects it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files that are slow as a whole first, so that no process is left alone with one."""
    items.sort(key=lambda item: not any(mark.name == "slow" for mark in _marks_of_file(item)))


def _marks_of_file(item: pytest.Item) -> list[pytest.Mark]:
    module = item.getparent(pytest.Module)
    return [] if module is None else module.own_markers


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keeps the tests away from the user's cache; processes that they start inherit it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVSCOPE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; users don't have it, CI must."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"real data is missing: {SHARED_DATA}")
        pytest.skip(f"real data is not here: {SHARED_DATA}")
    return SHARED_DATA


MakeFolder = Callable[..., Path]


def make_pictures(
    root: Path, counts: dict[str, int] | None = None, *, side: int = 12, seed: int = 0
) -> None:
    """Makes class folders with noisy pictures whose channel tells the class."""
    random = np.random.default_rng(seed)
    for index, (label, count) in enumerate((counts or {"blue": 40, "red": 40}).items()):
        folder = root / label
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = random.integers(0, 120, (side, side, 3), dtype=np.uint8)
            pixels[:, :, index % 3] += 120
            Image.fromarray(pixels).save(folder / f"{number:03d}.png")


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Makes a folder of class folders below the test's own folder."""

    def make(
        counts: dict[str, int] | None = None, *, name: str = "pictures", **options: int
    ) -> Path:
        make_pictures(tmp_path / name, counts, **options)
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def flawed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pictures`, of which some have a wrong label, and a run in `runs/flawed`."""
    place = tmp_path_factory.mktemp("flawed")
    make_pictures(place / "pictures", {"blue": 120, "red": 120})
    make_pictures(place / "pictures", {"red": 12, "blue": 12}, seed=1)  # in the others' place
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        package.train("pictures", name="flawed", model="lenet_rgb", epochs=3, batch_size=16)
    return place


@pytest.fixture
def flawed(flawed_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> package.Run:
    """A copy of a run that gets some images wrong, in the folder that it was trained in."""
    shutil.copytree(flawed_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return package.Run.open("runs/flawed")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Convscope = Callable[..., Outcome]


@pytest.fixture
def convscope(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Convscope:
    """Runs a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str | Path) -> Outcome:
        capsys.readouterr()  # what the test itself said before, by calls from Python
        code = run([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
