"""Downloads on request, from a folder that stands for the publisher."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from convscope.errors import DownloadError, WeightsError
from convscope.networks import NETWORKS, network_entry, published_weights

CONTENT = b"weights" * 1000
RIGHT = hashlib.sha256(CONTENT).hexdigest()[:8]


def publish(monkeypatch: pytest.MonkeyPatch, folder: Path, digest: str) -> str:
    """Lets `resnet18` be published in a folder, by a file address; returns the file's name."""
    row = network_entry("resnet18")
    assert row.published is not None
    name = f"resnet18-{digest}.pth"
    published = dataclasses.replace(row.published, url=(folder / name).as_uri())
    monkeypatch.setitem(NETWORKS, "resnet18", dataclasses.replace(row, published=published))
    return name


def test_a_file_is_fetched_checked_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish(monkeypatch, tmp_path, RIGHT)
    (tmp_path / name).write_bytes(CONTENT)
    cache = tmp_path / "deep" / "cache"
    assert published_weights("resnet18", cache=cache) == cache / name
    assert (cache / name).read_bytes() == CONTENT
    (tmp_path / name).unlink()
    assert published_weights("resnet18", cache=cache) == cache / name
    assert [path.name for path in cache.iterdir()] == [name]


def test_a_wrong_file_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish(monkeypatch, tmp_path, "00000000")
    (tmp_path / name).write_bytes(CONTENT)
    with pytest.raises(DownloadError, match=f"begins with `{RIGHT}`, not with `00000000`"):
        published_weights("resnet18", cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_a_network_the_file_can_be_put_there_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish(monkeypatch, tmp_path / "nowhere", RIGHT)
    cache = tmp_path / "cache"
    with pytest.raises(DownloadError) as caught:
        published_weights("resnet18", cache=cache)
    url = network_entry("resnet18").published.url  # type: ignore[union-attr]
    assert caught.value.message.startswith(f"{url} did not come: ")
    assert caught.value.hint == f"download {url} elsewhere and put it at `{cache / name}`"
    (cache / name).write_bytes(CONTENT)
    assert published_weights("resnet18", cache=cache) == cache / name


def test_a_damaged_file_in_the_cache_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish(monkeypatch, tmp_path / "nowhere", RIGHT)
    (tmp_path / name).write_bytes(b"half")
    with pytest.raises(DownloadError, match=r"is damaged: .*\nhint: delete it and ask again"):
        published_weights("resnet18", cache=tmp_path)


def test_a_network_without_published_weights_lists_those_that_have() -> None:
    with pytest.raises(WeightsError) as caught:
        published_weights("lenet5")
    assert caught.value.message == "there are no published weights for `lenet5`"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("there are for `alexnet`, `vgg11`, ")
