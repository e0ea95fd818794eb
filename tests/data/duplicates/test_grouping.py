"""Images that show the same picture are found once, and stay together."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import MakeFolder
from convscope.cache import Cache
from convscope.data.duplicates import near_duplicates as grouping
from convscope.data.index.image_index import ImageIndex, build_image_index
from convscope.data.sources.opening import open_dataset
from convscope.progress import SILENT, Reporter


@pytest.fixture
def image_index(make_folder: MakeFolder, tmp_path: Path) -> ImageIndex:
    """40 noisy pictures, and five smooth ones with a copy of another quality in the other class."""
    root = make_folder({"a": 20, "b": 20}, side=64)
    random = np.random.default_rng(0)
    for number in range(5):
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)
        for label, quality in (("a", 95), ("b", 60)):
            smooth.save(root / label / f"smooth{number}.jpg", quality=quality)
    return build_image_index(open_dataset(root), cache=Cache(tmp_path / "cache"))


def members(image_index: ImageIndex, labels: np.ndarray) -> list[list[str]]:
    groups: dict[int, list[str]] = {}
    for name, label in zip(image_index.names, labels, strict=True):
        groups.setdefault(int(label), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def group(image_index: ImageIndex, reporter: Reporter = SILENT) -> np.ndarray:
    return grouping.group_images(
        image_index.dataset.images,
        image_index.statistics,
        image_index.decoding,
        cache=image_index.cache,
        reporter=reporter,
    )


@pytest.mark.slow
def test_copies_form_groups_and_others_stay_alone(image_index: ImageIndex) -> None:
    labels = group(image_index)
    assert members(image_index, labels) == [
        [f"a/smooth{number}.jpg", f"b/smooth{number}.jpg"] for number in range(5)
    ]


@pytest.mark.slow
def test_what_was_found_is_remembered(
    image_index: ImageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = group(image_index)
    monkeypatch.setattr(grouping, "find_duplicates", None)
    np.testing.assert_array_equal(group(image_index), before)


def test_too_many_images_are_grouped_by_equal_pixels_alone_and_that_is_said(
    image_index: ImageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "COMPARED_AT_MOST", 10)
    said = io.StringIO()
    labels = group(image_index, Reporter(file=said))
    assert members(image_index, labels) == []
    assert "only those with the same pixels are kept in one split" in said.getvalue()
