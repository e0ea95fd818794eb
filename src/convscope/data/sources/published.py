"""Published data sets that are known by name: where their files lie, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.downloads import Checksum, cache_folder, download_file
from convscope.errors import DataError


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file with its hash, as given by its publisher or the PyTorch project."""

    name: str
    checksum: Checksum
    num_bytes: int


@dataclass(frozen=True, slots=True)
class PublishedData:
    """A data set that can be fetched.

    Attributes:
        folders: Addresses below which all files lie, tried in this order.
        files: The files of the data set.
    """

    folders: tuple[str, ...]
    files: tuple[PublishedFile, ...]


def _files(
    names: Sequence[str], *checksums_and_sizes: tuple[str, int]
) -> tuple[PublishedFile, ...]:
    return tuple(
        PublishedFile(name, Checksum("MD5", digest), num_bytes)
        for name, (digest, num_bytes) in zip(names, checksums_and_sizes, strict=True)
    )


IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
CIFAR_FOLDERS = ("https://www.cs.toronto.edu/~kriz",)
PUBLISHED = {
    "mnist": PublishedData(
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        ),
        _files(
            IDX_FILES,
            ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
            ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
            ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
            ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
        ),
    ),
    "fashion-mnist": PublishedData(
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",),
        _files(
            IDX_FILES,
            ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
            ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ),
    ),
    "cifar10": PublishedData(
        CIFAR_FOLDERS,
        _files(["cifar-10-binary.tar.gz"], ("c32a1d4ab5d03f1284b67883e8d87530", 170_052_171)),
    ),
    "cifar100": PublishedData(
        CIFAR_FOLDERS,
        _files(["cifar-100-binary.tar.gz"], ("03b5dce01913d631647c71ecec9e9cb8", 168_513_733)),
    ),
}


def find_published(name: str, *, download: bool) -> Path:
    """The folder of a data set's files, or its only file; fetched if asked for.

    Args:
        name: A key of `PUBLISHED`.
        download: Whether files that are missing may be fetched.

    Raises:
        DataError: Files are missing and may not be fetched.
        DownloadError: One didn't come, or is not what it should be.
    """
    published = PUBLISHED[name]
    folder = cache_folder() / "datasets" / name
    missing = [file for file in published.files if not (folder / file.name).is_file()]
    if missing and not download:
        megabytes = sum(file.num_bytes for file in missing) / 1e6
        raise DataError(
            f"`{name}` is not on this machine",
            hint=f"`--download` fetches it from {published.folders[0]} ({megabytes:.0f} MB) into "
            f"`{folder}`; or give the folder where its files lie",
        )
    for file in missing:
        urls = [f"{address}/{file.name}" for address in published.folders]
        download_file(urls, folder / file.name, checksum=file.checksum)
    return folder if len(published.files) > 1 else folder / published.files[0].name
