"""The variants of an architecture, and what published weights reach."""

from __future__ import annotations

from convscope.networks import NETWORKS
from convscope.networks.registry import (
    COSTS,
    IMAGENET_ACCURACY,
    VARIANTS,
    networks_of_size,
    variants_of,
)


def test_all_variants_are_networks_of_the_table_and_of_one_architecture() -> None:
    found = [name for names in VARIANTS.values() for name in names]
    assert set(found) <= set(NETWORKS)
    assert len(found) == len(set(found))


def test_the_variants_of_alexnet_are_told_apart_by_their_numbers() -> None:
    variants = variants_of("alexnet")
    assert variants is not None
    assert variants.architecture == "AlexNet"
    assert [COSTS[other].parameters for other in variants.others] == [60_965_224, 62_378_344]
    assert variants_of("resnet18") is None
    assert networks_of_size(61_100_840) == ("alexnet",)


def test_all_published_weights_have_their_accuracy() -> None:
    published = {name for name, row in NETWORKS.items() if row.published}
    assert set(IMAGENET_ACCURACY) == published
    for top1, top5 in IMAGENET_ACCURACY.values():
        assert 0.5 < top1 < 1
        assert top5 is None or top1 < top5 < 1
