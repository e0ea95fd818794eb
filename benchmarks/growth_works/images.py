"""Works that grow with the number of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from material import ARRAY_PX, IMAGE_CLASSES, PHOTO_PX, Given, place_of

import convscope
from convscope.cache import open_cache
from convscope.data.augment.augmentation import Augmentation
from convscope.data.batch import Sampler
from convscope.data.batches import ImageBatches, TrainAugmentation
from convscope.data.decoding.content import DEFAULT_DECODING
from convscope.data.duplicates.near_duplicates import search_duplicates
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.data.split import Labels, Split, split_images
from convscope.device import choose_device
from convscope.splits import SplitRow, read_splits, write_splits

Found = dict[str, Any] | None
Call = Callable[[], Found]
BATCH = 128


def open_data(given: Given) -> Call:
    """Opening a data set."""
    return lambda: _nothing(convscope.open_dataset(place_of(given)))


def _nothing(_: object) -> None:
    """What a work returns that has nothing to say."""


def _source(given: Given) -> tuple[Path, Preprocessing]:
    """The photos or the array, and how a network takes them."""
    side = PHOTO_PX if given.data == "photos" else ARRAY_PX
    plain = Preprocessing(height=side, width=side, channels=1, mean=(0.5,), std=(0.3,))
    return place_of(given), plain


def _index(given: Given) -> tuple[ImageIndex, Preprocessing]:
    source, plain = _source(given)
    dataset = convscope.open_dataset(source)
    return build_image_index(dataset, cache=open_cache(), geometries=[plain]), plain


def scan_first(given: Given) -> Call:
    """A scan of images of which nothing is known; the photos are kept in the store."""
    source, plain = _source(given)
    dataset, cache = convscope.open_dataset(source), open_cache()
    cache.clear()
    return lambda: _nothing(build_image_index(dataset, cache=cache, geometries=[plain]))


def scan_again(given: Given) -> Call:
    """The same of images that an earlier process scanned."""
    source, plain = _source(given)
    dataset, cache = convscope.open_dataset(source), open_cache()
    return lambda: _nothing(build_image_index(dataset, cache=cache, geometries=[plain]))


def _split(index: ImageIndex) -> Split:
    dataset = index.dataset
    labels = Labels(dataset.classes, dataset.labels)
    return split_images(dataset.given_splits, index.pixel_hashes, labels=labels)


def split(given: Given) -> Call:
    """Train, validation and test images by their pixels' hashes."""
    index, _ = _index(given)
    return lambda: _nothing(_split(index))


def near_duplicates(given: Given) -> Call:
    """The search for near-duplicates among images that are scanned."""
    index, _ = _index(given)

    def work() -> Found:
        images = index.dataset.images
        found = search_duplicates(images, index.statistics, DEFAULT_DECODING, cache=None)
        return {"note": f"{len(found.pairs):,} pairs"}

    return work


def check(given: Given) -> Call:
    """`convscope check`, with its page."""
    source, _ = _source(given)
    output = given.folder / "checked"

    def work() -> Found:
        convscope.check(source, output=output, reporter=convscope.Reporter(quiet=True))
        return {"note": f"page {(output / 'report.html').stat().st_size / 1e6:.1f} MB"}

    return work


def epoch(given: Given) -> Call:
    """An epoch of mirrored and shifted batches."""
    index, plain = _index(given)
    batches = ImageBatches(
        index.pixels(plain),
        index.labels,
        Sampler(np.arange(len(index)), batch_size=BATCH, seed=0),
        preprocessing=plain,
        device=choose_device("cpu").torch,
        augmentation=TrainAugmentation(0, Augmentation(hflip=0.5)),
    )
    return lambda: _nothing(sum(len(batch.targets) for batch in batches.epoch(0)))


def _write(index: ImageIndex, path: Path) -> None:
    dataset = index.dataset
    rows = zip(
        index.names, index.labels, dataset.given_splits, _split(index).names(len(index)),
        index.pixel_hashes, strict=True,
    )  # fmt: skip
    write_splits(
        path,
        [
            SplitRow(name, dataset.classes[label], given, of, int(pixel_hash))
            for name, label, given, of, pixel_hash in rows
        ],
    )


def write_split_table(given: Given) -> Call:
    """The table of all images' splits, as a training writes it."""
    index, _ = _index(given)
    path = given.folder / f"splits-{given.size}.csv"

    def work() -> Found:
        _write(index, path)
        return {"note": f"{path.stat().st_size / 1e6:.1f} MB"}

    return work


def read_split_table(given: Given) -> Call:
    """The same, read and checked."""
    path = given.folder / f"splits-{given.size}.csv"
    if not path.exists():
        _write(_index(given)[0], path)
    return lambda: _nothing(read_splits(path))


def evaluate(given: Given) -> Call:
    """`convscope evaluate` of a network without training on all images of an array."""
    from classes import classifier_of

    source, output = place_of(given), given.folder / f"evaluated-{given.size}"
    classifier = classifier_of([str(number) for number in range(IMAGE_CLASSES)])

    def work() -> Found:
        quiet = convscope.Reporter(quiet=True)
        convscope.evaluate(classifier, source, output=output, device="cpu", reporter=quiet)
        return {"note": f"report {(output / 'report.html').stat().st_size / 1e6:.1f} MB"}

    return work


def show(given: Given) -> Call:
    """What a notebook shows of a data set, its index and its split."""
    index, _ = _index(given)
    shown = (index.dataset, index, index.scan, _split(index))
    return lambda: {"note": f"{sum(len(repr(each)) for each in shown):,} letters"}
