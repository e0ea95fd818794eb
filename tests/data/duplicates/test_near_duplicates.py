from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter, shift

from convscope.data.decoding.content import Decoded
from convscope.data.decoding.decode import decode_content
from convscope.data.duplicates.calibration import TURNED, Duplicates
from convscope.data.duplicates.distances import aligned_distances, local_scales, pairs_within
from convscope.data.duplicates.near_duplicates import (
    choose_sample,
    exact_groups,
    find_duplicates,
)
from convscope.data.duplicates.orientations import NAMES
from convscope.data.duplicates.variants import VARIANTS, make_variant
from convscope.data.index.statistics import STATISTICS, measure
from convscope.data.sources.opening import open_dataset
from convscope.data.split import connected

Pixels = NDArray[np.uint8]


def statistics_of(images: Sequence[Pixels]) -> NDArray[np.void]:
    statistics = np.zeros(len(images), dtype=STATISTICS)
    for index, pixels in enumerate(images):
        statistics[index] = measure(Decoded(pixels, "PNG", "RGB"))
    return statistics


def find(images: Sequence[Pixels]) -> Duplicates:
    statistics = statistics_of(images)
    chosen = choose_sample(statistics)
    return find_duplicates(
        statistics, sample_indices=chosen, sample_pixels=[images[index] for index in chosen]
    )


def exact(images: Sequence[Pixels]) -> list[list[int]]:
    found = exact_groups(statistics_of(images), np.arange(len(images)))
    return [group.tolist() for group in found]


def groups(images: Sequence[Pixels]) -> NDArray[np.int64]:
    """The group of each image: the smallest index in it."""
    _, labels = np.unique(statistics_of(images)["pixels"], return_inverse=True)
    merged = connected(labels, labels[find(images).pairs])
    _, first, position = np.unique(merged, return_index=True, return_inverse=True)
    return first[position]


def pairs_of(found: Duplicates) -> set[tuple[int, ...]]:
    return {tuple(pair) for pair in found.pairs.tolist()}


def scene(seed: int, height: int = 60, width: int = 80) -> Pixels:
    """Coloured clouds of several sizes."""
    random = np.random.default_rng(seed)
    layers = [
        gaussian_filter(random.normal(size=(height, width, 3)), (size, size, 0)) * size
        for size in (1, 3, 8)
    ]
    total = np.sum(layers, axis=0)
    scaled = (total - total.mean()) / total.std() * 45 + 128
    pixels: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return pixels


def saved(pixels: Pixels, quality: int = 40) -> Pixels:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(content.getvalue())))


def resized(pixels: Pixels, factor: float = 0.5) -> Pixels:
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((int(image.width * factor), int(image.height * factor))))


def cropped(pixels: Pixels) -> Pixels:
    return pixels[3:, 4:]


SCENES = [scene(seed) for seed in range(120)]


@pytest.fixture(scope="module")
def flowers(shared_data: Path) -> list[Pixels]:
    images = open_dataset(shared_data / "flowers").images
    return [decode_content(images.content(index)).pixels for index in range(len(images))]


@pytest.mark.slow
def test_different_pictures_are_no_copies() -> None:
    assert not exact(SCENES)
    assert not len(find(SCENES).pairs)
    assert groups(SCENES).tolist() == list(range(len(SCENES)))


@pytest.mark.slow
@pytest.mark.parametrize("change", [saved, resized, cropped])
def test_planted_copies_are_found_and_nothing_else(change: Callable[[Pixels], Pixels]) -> None:
    copies = [change(pixels) for pixels in SCENES[:12]]
    found = find([*SCENES, *copies])
    assert pairs_of(found) == {(index, 120 + index) for index in range(12)}
    assert (found.distances < 1).all()


@pytest.mark.slow
def test_same_pixels_are_exact_copies_and_take_part_in_pairs_once() -> None:
    images = [*SCENES, SCENES[5], SCENES[7], SCENES[5], saved(SCENES[5])]
    assert exact(images) == [[5, 120, 122], [7, 121]]
    assert pairs_of(find(images)) == {(5, 123)}


