"""The data path against torchvision's: `python benchmarks/data.py DATA [PART...]`.

DATA is the folder with `flowers/` and `mnist/`; PARTs are photos, digits, start and memory, all of
them by default. Each part measures both sides in turns within one run and prints ratios, as other
processes on the machine slow both down alike. torchvision has to be importable for photos and
digits; the other parts need nothing.

- photos: 1,000 photos at 224 px, random resized crop and mirroring, normalised, batches of 32:
  `ImageFolder` and `DataLoader(num_workers=2, persistent_workers=True)` against class folders,
  store and `ImageBatches`. The first epoch of ours begins with an empty cache and contains
  everything: listing, hashing, decoding, writing the store.
- digits: 60,000 digits without augmentation, batches of 128, `MNIST` and `DataLoader(2)`.
- start: seconds to open 100,000 images of which nothing changed since the last time.
- memory: megabytes beside the page cache while batches are taken from a store of 8 GB.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `import convscope` does, before torch

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from convscope.cache import Cache
from convscope.data.augment.augmentation import Augmentation
from convscope.data.batch import Sampler
from convscope.data.batches import ImageBatches, TrainAugmentation
from convscope.data.index.image_index import build_image_index
from convscope.data.pixels.prepared import PreCrop
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset

PHOTOS = 1000
SIDE_PX = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROUNDS = 3
EPOCHS = 4
CPU = torch.device("cpu")


def import_torchvision() -> None:
    """Torchvision's CUDA build needs two operators declared to be imported without CUDA."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")  # noqa: TOR901
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        globals()["_declared"] = library  # goes away with its declarations


def repeat_photos(source: Path, target: Path, count: int) -> None:
    """`count` photos in class folders; a repeated one gets bytes of its own behind its end."""
    photos = sorted(source.rglob("*.jpg"))
    for number in range(count):
        photo = photos[number % len(photos)]
        folder = target / photo.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05d}.jpg").write_bytes(photo.read_bytes() + b"%d" % number)


def seconds_of(epoch: Callable[[], Iterator[object]]) -> float:
    """How long it takes to go through an epoch."""
    began = time.perf_counter()
    for _ in epoch():
        pass
    return time.perf_counter() - began


