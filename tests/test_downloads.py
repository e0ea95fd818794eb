"""Downloads from a server on this machine: fetched, checked, kept; what goes wrong is said."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

import pytest

from convscope.downloads import Checksum, cache_folder, download_file
from convscope.errors import DownloadError

CONTENT = b"content" * 100_000
RIGHT = Checksum("MD5", hashlib.md5(CONTENT).hexdigest())


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the files in `tmp_path/public`."""
    (tmp_path / "public").mkdir()
    handler = partial(QuietHandler, directory=str(tmp_path / "public"))
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_file_is_fetched_once(server: str, tmp_path: Path) -> None:
    (tmp_path / "public" / "a.bin").write_bytes(CONTENT)
    target = tmp_path / "deep" / "a.bin"
    assert download_file([f"{server}/a.bin"], target, checksum=RIGHT).read_bytes() == CONTENT
    (tmp_path / "public" / "a.bin").unlink()
    assert download_file([f"{server}/a.bin"], target, checksum=RIGHT) == target


@pytest.mark.slow
def test_the_second_address_is_tried_when_the_first_has_nothing(
    server: str, tmp_path: Path
) -> None:
    (tmp_path / "public" / "b.bin").write_bytes(CONTENT)
    target = tmp_path / "a.bin"
    download_file([f"{server}/none.bin", f"{server}/b.bin"], target, checksum=RIGHT)
    assert target.read_bytes() == CONTENT


@pytest.mark.slow
def test_each_address_that_failed_is_named(server: str, tmp_path: Path) -> None:
    (tmp_path / "public" / "b.bin").write_bytes(CONTENT[:-1])
    urls = [f"{server}/none.bin", f"{server}/b.bin"]
    with pytest.raises(DownloadError) as caught:
        download_file(urls, tmp_path / "a.bin", checksum=RIGHT)
    found = hashlib.md5(CONTENT[:-1]).hexdigest()[:8]
    assert caught.value.message == (
        f"{urls[0]} did not come: File not found; {urls[1]} is not what it should be: "
        f"its MD5 begins with `{found}`, not with `{RIGHT.prefix[:8]}`"
    )
    assert caught.value.hint == f"download {urls[0]} elsewhere and put it at `{tmp_path / 'a.bin'}`"
    assert not list(tmp_path.glob("a.bin*"))


def test_a_damaged_file_that_is_there_is_named(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"half")
    with pytest.raises(DownloadError, match=r"is damaged: its MD5 .*\nhint: delete it and ask"):
        download_file(["http://127.0.0.1:9/a.bin"], target, checksum=RIGHT)


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "l"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c"
    monkeypatch.delenv("CONVSCOPE_CACHE")
    assert cache_folder() == tmp_path / "x" / "convscope"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "convscope"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache_folder() == tmp_path / "l" / "convscope"
