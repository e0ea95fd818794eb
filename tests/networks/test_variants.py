"""The forms of a network, and what published weights reach."""

from __future__ import annotations

from convscope.networks import NETWORKS
from convscope.networks.accuracies import IMAGENET_ACCURACY
from convscope.networks.variants import FORMS, same_size, variants_of


def test_all_forms_are_networks_of_the_table_and_belong_to_one_name() -> None:
    forms = [name for names in FORMS.values() for name in names]
    assert set(forms) <= set(NETWORKS)
    assert len(forms) == len(set(forms))


def test_the_forms_of_alexnet_are_told_apart_by_their_numbers() -> None:
    variants = variants_of("alexnet")
    assert variants is not None
    assert variants.form.parameters == 61_100_840
    assert [form.parameters for form in variants.others] == [60_965_224, 62_378_344]
    assert variants_of("resnet18") is None
    assert same_size(61_100_840) == ("alexnet",)


def test_all_published_weights_have_their_accuracy() -> None:
    published = {name for name, row in NETWORKS.items() if row.published}
    assert set(IMAGENET_ACCURACY) == published
    assert all(0.5 < top1 < top5 < 1 for top1, top5 in IMAGENET_ACCURACY.values())
