"""Batches and augmentation: pure functions of counters."""

from __future__ import annotations

import threading
import zlib

import numpy as np
import pytest
import torch

from convscope.data.augment.augmentation import Augmentation, default_augmentation
from convscope.data.augment.mixing import Mixing
from convscope.data.batch import Sampler
from convscope.data.batches import ImageBatches, Shard, TrainAugmentation, normalise
from convscope.data.pixels.prepared import ArrayPixels
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.rng import hash64, permutation, seed32, uniform

PLAIN = Preprocessing(height=6, width=8, channels=3, mean=(0.2, 0.4, 0.6), std=(0.5, 0.25, 1.0))
PIXELS = np.random.default_rng(0).integers(0, 256, (21, 6, 8, 3), dtype=np.uint8)
LABELS = np.arange(21)


def batches(
    augmentation: TrainAugmentation | None = None,
    *,
    sampler: Sampler | None = None,
    pixels: ArrayPixels | None = None,
    device: str = "cpu",
    shard: Shard | None = None,
) -> ImageBatches:
    seed = augmentation and augmentation.seed
    return ImageBatches(
        pixels or ArrayPixels(PIXELS),
        LABELS,
        sampler or Sampler(np.arange(21), batch_size=5, seed=seed),
        preprocessing=PLAIN,
        device=torch.device(device),
        augmentation=augmentation,
        shard=shard,
    )


def test_normalise_divides_by_255_subtracts_the_mean_and_divides_by_std() -> None:
    got = normalise(torch.from_numpy(PIXELS), PLAIN).numpy()
    expected = (PIXELS / 255 - np.array(PLAIN.mean)) / np.array(PLAIN.std)
    np.testing.assert_allclose(got, expected.transpose(0, 3, 1, 2), atol=1e-6)


def test_an_epoch_has_every_image_once_in_batches_of_nearly_equal_size() -> None:
    sizes, seen = [], []
    for batch in batches(TrainAugmentation(3)).epoch(0):
        sizes.append(len(batch.inputs))
        seen += batch.targets.tolist()
    assert sizes == [5, 4, 4, 4, 4]
    assert sorted(seen) == LABELS.tolist()


@pytest.mark.parametrize(("count", "size", "expected"), [(3, 2, [3]), (5, 2, [3, 2]), (1, 4, [1])])
def test_no_image_is_left_alone_in_a_batch(count: int, size: int, expected: list[int]) -> None:
    made = batches(sampler=Sampler(np.arange(count), batch_size=size))
    assert [len(batch.targets) for batch in made.epoch(0)] == expected
    assert len(made) == len(expected)


def test_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [
            t for b in batches(TrainAugmentation(seed)).epoch(epoch) for t in b.targets.tolist()
        ]

    assert order(3, 1) == order(3, 1)
    assert order(3, 1) != order(3, 2)
    assert order(3, 1) != order(4, 1)


AUGMENTED = TrainAugmentation(
    5,
    Augmentation(hflip=0.5, translate=0.2, rotate=20, brightness=0.3),
    mixing=Mixing(mixup_alpha=0.4),
    num_classes=21,
)


def test_an_epoch_that_starts_in_the_middle_continues_to_the_bit() -> None:
    whole = list(batches(AUGMENTED).epoch(3))
    rest = list(batches(AUGMENTED).epoch(3, start=2))
    assert len(rest) == len(whole) - 2
    for before, after in zip(whole[2:], rest, strict=True):
        assert torch.equal(before.inputs, after.inputs)
        assert torch.equal(before.targets, after.targets)


def test_the_shards_of_a_batch_leave_out_and_repeat_nothing() -> None:
    plain = TrainAugmentation(5, Augmentation(hflip=0.5, translate=0.2))
    alone = list(batches(plain).epoch(1))
    ranks = [list(batches(plain, shard=Shard(rank, 2)).epoch(1)) for rank in (0, 1)]
    for step, batch in enumerate(alone):
        together = torch.cat([rank[step].inputs for rank in ranks])
        assert torch.equal(together, batch.inputs)
        assert torch.equal(torch.cat([rank[step].targets for rank in ranks]), batch.targets)


class SlowPixels(ArrayPixels):
    """Pixels that count as decoded each time, so that they are prefetched."""

    is_at_hand = False


def test_prefetching_changes_nothing() -> None:
    made = batches(AUGMENTED, pixels=SlowPixels(PIXELS))
    for prefetched, plain in zip(made.epoch(2), batches(AUGMENTED).epoch(2), strict=True):
        assert torch.equal(prefetched.inputs, plain.inputs)
        assert torch.equal(prefetched.targets, plain.targets)


