"""Well-known data sets by name: fetched when asked for, from a server on this machine."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from convscope.data.sources.opening import open_dataset
from convscope.data.sources.published import PUBLISHED, PublishedData, PublishedFile
from convscope.downloads import Checksum
from convscope.errors import DataError, DownloadError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def publish_at(monkeypatch: pytest.MonkeyPatch, name: str, *folders: Path) -> None:
    """Lets a data set be published in folders, by their file addresses."""
    addresses = tuple(folder.as_uri() for folder in folders)
    published = dataclasses.replace(PUBLISHED[name], folders=addresses)
    monkeypatch.setitem(PUBLISHED, name, published)


def test_without_being_asked_nothing_is_fetched(cache: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset("mnist")
    assert caught.value.message == "`mnist` is not on this machine"
    assert caught.value.hint == (
        "`--download` fetches it from https://storage.googleapis.com/cvdf-datasets/mnist (12 MB) "
        f"into `{cache / 'datasets' / 'mnist'}`; or give the folder where its files lie"
    )
    for name in ("fashion-mnist", "cifar10", "cifar100"):
        with pytest.raises(DataError, match=f"`{name}` is not on this machine"):
            open_dataset(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_published_files_are_fetched_checked_and_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path, name: str
) -> None:
    publish_at(monkeypatch, name, tmp_path / "nowhere", shared_data / name)
    dataset = open_dataset(name, download=True)
    assert len(dataset) == 70_000
    assert dataset.name == name
    publish_at(monkeypatch, name, tmp_path / "nowhere")
    again = open_dataset(name)
    assert again.classes == dataset.classes
    assert ("Ankle boot" in again.classes) == (name == "fashion-mnist")


def test_a_file_that_is_not_the_published_one_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"something else")
    publish_at(monkeypatch, "cifar10", tmp_path)
    found = hashlib.md5(b"something else").hexdigest()[:8]
    with pytest.raises(DownloadError, match=f"MD5 begins with `{found}`, not with `c32a1d4a`"):
        open_dataset("cifar10", download=True)
    assert not list((cache / "datasets" / "cifar10").iterdir())


def test_an_archive_is_fetched_and_opened_in_place(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tarfile

    (tmp_path / "data_batch_1.bin").write_bytes((b"\3" + bytes(3072)) * 2)
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "data_batch_1.bin", "cifar-10-batches-bin/data_batch_1.bin")
    file = PublishedFile(path.name, Checksum("MD5", hashlib.md5(path.read_bytes()).hexdigest()), 1)
    published = PublishedData((tmp_path.as_uri(),), (file,))
    monkeypatch.setitem(PUBLISHED, "cifar10", published)
    dataset = open_dataset("cifar10", download=True)
    assert (dataset.name, dataset.classes, len(dataset)) == ("cifar10", ("cat",), 2)


def test_a_folder_of_that_name_is_the_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="has no class folders"):
        open_dataset("mnist")


def test_the_hashes_are_those_of_the_real_files(shared_data: Path) -> None:
    for name in ("mnist", "fashion-mnist"):
        for file in PUBLISHED[name].files:
            path = shared_data / name / file.name
            assert file.checksum.of(path) == file.checksum.prefix
            assert file.num_bytes == path.stat().st_size


def test_an_encoding_has_no_effect_on_files_that_are_no_archive(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in PUBLISHED["mnist"].files:
        (cache / "datasets" / "mnist").mkdir(parents=True, exist_ok=True)
        (cache / "datasets" / "mnist" / file.name).write_bytes(b"x")
    with pytest.raises(DataError, match="`mnist` is no archive, so `--zip-encoding` has no effect"):
        open_dataset("mnist", zip_encoding="gbk")
