"""The axes along which work grows, the works on each of them, and their sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Sizes = tuple[int, ...]


def itself(size: int) -> float:
    """The amount of work that is expected to grow as the size does."""
    return float(size)


def pixels(side: int) -> float:
    """The number of pixels of a square image."""
    return float(side * side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One line of the tables at several sizes.

    Attributes:
        name: What is done, in words.
        call: Module and function that set it up and return what is measured.
        sizes: The sizes at which it is measured.
        quick: Those of `--quick`.
        network: Name of its network; "" where the function knows.
        data: The kind of data that it needs; "" for none.
        amount: The amount of work at a size, to which seconds and memory are compared.
    """

    name: str
    call: str
    sizes: Sizes
    quick: Sizes
    network: str = ""
    data: str = ""
    amount: Callable[[int], float] = itself


MILLION: Sizes = (1_000, 10_000, 100_000, 1_000_000)
FILES: Sizes = MILLION[:3]
FEW: Sizes = (200, 400)
CLASSES: Sizes = (2, 10, 100, 1_000, 10_000)
FEW_CLASSES: Sizes = (2, 30)
SIDES: Sizes = (32, 64, 112, 224, 448)
BATCHES: Sizes = (8, 16, 32, 64, 128, 256, 512)
DEPTHS: Sizes = (20, 32, 44, 56, 110)


def _on_array(name: str, function: str, sizes: Sizes = MILLION) -> Work:
    return Work(name=name, call=f"images:{function}", sizes=sizes, quick=FEW, data="array")


def _on_photos(name: str, function: str) -> Work:
    return Work(name=name, call=f"images:{function}", sizes=FILES, quick=FEW, data="photos")


def _on_classes(name: str, function: str, data: str = "") -> Work:
    return Work(name=name, call=f"classes:{function}", sizes=CLASSES, quick=FEW_CLASSES, data=data)


def _step(name: str, network: str, sizes: Sizes, quick: Sizes) -> Work:
    return Work(name=name, call="networks:batch_step", sizes=sizes, quick=quick, network=network)


def _of_depth(name: str, function: str) -> Work:
    return Work(name=name, call=f"networks:{function}", sizes=DEPTHS, quick=DEPTHS[:2])


AXES: dict[str, tuple[Work, ...]] = {
    "images": (
        _on_photos("open a folder of photos", "open_data"),
        Work(
            name="open a table (CSV)", call="images:open_data", sizes=MILLION, quick=FEW,
            data="table",
        ),
        _on_array("open an array (npz)", "open_data"),
        _on_photos("scan photos for the first time", "scan_first"),
        _on_photos("scan photos again", "scan_again"),
        _on_array("scan an array", "scan_first"),
        _on_array("split", "split"),
        _on_array("search near-duplicates", "near_duplicates", FILES),
        _on_photos("check photos that are scanned, with its page", "check"),
        _on_array("check an array, with its page", "check", FILES),
        _on_photos("an epoch of batches of photos, from the store", "epoch"),
        _on_array("an epoch of batches of an array", "epoch"),
        _on_array("write splits.csv", "write_split_table"),
        _on_array("read splits.csv", "read_split_table"),
        _on_array("evaluate, with report, predictions and numbers", "evaluate"),
        _on_array("what objects show of themselves", "show"),
    ),
    "classes": (
        _on_classes("step of lenet5_relu, 128 images", "step"),
        _on_classes("metrics of 10,000 images", "metrics"),
        _on_classes("evaluate 10,000 images, with report", "evaluate", "classes"),
        _on_classes("report alone", "report", "classes"),
        _on_classes("numbers to JSON and back", "numbers", "classes"),
        _on_classes("what the command line prints", "printed", "classes"),
        _on_classes("check 20,000 images, with its page", "check", "classes"),
    ),
    "size": (
        Work(
            name="step of resnet18, 8 images of this side", call="networks:size_step",
            sizes=SIDES, quick=SIDES[:2], amount=pixels,
        ),
    ),
    "batch": (
        _step("step of lenet5_relu", "lenet5_relu", BATCHES, BATCHES[:2]),
        _step("step of resnet20", "resnet20", BATCHES, BATCHES[:2]),
    ),
    "depth": (
        _of_depth("step of resnetN, 32 images", "depth_step"),
        _of_depth("layer table of resnetN", "table"),
        _of_depth("building resnetN", "building"),
    ),
}  # fmt: skip