def torchvision_photos(root: Path) -> list[float]:
    """Seconds of each epoch."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    steps = [
        transforms.RandomResizedCrop(SIDE_PX),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, STD),
    ]
    began = time.perf_counter()
    loader = DataLoader(
        datasets.ImageFolder(root, transforms.Compose(steps)),
        batch_size=32,
        shuffle=True,
        num_workers=2,
        persistent_workers=True,
    )
    listing = time.perf_counter() - began
    return [listing + seconds_of(lambda: iter(loader))] + [
        seconds_of(lambda: iter(loader)) for _ in range(EPOCHS - 1)
    ]


def convscope_photos(root: Path) -> list[float]:
    """Seconds of each epoch; the first with everything before it."""
    plain = Preprocessing(height=SIDE_PX, width=SIDE_PX, channels=3, mean=MEAN, std=STD)
    canvas = PreCrop.around(plain)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        began = time.perf_counter()
        image_index = build_image_index(
            open_dataset(root), cache=Cache(Path(folder)), geometries=[canvas]
        )
        batches = ImageBatches(
            image_index.pixels(canvas),
            image_index.labels,
            Sampler(np.arange(len(image_index)), batch_size=32, seed=0),
            preprocessing=plain,
            device=CPU,
            augmentation=TrainAugmentation(
                0, Augmentation(crop_scale=0.08, hflip=0.5), image_index.sizes
            ),
        )
        scanning = time.perf_counter() - began
        first = scanning + seconds_of(lambda: batches.epoch(0))
        print(f"  convscope: {scanning:.2f} s of the first epoch for the scan")
        return [first] + [
            seconds_of(lambda epoch=epoch: batches.epoch(epoch)) for epoch in range(1, EPOCHS)
        ]


def photos(data: Path) -> None:
    """Random resized crops of photos."""
    import_torchvision()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        repeat_photos(data / "flowers", Path(folder), PHOTOS)
        for _ in range(ROUNDS):
            peer, own = torchvision_photos(Path(folder)), convscope_photos(Path(folder))
            later = [statistics.median(times[1:]) for times in (peer, own)]
            print(
                f"photos: first epoch {peer[0]:.2f} s and {own[0]:.2f} s: {peer[0] / own[0]:.2f} "
                f"times; later {PHOTOS / later[0]:,.0f} and {PHOTOS / later[1]:,.0f} images/s: "
                f"{later[0] / later[1]:.2f} times"
            )


def digits(data: Path) -> None:
    """Digits as they are."""
    import_torchvision()
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    plain = Preprocessing(height=28, width=28, channels=1, mean=(0.1307,), std=(0.3081,))
    image_index = build_image_index(open_dataset(data / "mnist"), cache=None)
    train = np.flatnonzero(np.array(image_index.dataset.given_splits) == "train")
    batches = ImageBatches(
        image_index.pixels(plain),
        image_index.labels,
        Sampler(train, batch_size=128, seed=0),
        preprocessing=plain,
        device=CPU,
        augmentation=TrainAugmentation(0),
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        raw = Path(folder) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for file in (data / "mnist").iterdir():
            (raw / file.name).symlink_to(file.resolve())
            if file.suffix == ".gz":
                import gzip

                (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
        steps = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(plain.mean, plain.std)]
        )
        peer = DataLoader(
            datasets.MNIST(folder, transform=steps),
            batch_size=128,
            shuffle=True,
            num_workers=2,
            persistent_workers=True,
        )
        seconds_of(lambda: iter(peer))
        for number in range(ROUNDS):
            theirs = seconds_of(lambda: iter(peer))
            ours = seconds_of(lambda number=number: batches.epoch(number))
            print(f"digits: {theirs:.2f} s and {ours:.3f} s: {theirs / ours:.0f} times")


def start(_: Path) -> None:
    """A start on which nothing changed."""
    count, plain = 100_000, Preprocessing(height=32, width=32, channels=3, mean=MEAN, std=STD)
    content = np.random.default_rng(0).integers(0, 256, (count, 40), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        for number in range(count):
            place = Path(folder) / f"class{number % 10}"
            place.mkdir(exist_ok=True)
            pixels = np.resize(content[number], 8 * 8 * 3).tobytes()
            (place / f"{number:06d}.ppm").write_bytes(b"P6 8 8 255\n" + pixels)
        for words in ("first", "again", "again"):
            began = time.perf_counter()
            dataset = open_dataset(folder)
            opened = time.perf_counter() - began
            image_index = build_image_index(dataset, cache=Cache(Path(cache)), geometries=[plain])
            pixels = image_index.pixels(plain)
            pixels.take(np.arange(128))
            del image_index, pixels
            seconds = time.perf_counter() - began
            print(f"start of {count:,} images, {words}: {seconds:.2f} s ({opened:.2f} s to list)")


class _Noise:
    """Images that are made when they are asked for."""

    def __init__(self, count: int, side_px: int) -> None:
        self.count, self.side_px = count, side_px
        self._noise = np.random.default_rng(0).integers(0, 256, 10**6, dtype=np.uint8)

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return str(index)

    def stamp(self, index: int) -> str:
        return f"noise {index}"

    def content(self, index: int) -> NDArray[np.uint8]:
        size = self.side_px * self.side_px * 3
        first = index * 7919 % (10**6 - size)
        pixels = self._noise[first : first + size].copy()
        pixels[:8] = np.frombuffer(np.uint64(index).tobytes(), dtype=np.uint8)
        return pixels.reshape(self.side_px, self.side_px, 3)


def anonymous_megabytes() -> float:
    """Memory of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


def memory(_: Path) -> None:
    """An epoch from a store that is larger than it may be in memory."""
    from convscope.data.dataset import Dataset

    plain = Preprocessing(height=SIDE_PX, width=SIDE_PX, channels=3, mean=MEAN, std=STD)
    count = 8 * 10**9 // (SIDE_PX * SIDE_PX * 3)
    dataset = Dataset(
        name="noise",
        images=_Noise(count, SIDE_PX),
        labels=np.arange(count) % 2,
        classes=("a", "b"),
        given_splits=("",) * count,
    )
    with tempfile.TemporaryDirectory() as cache:
        image_index = build_image_index(dataset, cache=Cache(Path(cache)), geometries=[plain])
        batches = ImageBatches(
            image_index.pixels(plain),
            image_index.labels,
            Sampler(np.arange(count), batch_size=64, seed=0),
            preprocessing=plain,
            device=CPU,
            augmentation=TrainAugmentation(0, Augmentation(hflip=0.5)),
        )
        before, most = anonymous_megabytes(), 0.0
        for _batch in batches.epoch(0):
            most = max(most, anonymous_megabytes())
        print(
            f"memory: {count:,} images in a store of 8 GB; {before:.0f} MB before the epoch, "
            f"at most {most:.0f} MB in it, page cache aside"
        )


PARTS = {"photos": photos, "digits": digits, "start": start, "memory": memory}


def main() -> None:
    """Runs the parts that are asked for."""
    data, *parts = sys.argv[1:] or ["../shared/data"]
    for part in parts or PARTS:
        PARTS[part](Path(data))


if __name__ == "__main__":
    main()