@pytest.mark.slow
def test_copies_of_copies_are_one_group_of_exact_and_near_ones() -> None:
    images = [*SCENES, SCENES[5], saved(SCENES[5]), saved(SCENES[9], 60), SCENES[9]]
    label = groups(images)
    assert np.flatnonzero(label == 5).tolist() == [5, 120, 121]
    assert np.flatnonzero(label == 9).tolist() == [9, 122, 123]
    assert len(np.unique(label)) == len(SCENES)


@pytest.mark.slow
@settings(max_examples=3, deadline=None)
@given(st.permutations(range(140)))
def test_the_order_of_the_images_changes_nothing(order: list[int]) -> None:
    images = [*SCENES, *(saved(pixels) for pixels in SCENES[:15]), *SCENES[:5]]
    label = groups(images)
    shuffled = groups([images[index] for index in order])
    together = label[:, np.newaxis] == label
    expected = together[np.ix_(order, order)]
    assert (expected == (shuffled[:, np.newaxis] == shuffled)).all()


@pytest.mark.slow
def test_distances_and_calibration_are_the_same_bits_in_any_order() -> None:
    images = [*SCENES, *(cropped(pixels) for pixels in SCENES[:15])]
    one, other = find(images), find(images[::-1])
    assert one.calibration == other.calibration
    assert sorted(one.distances.tolist()) == sorted(other.distances.tolist())


@pytest.mark.slow
def test_digits_are_no_copies_of_each_other(digits_pixels: list[Pixels]) -> None:
    found = find(digits_pixels)
    assert not exact(digits_pixels)
    assert len(found.pairs) <= 1


@pytest.mark.slow
def test_photos_taken_one_after_the_other_are_found_among_flowers(flowers: list[Pixels]) -> None:
    assert pairs_of(find(flowers)) == {(103, 115), (153, 156)}


