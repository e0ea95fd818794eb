"""Published weights: downloaded when asked for, checked, and kept in a folder of this user."""

from __future__ import annotations

from pathlib import Path

from convscope.downloads import Checksum, fetched
from convscope.downloads import cache_folder as cache_folder
from convscope.errors import WeightsError
from convscope.networks.table import NETWORKS, entry


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
    return fetched(
        [published.url],
        (cache or cache_folder()) / published.filename,
        checksum=Checksum("SHA-256", published.sha256_prefix),
    )
