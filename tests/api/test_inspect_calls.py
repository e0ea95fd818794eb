"""Looking at a classifier's layers in Python: which images, how many, whatever their labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from convscope.api.inspect import inspect, write_inspection
from convscope.api.load import load
from convscope.errors import DataError, UsageError
from convscope.run import Run

pytestmark = pytest.mark.slow


def test_a_runs_own_unseen_images_are_looked_at(flawed: Run) -> None:
    found = inspect(flawed)
    assert "training or selection saw" in found.images
    unseen = set(found.names)
    assert 0 < len(unseen) < len(flawed.image_splits)
    everything = inspect(flawed, split="all")
    assert unseen < set(everything.names)


def test_of_many_images_the_same_ones_are_drawn(flawed: Run) -> None:
    one, two = (inspect("runs/flawed", split="all", num_images=5) for _ in range(2))
    assert len(one.names) == 5
    assert one.to_dict() == two.to_dict()
    assert one.images.startswith("5 images drawn from all images")
    assert set(one.names) < set(inspect(flawed, split="all").names)


def test_labels_that_the_classifier_does_not_know_do_not_matter(flawed: Run) -> None:
    for name in ("odd", "odder"):
        Path("others", name).mkdir(parents=True)
        for image in ("000", "001"):
            source = Path("pictures/blue" if name == "odd" else "pictures/red", f"{image}.png")
            Path("others", name, f"{image}.png").write_bytes(source.read_bytes())
    found = inspect(load("runs/flawed"), "others", layers=("conv1",), channels=(0,))
    assert len(found.names) == 4
    assert [view.layer for view in found.views] == ["conv1"]
    assert list(found.views[0].patches) == [0]


def test_the_page_is_written_in_either_language(flawed: Run) -> None:
    found = inspect(flawed, num_images=3)
    for language, word in (
        ("en", "Patches that activate its channels most"),
        ("zh", "最能激活各通道的图像块"),
    ):
        path = write_inspection(
            found, f"out/{language}.html", name="flawed", command="again", language=language
        )
        assert word in path.read_text(encoding="utf-8")


def test_numbers_and_splits_that_cannot_be_are_errors(flawed: Run) -> None:
    with pytest.raises(UsageError, match="`num_images` can't be 0\nhint: it is 1 or more"):
        inspect(flawed, num_images=0)
    with pytest.raises(UsageError, match="`count` can't be -1"):
        inspect(flawed, count=-1)
    with pytest.raises(UsageError, match="`split` can't be `half`"):
        inspect(flawed, split="half")
    with pytest.raises(DataError, match="nowhere"):
        inspect(flawed, "nowhere")


def test_an_option_that_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="`inspect` has no argument `layer`") as refused:
        inspect("nowhere", layer="conv1")
    assert refused.value.hint == "did you mean `layers`?"


def test_one_layer_and_one_channel_need_no_list(flawed: Run) -> None:
    alone = inspect(flawed, layers="conv1", channels=2, count=1, num_images=8)
    listed = inspect(flawed, layers=["conv1"], channels=[2], count=1, num_images=8)
    assert [view.layer for view in alone.views] == ["conv1"]
    assert alone.to_dict() == listed.to_dict()