@pytest.mark.slow
def test_planted_copies_of_photos_are_found_and_nothing_else(flowers: list[Pixels]) -> None:
    copies = [
        *(saved(pixels) for pixels in flowers[200:220]),
        *(resized(pixels) for pixels in flowers[220:240]),
        *(
            pixels[pixels.shape[0] // 20 :, : -(pixels.shape[1] // 20)]
            for pixels in flowers[240:260]
        ),
    ]
    found = pairs_of(find([*flowers, *copies])) - {(103, 115), (153, 156)}
    assert found == {(index, index + 400) for index in range(200, 260)}


@pytest.mark.slow
def test_a_calibration_says_which_copies_it_finds(flowers: list[Pixels]) -> None:
    calibration = find(flowers).calibration
    assert set(calibration.detection) == {*VARIANTS, *TURNED}
    assert min(calibration.detection.values()) >= 0.9
    assert calibration.expected_false_pairs == pytest.approx(0.132)
    assert "100% of those resized to 50 %" in calibration.description


@pytest.mark.slow
def test_many_copies_hardly_move_the_threshold() -> None:
    alone = find(SCENES).calibration
    copied = find([*SCENES, *(saved(pixels) for pixels in SCENES[:30])]).calibration
    assert copied.threshold == pytest.approx(alone.threshold, rel=0.25)
    assert copied.dimension == pytest.approx(alone.dimension, rel=0.25)


@pytest.mark.slow
def test_data_in_which_every_picture_is_there_twice_shows_every_pair() -> None:
    found = find([*SCENES, *(saved(pixels, 60) for pixels in SCENES)])
    assert pairs_of(found) == {(index, 120 + index) for index in range(120)}


def test_no_images_have_no_copies() -> None:
    found = find([])
    assert not exact([])
    assert found.pairs.shape == (0, 2)
    assert groups([]).shape == (0,)


def test_one_image_is_its_own_group() -> None:
    assert groups(SCENES[:1]).tolist() == [0]


def test_two_images_are_copies_if_they_hardly_differ() -> None:
    assert groups(SCENES[:2]).tolist() == [0, 1]
    assert groups([SCENES[0], saved(SCENES[0])]).tolist() == [0, 0]
    assert groups([SCENES[0], SCENES[0]]).tolist() == [0, 0]


def test_a_handful_of_images_says_that_nothing_is_calibrated() -> None:
    calibration = find(SCENES[:5]).calibration
    assert calibration.description == (
        "5 different images can't say how near copies are; only pairs that hardly differ count"
    )
    assert np.isnan(calibration.expected_false_pairs)


def test_images_that_are_all_the_same_are_one_group() -> None:
    assert groups([SCENES[0]] * 50).tolist() == [0] * 50


@pytest.mark.slow
def test_empty_images_are_no_copies_of_each_other() -> None:
    flat = [np.full((20, 20, 3), level, dtype=np.uint8) for level in range(0, 250, 5)]
    found = find([*SCENES, *flat])
    assert not len(found.pairs)


@pytest.mark.slow
def test_images_of_another_colour_or_contrast_or_far_from_their_shape_are_no_copies() -> None:
    red = SCENES[0][:, :, [1, 0, 2]].copy()
    red[:, :, 0] = np.minimum(255, red[:, :, 0].astype(int) + 90)
    faint = (SCENES[1] // 3 + 80).astype(np.uint8)
    narrow = np.asarray(Image.fromarray(SCENES[2]).resize((30, 60)))
    turned = np.asarray(Image.fromarray(SCENES[3]).transpose(Image.Transpose.ROTATE_90))
    flattened = np.asarray(Image.fromarray(turned).resize((120, 60)))
    assert not len(find([*SCENES, red, faint, narrow, flattened]).pairs)


TURNS: dict[str, Callable[[Pixels], Pixels]] = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "turned by 180 degrees": lambda pixels: np.rot90(pixels, 2),
    "turned by 90 degrees": np.rot90,
    "mirrored and turned by 90 degrees": lambda pixels: pixels.swapaxes(0, 1),
}
CHANGES: list[Callable[[Pixels], Pixels]] = [
    lambda pixels: np.asarray(Image.fromarray(pixels).resize((70, 70))),
    lambda pixels: np.asarray(Image.fromarray(pixels).convert("L").convert("RGB")),
    lambda pixels: np.asarray(Image.fromarray(pixels).convert("L"))[:, :, np.newaxis],
    lambda pixels: np.asarray(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(1.4)),
    lambda pixels: np.asarray(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(0.6)),
]


@pytest.mark.slow
def test_turned_copies_are_found_and_said_to_be_turned() -> None:
    copies = [
        saved(np.ascontiguousarray(turn(SCENES[6 * number + row])), 85)
        for number, turn in enumerate(TURNS.values())
        for row in range(6)
    ]
    found = find([*SCENES, *copies])
    assert pairs_of(found) == {(index, 120 + index) for index in range(6 * len(TURNS))}
    expected = [name for name in TURNS for _ in range(6)]
    assert [NAMES[turn] for turn in found.orientations] == expected


@pytest.mark.slow
def test_copies_of_another_shape_or_brightness_or_without_colour_are_found() -> None:
    copies = [
        np.asarray(change(SCENES[6 * number + row]))
        for number, change in enumerate(CHANGES)
        for row in range(6)
    ]
    found = find([*SCENES, *copies])
    assert pairs_of(found) == {(index, 120 + index) for index in range(6 * len(CHANGES))}
    assert not found.orientations.any()


@pytest.mark.slow
def test_data_that_holds_every_picture_in_all_orientations_shows_every_copy() -> None:
    turns = [TURNS[name] for name in TURNS] + [
        lambda pixels: np.rot90(pixels, -1),
        lambda pixels: np.rot90(pixels.swapaxes(0, 1), 2),
    ]
    images = SCENES[:40]
    turned = [np.ascontiguousarray(turn(pixels)) for turn in turns for pixels in images]
    label = groups([*images, *(saved(pixels, 85) for pixels in turned)])
    assert label.tolist() == list(range(40)) * 8


def test_two_images_are_copies_if_one_is_turned() -> None:
    for turn in TURNS.values():
        assert groups([SCENES[0], np.ascontiguousarray(turn(SCENES[0]))]).tolist() == [0, 0]


@pytest.mark.slow
def test_images_that_cannot_be_read_take_no_part() -> None:
    statistics = statistics_of([*SCENES, SCENES[0], saved(SCENES[1])])
    statistics[[0, 1]] = np.zeros((), dtype=STATISTICS)
    chosen = choose_sample(statistics)
    assert not {0, 1} & set(chosen.tolist())
    images = [*SCENES, SCENES[0], saved(SCENES[1])]
    sample = [images[index] for index in chosen]
    found = find_duplicates(statistics, sample_indices=chosen, sample_pixels=sample)
    assert not len(found.pairs)


def test_many_images_without_a_sample_are_refused() -> None:
    with pytest.raises(ValueError, match="without a sample of the images"):
        find_duplicates(statistics_of(SCENES), sample_indices=[], sample_pixels=[])


def test_the_sample_is_the_same_in_any_order() -> None:
    statistics = statistics_of(SCENES)
    one, other = choose_sample(statistics, count=10), choose_sample(statistics[::-1], count=10)
    assert (statistics["pixels"][one] == statistics[::-1]["pixels"][other]).all()


def test_pairs_within_a_limit_are_those_of_all_distances() -> None:
    random = np.random.default_rng(0)
    points = (random.normal(size=(5000, 3)) @ random.normal(size=(3, 40))).astype(np.float32)
    own = np.arange(len(points))
    scales = local_scales(points, points[:2000], own=np.where(own < 2000, own, -1))
    pairs, distances = pairs_within(points, scales, 0.2)
    assert len(pairs) > 100
    exact = np.linalg.norm(points[:300, np.newaxis] - points[np.newaxis, :300], axis=2)
    exact /= np.sqrt(scales[:300, np.newaxis] * scales[:300])
    expected = {(a, b) for a, b in np.argwhere(exact < 0.2).tolist() if a < b}
    assert {(a, b) for a, b in pairs.tolist() if b < 300} == expected
    assert (distances < 0.2).all()


def test_a_local_scale_is_the_distance_of_the_tenth_other_image() -> None:
    points = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    scales = local_scales(points, points, own=np.arange(200))
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    assert scales == pytest.approx(np.sort(distances, axis=1)[:, 10], rel=1e-3)


def test_aligning_undoes_a_shift_and_a_scale() -> None:
    thumbnails = np.stack([measure(Decoded(p, "PNG", "RGB"))["thumbnail"] for p in SCENES[:20]])
    smooth = np.stack([gaussian_filter(one.astype(float), 1.5) for one in thumbnails])
    moved = np.stack([shift(one, (1.2, -0.8), order=3, mode="nearest") for one in smooth])
    before = aligned_distances(smooth.astype(np.uint8), moved.astype(np.uint8), steps=0)
    after = aligned_distances(smooth.astype(np.uint8), moved.astype(np.uint8))
    assert (after < before / 4).all()
    unrelated = aligned_distances(smooth[:10].astype(np.uint8), smooth[10:].astype(np.uint8))
    assert unrelated.min() > 3 * after.max()


@pytest.mark.parametrize("name", list(VARIANTS))
@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 8, 1), (30, 40, 3)])
def test_images_of_any_size_have_variants(name: str, shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    variant = make_variant(pixels, name, key=3)
    assert variant.dtype == np.uint8
    assert variant.shape[2] == shape[2]
    assert (variant == make_variant(pixels, name, key=3)).all()


@pytest.fixture(scope="module")
def digits_pixels() -> list[Pixels]:
    images = open_dataset("digits").images
    return [decode_content(images.content(index)).pixels for index in range(len(images))]
