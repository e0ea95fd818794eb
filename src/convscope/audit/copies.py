"""Copies: the kinds of exact and near-duplicates, by their splits and labels.

same pixels       near-duplicates
label_conflict    near_label_conflict    different labels
exact_leak        near_leak              in several splits
exact_duplicates  near_duplicates        neither
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convscope.audit.findings import Examined, Finding, FoundImage, Severity, finding
from convscope.data.duplicates.near_duplicates import exact_groups
from convscope.data.duplicates.orientations import NAMES
from convscope.data.split import components

# Which copy is kept: the reported number is measured on test, so test images stay.
RANK = {"": 0, "train": 1, "validation": 2, "test": 3}

SEVERITY: dict[str, Severity] = {
    "label_conflict": "error",
    "exact_leak": "error",
    "near_leak": "error",
    "possible_leak": "warning",
    "near_label_conflict": "warning",
    "exact_duplicates": "warning",
    "near_duplicates": "warning",
}
KEPT = "the copy to keep"
DRAWN_TOGETHER = " Where Convscope draws the splits, they stay together."


def find_exact_copies(examined: Examined) -> Iterator[Finding]:
    """Findings about images with the same pixels."""
    found: dict[str, list[FoundImage]] = {}
    for number, group in enumerate(exact_groups(examined.statistics, examined.readable)):
        kind = _kind(examined, group, "label_conflict", "exact_leak", "exact_duplicates")
        images = found.setdefault(kind, [])
        if kind == "label_conflict":
            images += _conflicting(examined, group, number)
        else:
            images += _one_kept(examined, group, number)
    yield from _findings(examined, found)


def find_near_copies(
    examined: Examined,
    pairs: NDArray[np.int64],
    distances: ArrayLike,
    *,
    orientations: ArrayLike = 0,
    certain_below: float = 1.0,
) -> Iterator[Finding]:
    """Findings about nearly identical images.

    Args:
        examined: The data set with its scan.
        pairs: (M, 2) indices of images that nearly look the same; of images with the same pixels
            one may stand for all.
        distances: (M,) distances from 0 (the same) to 1 (just near enough).
        orientations: (M,) how the first image of each pair is turned in the second.
        certain_below: Distance from which on a pair may be chance; nothing is left out because of
            such a pair.
    """
    turns = np.broadcast_to(np.asarray(orientations, dtype=np.uint8), len(pairs))
    pairs, apart, turns = _between_copies(examined, pairs, np.asarray(distances), turns)
    found: dict[str, list[FoundImage]] = {}
    leaving = _leaving(examined, pairs)  # once: no pair leads out of its group
    nearest_first = sorted(_components(pairs), key=lambda part: float(apart[part[1]].min()))
    for number, (group, links) in enumerate(nearest_first):
        kind = _kind(examined, group, "near_label_conflict", "near_leak", "near_duplicates")
        crossing = examined.splits[pairs[links, 0]] != examined.splits[pairs[links, 1]]
        is_certain = bool((apart[links][crossing] < certain_below).any())
        if crossing.any():  # worse than another label: a test on trained pictures
            kind = "near_leak" if is_certain else "possible_leak"
        images = found.setdefault(kind, [])
        nearest = _nearest(pairs[links], apart[links], turns[links])
        for index in group:
            other, distance, turn = nearest[int(index)]
            reason = f"nearly the same as {_named(examined, other, index)}"
            if NAMES[turn]:
                reason += f", {NAMES[turn]}"
            if examined.dataset.labels[other] != examined.dataset.labels[index]:
                reason += f", labelled `{examined.label(other)}`"
            reason += f" (distance {distance:.2f} of 1)"
            leaves = is_certain and bool(leaving[index])
            images.append(examined.image(index, reason, exclude=leaves, group=number))
    yield from _findings(examined, found)


def _findings(examined: Examined, found: dict[str, list[FoundImage]]) -> Iterator[Finding]:
    where = DRAWN_TOGETHER if examined.split_names == ("",) else ""
    for kind, severity in SEVERITY.items():
        if kind in found:
            yield finding(kind, severity=severity, images=found[kind], where=where)


def _kind(
    examined: Examined, group: NDArray[np.int64], conflict: str, leak: str, plain: str
) -> str:
    if len(np.unique(examined.dataset.labels[group])) > 1:
        return conflict
    return leak if len({str(examined.splits[i]) for i in group}) > 1 else plain


def _conflicting(examined: Examined, group: NDArray[np.int64], number: int) -> Iterator[FoundImage]:
    labels = examined.dataset.labels[group]
    first, second = group[0], group[int(np.argmax(labels != labels[0]))]
    for index, label in zip(group, labels, strict=True):
        other = first if label != labels[0] else second
        reason = f"same pixels as {_named(examined, other, index)}"
        reason += f", labelled `{examined.label(other)}`"
        yield examined.image(index, reason, exclude=True, group=number)


def _one_kept(examined: Examined, group: NDArray[np.int64], number: int) -> Iterator[FoundImage]:
    ranks = [RANK.get(str(examined.splits[i]), 0) for i in group]
    kept = group[int(np.argmax(ranks))]
    yield examined.image(kept, KEPT, group=number)
    for index in group:
        if index != kept:
            reason = f"same pixels as {_named(examined, kept, index)}"
            yield examined.image(index, reason, exclude=True, group=number)


def _named(examined: Examined, other: int, index: int) -> str:
    """The name of another image, with its split where that isn't this image's."""
    split = examined.splits[other]
    where = f" in {split}" if split != examined.splits[index] else ""
    return f"`{examined.name(other)}`{where}"


def _between_copies(
    examined: Examined,
    pairs: NDArray[np.int64],
    distances: NDArray[np.float32],
    turns: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.uint8]]:
    """The pairs, with those of their exact copies in other splits or with other labels.

    Without them a picture in train would not be seen to be near one in test whose exact copy in
    train stands for it.
    """
    standing_for: dict[int, list[int]] = {}
    for group in exact_groups(examined.statistics, examined.readable):
        different = {
            (str(examined.splits[i]), int(examined.dataset.labels[i])): int(i) for i in group
        }
        standing_for.update((int(i), sorted({int(i), *different.values()})) for i in group)
    more = [
        (one, other, row)
        for row, (first, second) in enumerate(pairs.tolist())
        for one in standing_for.get(first, [first])
        for other in standing_for.get(second, [second])
    ]
    ends = np.array([(one, other) for one, other, _ in more], dtype=np.int64).reshape(-1, 2)
    rows = np.array([row for _, _, row in more], dtype=np.int64)
    return ends, distances[rows].astype(np.float32), turns[rows]


def _leaving(examined: Examined, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether an image has a near copy in a later split, among these pairs (M, 2)."""
    ranks = np.array([RANK.get(str(split), 0) for split in examined.splits], dtype=np.int64)
    latest = ranks.copy()
    for one, other in (pairs.T, pairs.T[::-1]):
        np.maximum.at(latest, one, ranks[other])
    return latest > ranks


