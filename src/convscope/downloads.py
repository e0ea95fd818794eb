"""Downloads on request, checked against a published hash and kept in the cache folder."""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.errors import DownloadError
from convscope.files import READ_BYTES

TIMEOUT_SECONDS = 30
HASHES = {"SHA-256": "sha256", "MD5": "md5"}
SHOWN_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Checksum:
    """A published hash of a file.

    Attributes:
        kind: `SHA-256` or `MD5`.
        prefix: The first digits of the hash in hexadecimal, or all of them.
    """

    kind: str
    prefix: str

    def of(self, path: Path) -> str:
        """This kind of hash of the file at `path`, in hexadecimal."""
        digest = _new_hash(self.kind)
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def mismatch(self, found: str) -> str | None:
        """The end of a sentence that says how a hash differs; None if it agrees."""
        if found.startswith(self.prefix):
            return None
        return (
            f"its {self.kind} begins with `{found[:SHOWN_DIGITS]}`, not with "
            f"`{self.prefix[:SHOWN_DIGITS]}`"
        )


def cache_folder() -> Path:
    """The cache folder: `$CONVSCOPE_CACHE`, or `convscope` in the system's folder for caches."""
    own = os.environ.get("CONVSCOPE_CACHE")
    if own:
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "convscope"


def download_file(urls: Sequence[str], target: Path, *, checksum: Checksum) -> Path:
    """The file at `target`, which is downloaded unless it is there.

    Args:
        urls: Addresses of the same content, tried in this order.
        target: Path of the file; its folder is made.
        checksum: Hash that the content must have, also when it is there already.

    Raises:
        DownloadError: No address gives the file, or its content has another hash.
    """
    if target.is_file():
        wrong = checksum.mismatch(checksum.of(target))
        if wrong:
            raise DownloadError(f"`{target}` is damaged: {wrong}", hint="delete it and ask again")
        return target
    reasons: list[DownloadError] = []
    for url in urls:
        try:
            _download(url, target, checksum)
            return target
        except DownloadError as error:
            reasons.append(error)
    raise DownloadError("; ".join(error.message for error in reasons), hint=reasons[0].hint)


def _download(url: str, target: Path, checksum: Checksum) -> None:
    """Downloads to a file beside the target, which gets its name once it is whole and correct."""
    by_hand = f"download {url} elsewhere and put it at `{target}`"
    digest = _new_hash(checksum.kind)
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as source,
            tempfile.NamedTemporaryFile(
                dir=target.parent, prefix=target.name, suffix=".part", delete=False
            ) as file,
        ):
            part = Path(file.name)
            while block := source.read(READ_BYTES):
                digest.update(block)
                file.write(block)
        wrong = checksum.mismatch(digest.hexdigest())
        if wrong:
            raise DownloadError(f"{url} is not what it should be: {wrong}", hint=by_hand)
        part.replace(target)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the response, which holds a connection
        reason = getattr(error, "reason", None) or error
        raise DownloadError(f"{url} did not come: {reason}", hint=by_hand) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _new_hash(kind: str) -> hashlib._Hash:
    return hashlib.new(HASHES[kind], usedforsecurity=False)
