"""The data that both sides of a comparison get: made once, in a folder for the whole run."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

from suite.comparison import PROGRAMS

NUM_HELD_OUT = 2  # photos of each class beside the train images, for val and for test
ENDINGS = (".jpg", ".jpeg")


class Material:
    """Finds data in a folder, and lays it out as the peers want it.

    Args:
        data: Folder with `mnist`, `fashion-mnist` (idx files), `flowers` (class folders of
            photos), `hymenoptera` (`train` and `val`) and `weights`.
        folder: Where copies are laid out.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.folder = data, folder

    def digits_root(self, name: str, peer_name: str) -> Path:
        """The root for torchvision's `MNIST` or `FashionMNIST`: unpacked idx files."""
        root = self.folder / name
        raw = root / peer_name / "raw"
        if not raw.exists():
            raw.mkdir(parents=True)
            for file in (self.data / name).iterdir():
                content = file.read_bytes()
                is_packed = file.suffix == ".gz"
                target = raw / (file.stem if is_packed else file.name)
                target.write_bytes(gzip.decompress(content) if is_packed else content)
        return root

    def class_names(self) -> list[str]:
        """The classes of the photos."""
        return sorted(path.name for path in (self.data / "flowers").iterdir() if path.is_dir())

    def photos(self, count: int) -> Path:
        """A folder with `train` (that many photos), `val` and `test`, in class folders.

        Photos that occur again get bytes of their own behind their end: no cache knows them.
        """
        root = self.folder / f"photos-{count}"
        if not root.exists():
            found = self._photos_by_turns()
            held_out = NUM_HELD_OUT * len(self.class_names())
            self._copy(found[:held_out], root / "val", held_out)
            self._copy(found[held_out : 2 * held_out], root / "test", held_out)
            self._copy(found[2 * held_out :], root / "train", count)
        return root

    def flat_photos(self, count: int) -> Path:
        """That many photos in class folders, without splits."""
        root = self.folder / f"flat-{count}"
        if not root.exists():
            self._copy(self._photos_by_turns(), root, count)
        return root

    def _photos_by_turns(self) -> list[Path]:
        """All photos, one of each class after the other."""
        folders = [self.data / "flowers" / name for name in self.class_names()]
        lists = [
            sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
            for folder in folders
        ]
        return [photo for photos in zip(*lists, strict=False) for photo in photos]

    @staticmethod
    def _copy(photos: list[Path], target: Path, count: int) -> None:
        for number in range(count):
            photo = photos[number % len(photos)]
            folder = target / photo.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            tail = b"%d" % number if number >= len(photos) else b""
            (folder / f"{number:05d}.jpg").write_bytes(photo.read_bytes() + tail)

    def squeezenet_weights(self) -> Path:
        """ImageNet weights with torchvision's names."""
        found = sorted((self.data / "weights").glob("squeezenet1_1*"))
        if not found:
            raise FileNotFoundError(f"no `squeezenet1_1*` is in `{self.data / 'weights'}`")
        return found[0]

    def classifier(self, network: str) -> tuple[Path, Path]:
        """A classifier folder of random weights for the photos' classes, and the same as a file."""
        folder, state = self.folder / f"{network}-classifier", self.folder / f"{network}.pt"
        if not folder.exists():
            settings = {
                "work": "prepare",
                "network": network,
                "names": self.class_names(),
                "state": str(state),
                "classifier": str(folder),
            }
            subprocess.run(
                [sys.executable, str(PROGRAMS / "ours.py"), json.dumps(settings)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        return folder, state

    def remove(self) -> None:
        """Deletes what was laid out."""
        shutil.rmtree(self.folder, ignore_errors=True)