def _nearest(
    pairs: NDArray[np.int64], distances: NDArray[np.float32], turns: NDArray[np.uint8]
) -> dict[int, tuple[int, float, int]]:
    """For each image the nearest other one, its distance, and how it is turned."""
    nearest: dict[int, tuple[int, float, int]] = {}
    for (one, other), distance, turn in zip(pairs.tolist(), distances, turns.tolist(), strict=True):
        for image, its in ((one, other), (other, one)):
            if image not in nearest or distance < nearest[image][1]:
                nearest[image] = (its, float(distance), turn)
    return nearest


def _components(pairs: NDArray[np.int64]) -> Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Images that are connected through pairs, sorted, with the rows of these pairs."""
    if not len(pairs):
        return
    images, position = np.unique(pairs, return_inverse=True)
    ends = position.reshape(pairs.shape)
    of_image = components(len(images), ends)
    of_pair = of_image[ends[:, 0]]
    images_order = np.argsort(of_image, kind="stable")
    pairs_order = np.argsort(of_pair, kind="stable")
    image_parts = np.split(images_order, np.flatnonzero(np.diff(of_image[images_order])) + 1)
    pair_parts = np.split(pairs_order, np.flatnonzero(np.diff(of_pair[pairs_order])) + 1)
    for image_part, pair_part in zip(image_parts, pair_parts, strict=True):
        yield images[image_part], pair_part
