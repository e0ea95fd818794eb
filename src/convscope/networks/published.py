"""Published weights: downloaded when asked for, checked, and kept in a folder of this user."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from convscope.errors import DownloadError, WeightsError
from convscope.files import sha256
from convscope.networks.entry import PublishedWeights
from convscope.networks.table import NETWORKS, entry

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 20


def published_weights(name: str, *, cache: Path | None = None) -> Path:
    """The file with a network's published weights; downloaded unless it is there.

    Args:
        name: A name of the table.
        cache: The folder where it lies or goes; by default that of `cache_folder`.

    Returns:
        The path of a file whose SHA-256 begins as its publisher says.

    Raises:
        NetworkError: There is no network of that name.
        WeightsError: No weights are published for it.
        DownloadError: The file didn't come, or is not what it should be.
    """
    published = entry(name).published
    if published is None:
        those = [row.name for row in NETWORKS.values() if row.published is not None]
        raise WeightsError(
            f"there are no published weights for `{name}`",
            hint=f"there are for {', '.join(f'`{other}`' for other in those)}",
        )
    file = (cache or cache_folder()) / published.filename
    if file.is_file():
        found = sha256(file)
        if found.startswith(published.sha256_prefix):
            return file
        raise DownloadError(
            f"`{file}` is damaged: its SHA-256 begins with `{found[:8]}`, not with "
            f"`{published.sha256_prefix}`",
            hint="delete it and ask again",
        )
    _download(published, file)
    return file


def cache_folder() -> Path:
    """Where downloads are kept: `$CONVSCOPE_CACHE`, or `convscope` in the system's cache folder."""
    own = os.environ.get("CONVSCOPE_CACHE")
    if own:
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "convscope"


def _download(published: PublishedWeights, file: Path) -> None:
    """Fetches into a file beside the target, and gives it its name once it is whole and right."""
    by_hand = f"download {published.url} elsewhere and put it at `{file}`"
    digest = hashlib.sha256()
    part: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(published.url, timeout=TIMEOUT_SECONDS) as source,
            tempfile.NamedTemporaryFile(
                dir=file.parent, prefix=file.name, suffix=".part", delete=False
            ) as target,
        ):
            part = Path(target.name)
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
        if not digest.hexdigest().startswith(published.sha256_prefix):
            raise DownloadError(
                f"{published.url} is not what it should be: its SHA-256 begins with "
                f"`{digest.hexdigest()[:8]}`, not with `{published.sha256_prefix}`",
                hint=by_hand,
            )
        part.replace(file)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(f"{published.url} did not come: {reason}", hint=by_hand) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
