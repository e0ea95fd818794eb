"""Splits that follow from pixels, and the store that decodes once."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import MakeFolder
from convscope.data.decode import decode_content
from convscope.data.preprocessing import Preprocessing
from convscope.data.sources.opening import open_dataset
from convscope.data.split import MAX_VALIDATION, split_images
from convscope.data.store import IN_MEMORY_BYTES, Store, build_store
from convscope.errors import DataError

PLAIN = Preprocessing(height=8, width=8, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
HASHES = np.random.default_rng(1).integers(0, 2**63, 4000).astype(np.uint64)


def test_without_splits_64_16_and_20_percent_are_taken() -> None:
    split = split_images([""] * 4000, HASHES)
    shares = [len(part) / 4000 for part in (split.train, split.validation, split.test)]
    np.testing.assert_allclose(shares, [0.64, 0.16, 0.20], atol=0.03)


def test_every_image_has_exactly_one_use() -> None:
    split = split_images([""] * 4000, HASHES)
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything.tolist()) == list(range(4000))
    assert set(split.used_for(4000)) == {"train", "validation", "test"}


def test_the_order_of_images_does_not_change_their_side() -> None:
    order = np.random.default_rng(2).permutation(4000)
    before = np.array(split_images([""] * 4000, HASHES).used_for(4000))
    after = np.array(split_images([""] * 4000, HASHES[order]).used_for(4000))
    np.testing.assert_array_equal(before[order], after)


def test_new_images_move_no_old_one() -> None:
    before = split_images([""] * 3000, HASHES[:3000]).used_for(3000)
    assert split_images([""] * 4000, HASHES).used_for(4000)[:3000] == before


def test_folds_are_disjoint_and_cover_everything() -> None:
    tests = [split_images([""] * 4000, HASHES, folds=5, fold=fold).test for fold in range(5)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(4000))
    assert all(700 < len(test) < 900 for test in tests)


def test_with_train_and_validation_alone_validation_is_reported_and_train_selects() -> None:
    given = ["train"] * 3000 + ["validation"] * 1000
    split = split_images(given, HASHES)
    assert split.test.tolist() == list(range(3000, 4000))
    assert set(split.validation) < set(range(3000))


def test_three_given_splits_stay_as_they_are() -> None:
    given = ["train"] * 2000 + ["validation"] * 1000 + ["test"] * 1000
    split = split_images(given, HASHES)
    assert split.used_for(4000) == given


def test_selection_takes_no_more_images_than_it_needs() -> None:
    hashes = np.random.default_rng(3).integers(0, 2**63, 100_000).astype(np.uint64)
    split = split_images(["train"] * 90_000 + ["test"] * 10_000, hashes)
    assert abs(len(split.validation) - MAX_VALIDATION) < 300


def test_data_with_splits_of_its_own_is_not_cut_into_folds() -> None:
    with pytest.raises(DataError, match="the data has splits of its own"):
        split_images(["train"] * 3000 + ["test"] * 1000, HASHES, folds=5)


def test_data_without_a_train_split_is_an_error() -> None:
    with pytest.raises(DataError, match="has a test split, but no train split"):
        split_images(["test"] * 4000, HASHES)


def test_too_few_images_are_an_error_with_the_counts() -> None:
    with pytest.raises(DataError, match=r"no image is left for \w+ \(\d train, "):
        split_images([""] * 2, HASHES[:2])


def test_the_store_holds_prepared_pixels_in_order(make_folder: MakeFolder) -> None:
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    store = build_store(dataset, PLAIN)
    assert store.pixels.shape == (5, 8, 8, 3)
    np.testing.assert_array_equal(
        store.pixels[4], PLAIN.apply(decode_content(dataset.images.content(4)).pixels)
    )
    assert store.names == ("a/000.png", "a/001.png", "a/002.png", "b/000.png", "b/001.png")


def test_a_store_too_large_for_memory_lies_in_a_file(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(make_folder({"a": 3, "b": 2}))
    in_memory = build_store(dataset, PLAIN)
    monkeypatch.setattr("convscope.data.store.IN_MEMORY_BYTES", 10)
    mapped = build_store(dataset, PLAIN)
    assert IN_MEMORY_BYTES > 10
    assert isinstance(mapped.pixels.base, np.memmap)
    np.testing.assert_array_equal(mapped.pixels, in_memory.pixels)


def test_the_fingerprint_does_not_depend_on_names_or_order(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 3, "b": 2})
    before = build_store(open_dataset(root), PLAIN).fingerprint()
    (root / "a" / "000.png").rename(root / "a" / "zzz.png")
    assert build_store(open_dataset(root), PLAIN).fingerprint() == before
    (root / "a" / "zzz.png").rename(root / "b" / "zzz.png")
    assert build_store(open_dataset(root), PLAIN).fingerprint() != before


@pytest.fixture
def with_damage(make_folder: MakeFolder) -> list[str]:
    root = make_folder({"a": 30, "b": 30})
    (root / "a" / "000.png").write_bytes(b"")
    content = (root / "b" / "001.png").read_bytes()
    (root / "b" / "001.png").write_bytes(content[: len(content) // 2])
    return [str(root)]


def test_damaged_images_are_named_with_reasons_and_left_out(with_damage: list[str]) -> None:
    store: Store = build_store(open_dataset(with_damage[0]), PLAIN)
    assert len(store) == 58
    assert [name for name, _ in store.damaged] == ["a/000.png", "b/001.png"]
    assert store.damaged[0][1] == "is empty"
    assert "a/000.png" not in store.names
    assert store.labels.tolist() == [0] * 29 + [1] * 29


def test_more_than_5_percent_damaged_is_an_error_unless_allowed(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 10, "b": 10})
    for number in (1, 2):
        (root / "a" / f"00{number}.png").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="2 of 20 images can't be read, more than 5%") as caught:
        build_store(open_dataset(root), PLAIN)
    assert "`a/001.png`" in caught.value.message
    assert "--allow-damaged" in str(caught.value.hint)
    assert len(build_store(open_dataset(root), PLAIN, allow_damaged=True)) == 18


def test_no_readable_image_is_an_error_even_when_damage_is_allowed(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 1, "b": 1})
    for name in "ab":
        (root / name / "000.png").write_bytes(b"no")
    with pytest.raises(DataError, match="none of the 2 images can be read"):
        build_store(open_dataset(root), PLAIN, allow_damaged=True)