def test_an_epoch_that_is_left_early_leaves_no_thread_behind() -> None:
    epoch = batches(pixels=SlowPixels(PIXELS)).epoch(0)
    next(epoch)
    epoch.close()  # type: ignore[attr-defined]
    left = [thread for thread in threading.enumerate() if thread.name.startswith("prefetching")]
    for thread in left:  # nothing waits for it, and it ends with the images that it has begun
        thread.join(5)
    assert not any(thread.is_alive() for thread in left)


def test_without_a_seed_the_order_is_that_of_the_store() -> None:
    assert [t for b in batches().epoch(7) for t in b.targets.tolist()] == LABELS.tolist()


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation(hflip=0.5, translate=0.2, rotate=20, scale=0.2), Augmentation(translate=0.2)],
)
def test_an_images_augmentation_does_not_depend_on_its_batch(augmentation: Augmentation) -> None:
    pixels = torch.from_numpy(PIXELS)
    together = augmentation.apply(pixels, seed=1, epoch=2, indices=LABELS)
    alone = augmentation.apply(pixels[7:8], seed=1, epoch=2, indices=LABELS[7:8])
    assert torch.equal(together[7:8], alone)


def test_shifts_and_mirrors_alone_are_what_resampling_gives_to_rounding() -> None:
    pixels = torch.from_numpy(PIXELS)
    moves = Augmentation(hflip=0.5, translate=0.3)
    resampled = Augmentation(hflip=0.5, translate=0.3, scale=1e-12)
    moved = moves.apply(pixels, seed=0, epoch=0, indices=LABELS)
    expected = resampled.apply(pixels, seed=0, epoch=0, indices=LABELS)
    assert moved.dtype == torch.uint8
    torch.testing.assert_close(moved.float(), expected, rtol=0, atol=0.01)
    assert len({tuple(image.flatten().tolist()) for image in moved}) == 21


def test_a_mirror_is_exact() -> None:
    pixels = torch.from_numpy(PIXELS)
    mirrored = Augmentation(hflip=1.0).apply(pixels, seed=0, epoch=0, indices=LABELS)
    assert torch.equal(mirrored, pixels.flip(2))


def test_no_augmentation_returns_the_images_themselves() -> None:
    pixels = torch.from_numpy(PIXELS)
    assert Augmentation().apply(pixels, seed=0, epoch=0, indices=LABELS) is pixels
    assert Augmentation().describe() == "none"


def test_signs_are_not_mirrored_by_default_and_photos_are() -> None:
    assert default_augmentation(channels=1, num_images=1000).hflip == 0
    assert default_augmentation(channels=3, num_images=1000).hflip == 0.5


def test_augmentation_says_what_it_does() -> None:
    description = Augmentation(hflip=0.5, translate=0.1, rotate=10, scale=0.2).describe()
    assert description == (
        "flipped horizontally with probability 0.5, shifted by up to 10%, "
        "rotated by up to 10 degrees, scaled by up to 20%"
    )


def test_uniform_numbers_are_uniform_and_independent() -> None:
    numbers = uniform("test", 0, np.arange(100_000))
    assert abs(numbers.mean() - 0.5) < 0.005
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(numbers, uniform("other", 0, np.arange(100_000)))[0, 1]) < 0.01


def slow_hash(purpose: str, *counters: int) -> int:
    """SplitMix64's finaliser in Python's unlimited integers."""

    def mix(value: int) -> int:
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    state = mix(zlib.crc32(purpose.encode()))
    for counter in counters:
        state = mix((state + 0x9E3779B97F4A7C15 + counter) % 2**64)
    return state


def test_hashes_are_the_same_on_every_machine() -> None:
    assert hash64("order", 1, np.arange(3)).tolist() == [slow_hash("order", 1, i) for i in range(3)]


def test_neighbouring_seeds_give_different_torch_seeds() -> None:
    assert len({seed32("step", seed, step) for seed in range(40) for step in range(40)}) == 1600


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_a_permutation_has_every_number_once(count: int) -> None:
    assert sorted(permutation("order", count, 5, 6).tolist()) == list(range(count))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(hflip=0.5, translate=0.2),
        Augmentation(rotate=20, scale=0.2, brightness=0.3, hue=0.1, blur=0.5, erase=0.5),
        Augmentation(policy="randaugment"),
    ],
)
def test_batches_on_a_gpu_are_those_of_the_cpu_to_rounding(augmentation: Augmentation) -> None:
    made = [
        next(batches(TrainAugmentation(5, augmentation), device=name).epoch(1))
        for name in ("cpu", "cuda")
    ]
    difference = (made[0].inputs - made[1].inputs.cpu()).abs()
    assert float(difference.mean()) < 0.02
    assert torch.equal(made[0].targets, made[1].targets.cpu())
