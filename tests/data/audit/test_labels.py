from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convscope.data.audit.label_features import features_of, standard_image
from convscope.data.audit.label_probe import stratified_folds
from convscope.data.audit.labels import JudgedLabels, suspicious_labels
from convscope.data.decode import decode_content
from convscope.data.sources.opening import open_dataset

Pixels = NDArray[np.uint8]


class Pictures:
    """Decoded images with labels, some of them wrong."""

    def __init__(self, pixels: list[Pixels], labels: NDArray[np.int64]) -> None:
        self.pixels = pixels
        self.true = labels
        self.classes = tuple(str(label) for label in range(int(labels.max()) + 1))

    def with_wrong(self, share: float) -> tuple[NDArray[np.int64], set[int]]:
        random = np.random.default_rng(0)
        wrong = random.permutation(len(self.true))[: round(share * len(self.true))]
        labels = self.true.copy()
        labels[wrong] += random.integers(1, len(self.classes), len(wrong))
        labels[wrong] %= len(self.classes)
        return labels, set(wrong.tolist())

    def judge(
        self, labels: NDArray[np.int64], indices: NDArray[np.int64] | None = None
    ) -> JudgedLabels:
        every = np.arange(len(labels)) if indices is None else indices
        return suspicious_labels(lambda index: self.pixels[index], labels, self.classes, every)


def pictures_at(path: str | Path) -> Pictures:
    dataset = open_dataset(path)
    pixels = [decode_content(dataset.images.content(index)).pixels for index in range(len(dataset))]
    return Pictures(pixels, dataset.labels)


@pytest.fixture(scope="module")
def digits() -> Pictures:
    return pictures_at("digits")


def test_planted_wrong_labels_of_digits_are_named_with_the_right_class(digits: Pictures) -> None:
    labels, wrong = digits.with_wrong(0.05)
    judged = digits.judge(labels)
    named = {suspicion.index for suspicion in judged.suspicions}
    assert len(named & wrong) / len(named) >= 0.95
    assert len(named & wrong) / len(wrong) >= 0.9
    right = [digits.true[one.index] == one.suggested for one in judged.suspicions]
    assert np.mean(right) >= 0.95


def test_right_labels_of_digits_are_left_alone(digits: Pictures) -> None:
    judged = digits.judge(digits.true)
    assert len(judged.suspicions) <= 2
    assert judged.accuracy == pytest.approx(0.98, abs=0.015)


def test_suspicions_are_ranked_and_say_how_likely_both_classes_are(digits: Pictures) -> None:
    labels, _ = digits.with_wrong(0.05)
    judged = digits.judge(labels)
    scores = [suspicion.score for suspicion in judged.suspicions]
    assert scores == sorted(scores, reverse=True)
    for one in judged.suspicions:
        assert one.label == labels[one.index]
        assert one.suggested != one.label
        assert 0 <= one.probability_of_label < one.probability_of_suggested <= 1


def test_judging_twice_gives_the_same(digits: Pictures) -> None:
    labels, _ = digits.with_wrong(0.05)
    assert digits.judge(labels) == digits.judge(labels)


def test_only_the_given_images_are_judged_and_progress_counts_them(digits: Pictures) -> None:
    labels, wrong = digits.with_wrong(0.05)
    indices = np.arange(100, 900)
    seen: list[int] = []
    judged = suspicious_labels(
        lambda index: digits.pixels[index], labels, digits.classes, indices, seen.append
    )
    assert sum(seen) == judged.num_judged == 800
    named = {suspicion.index for suspicion in judged.suspicions}
    assert named
    assert named <= set(indices.tolist())
    assert len(named & wrong) / len(named) >= 0.9


def test_a_probe_too_weak_for_photos_says_so_and_names_nothing(shared_data: Path) -> None:
    flowers = pictures_at(shared_data / "flowers")
    labels, _ = flowers.with_wrong(0.05)
    judged = flowers.judge(labels)
    assert not judged.suspicions
    assert judged.accuracy is not None
    assert 0.25 < judged.accuracy < 0.7
    assert judged.words.endswith("that is too few for it to contradict a label")


def test_random_labels_are_not_contradicted(digits: Pictures) -> None:
    labels = np.random.default_rng(0).integers(0, 10, len(digits.true))
    assert not digits.judge(labels).suspicions


def test_pictures_of_two_classes_are_judged(digits: Pictures) -> None:
    rows = np.flatnonzero(digits.true < 2)
    pair = Pictures([digits.pixels[row] for row in rows], digits.true[rows])
    labels, wrong = pair.with_wrong(0.05)
    named = {suspicion.index for suspicion in pair.judge(labels).suspicions}
    assert len(named & wrong) >= 0.8 * len(wrong)
    assert len(named - wrong) <= 2


NOT_JUDGED = "labels were not judged: that takes at least two classes with 10 different images each"


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_one_class_cannot_be_judged(digits: Pictures, count: int) -> None:
    zeros = np.flatnonzero(digits.true == 0)[:count]
    judged = digits.judge(digits.true, zeros)
    assert judged.words == NOT_JUDGED
    assert judged.accuracy is None
    assert not judged.suspicions


def test_classes_of_a_few_images_cannot_be_judged(digits: Pictures) -> None:
    few = np.concatenate([np.flatnonzero(digits.true == label)[:9] for label in range(10)])
    assert digits.judge(digits.true, few).words == NOT_JUDGED


def test_classes_of_copies_cannot_be_judged(digits: Pictures) -> None:
    copies = Pictures([digits.pixels[0]] * 40, np.repeat([0, 1], 20))
    assert copies.judge(copies.true).words == NOT_JUDGED


def test_a_small_class_is_left_out_and_the_others_are_judged(digits: Pictures) -> None:
    rows = np.concatenate([np.flatnonzero(digits.true < 3), np.flatnonzero(digits.true == 9)[:4]])
    judged = digits.judge(digits.true, rows)
    assert judged.num_judged == (digits.true < 3).sum()
    assert "4 images of classes with under 10 were not judged" in judged.words


def test_images_of_one_colour_can_be_judged() -> None:
    flat = [np.full((8, 8, 3), 100 * (index % 2) + index // 2, np.uint8) for index in range(80)]
    judged = Pictures(flat, np.arange(80) % 2).judge(np.arange(80) % 2)
    assert judged.accuracy == 1
    assert not judged.suspicions


def test_folds_hold_every_class_and_keep_copies_together() -> None:
    labels = np.repeat(np.arange(4), 25)
    hashes = np.random.default_rng(0).integers(0, 2**63, 100).astype(np.uint64)
    hashes[1] = hashes[0]
    folds = stratified_folds(labels, hashes)
    assert folds[0] == folds[1]
    for label in range(4):
        assert np.bincount(folds[labels == label], minlength=5).min() >= 4


def test_features_of_an_image_do_not_depend_on_the_others() -> None:
    random = np.random.default_rng(0)
    images = [
        standard_image(random.integers(0, 256, (20, 30, channels), dtype=np.uint8))
        for channels in (1, 3, 3, 1)
    ]
    together = features_of(images)
    alone = np.concatenate([features_of([image]) for image in images])
    assert together.shape == (4, 832)
    assert together == pytest.approx(alone, abs=1e-6)
