"""Files with random damage: whatever is wrong with them, the error is one for users."""

from __future__ import annotations

import io
import os
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from convscope.data.sources.opening import open_dataset
from convscope.errors import DataError

pytestmark = pytest.mark.slow

# `CONVSCOPE_MUTATIONS=10000 pytest tests/data/sources/test_mutated_sources.py` is the long run.
NUM_MUTATIONS = int(os.environ.get("CONVSCOPE_MUTATIONS", "100"))
CONTENT = bytes(range(256)) * 2


def zipped(method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in ("a/1.png", "b/2.png", "c/3.png"):
            archive.writestr(name, CONTENT)
    return stream.getvalue()


def tarred(mode: str, format: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=format) as archive:  # type: ignore[call-overload]
        for name in ("a/1.png", f"b/{'long' * 40}\u00e9.png"):
            info = tarfile.TarInfo(name)
            info.size = len(CONTENT)
            archive.addfile(info, io.BytesIO(CONTENT))
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"path": ["a", "b"], "label": [1, 2]}), stream)
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros((4, 5, 5), np.uint8), y=np.arange(4))
    return stream.getvalue()


FILES = {
    "stored.zip": zipped(zipfile.ZIP_STORED),
    "deflated.zip": zipped(zipfile.ZIP_DEFLATED),
    "pax.tar": tarred("w", tarfile.PAX_FORMAT),
    "gnu.tar": tarred("w", tarfile.GNU_FORMAT),
    "pax.tar.gz": tarred("w:gz", tarfile.PAX_FORMAT),
    "gnu.tar.xz": tarred("w:xz", tarfile.GNU_FORMAT),
    "table.csv": b'path,label,split\na/1.png,x,train\nb/1.png,y,val\n"a",b,c\n',
    "table.parquet": parquet(),
    "arrays.npz": npz(),
}


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes changed, cut out or inserted."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(len(changed) or 1)
        kind = chance.random()
        if kind < 0.6 and changed:
            changed[at] = chance.randrange(256)
        elif kind < 0.8:
            del changed[at : at + chance.randrange(50)]
        else:
            changed[at:at] = changed[: chance.randrange(40)]
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_never_more_than_an_error(tmp_path: Path, name: str) -> None:
    chance = random.Random(name)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(CONTENT)
    for _ in range(NUM_MUTATIONS):
        (tmp_path / name).write_bytes(mutated(FILES[name], chance))
        try:
            dataset = open_dataset(tmp_path / name)
        except DataError:
            continue
        for index in range(len(dataset)):
            assert isinstance(dataset.images.name(index), str)
            assert isinstance(dataset.images.stamp(index), str)
            try:
                dataset.images.content(index)
            except DataError:
                continue
