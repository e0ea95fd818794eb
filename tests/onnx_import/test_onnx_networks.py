"""Networks exported to ONNX and read back are the same networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx_made
import pytest
import torch
from torch import nn

from convscope.arithmetic import LayerTable, layer_table, verify
from convscope.networks import build, network_entry, network_names
from convscope.onnx_import import read_onnx

# The older exporter can't write local response normalisation.
NEWER_ONLY = ("alexnet_96", "alexnet_2012", "googlenet_2014")
# Made of the same layers as resnet50, with hundreds of MB of weights; `benchmarks/layer_tables.py
# --onnx` reads them back too.
LARGE = ("resnet101", "resnet152", "wide_resnet50_2")
SIDES = {
    **dict.fromkeys(("alexnet", "alexnet_96", "alexnet_2012"), 224),
    **dict.fromkeys(("googlenet", "googlenet_2014", "googlenet_notes"), 80),
}


def made(name: str) -> tuple[nn.Module, torch.Tensor]:
    """A network with random state, small where that changes nothing, and an image for it."""
    channels, side, _ = network_entry(name).input
    side = SIDES.get(name, min(side, 64))
    if name.startswith(("vgg", "alexnet")):
        network = narrow(name)
    else:
        network = build(name, num_classes=10, in_channels=channels, input_size=(side, side))
    return onnx_made.with_random_state(network).eval(), torch.randn(1, channels, side, side)


def narrow(name: str) -> nn.Module:
    """Without the hundreds of MB of its dense layers; a VGG with a pooling that fits small images.

    The older exporter writes a pooling to 7x7 only where its input is a multiple of that.
    """
    with torch.device("meta"):
        network: Any = build(name, num_classes=10)
        if name.startswith("vgg"):
            network.avgpool = nn.AdaptiveAvgPool2d(1)
        maps = 512 if name.startswith("vgg") else 256 * 6 * 6
        widths = iter([(maps, 16), (16, 16), (16, 10)])
        for key, layer in network.classifier.named_children():
            if isinstance(layer, nn.Linear):
                network.classifier.add_module(key, nn.Linear(*next(widths)))
    small: nn.Module = network.to_empty(device="cpu")
    for parameter in small.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_normal_(parameter)
        else:
            nn.init.uniform_(parameter, -0.1, 0.1)
    return small


def products(table: LayerTable) -> list[Any]:
    """Shape, MACs and field of every convolution and dense layer, in any order: exporters change
    that of branches.
    """
    rows = [row for row in table.rows if row.own.macs]
    return sorted((row.output_shape, row.macs, str(row.receptive_field)) for row in rows)


def parameters_after_export(network: nn.Module, table: LayerTable, *, is_folded: bool) -> int:
    """What a file holds of a network: layers that run, without folded normalisation."""
    count = sum(row.own.parameters for row in table.rows if row.is_used)
    used = {row.name for row in table.rows if row.is_used}
    if is_folded:
        layers = {name: layer for name, layer in network.named_modules() if name in used}
        norms = [x for x in layers.values() if isinstance(x, nn.BatchNorm1d | nn.BatchNorm2d)]
        convolutions = [x for x in layers.values() if isinstance(x, nn.Conv2d | nn.Linear)]
        count -= sum(2 * norm.num_features for norm in norms)
        if norms:  # a convolution without a bias gets that of its normalisation
            count += sum(x.weight.shape[0] for x in convolutions if x.bias is None)
    return count


# Network -> how many weights more or fewer its file has. The codes of LeNet-5's output, and kernels
# that whiten, are buffers in torch: a file doesn't tell them from weights. The export folds the
# second normalisation of each block of airbench94 (64, 256 and 256 channels), but not the first,
# before which there is a pooling: scale and shift become one bias.
OTHERS_IN_FILES = {"lenet5_1998": 10 * 84, "airbench94": 24 * 3 * 2 * 2 - (64 + 256 + 256)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "newer"),
    [
        *((name, False) for name in network_names() if name not in (*NEWER_ONLY, *LARGE)),
        *((name, True) for name in (*NEWER_ONLY, "lenet5", "resnet20")),
    ],
)
def test_a_network_of_the_table_comes_back_as_it_was(
    name: str, newer: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network, image = made(name)
    file = onnx_made.export(network, image, tmp_path / "net.onnx", newer=newer)
    back, shape = read_onnx(file)
    assert shape == tuple(image.shape[1:])
    with torch.no_grad():
        wanted = network(image)
        found = back.eval()(image)
    assert (found - wanted).abs().max() <= 1e-4 * max(1, wanted.abs().max())
    theirs, ours = layer_table(network, image.shape), layer_table(back, image.shape)
    assert ours.macs == theirs.macs
    assert ours.rows[0].output_shape == theirs.rows[0].output_shape
    assert ours.rows[0].uncounted == ()
    assert products(ours) == products(theirs)
    is_folded = not any(row.kind == "BatchNorm" for row in ours.rows)
    expected = parameters_after_export(network, theirs, is_folded=is_folded)
    assert ours.parameters == expected + OTHERS_IN_FILES.get(name, 0)


@pytest.mark.slow
@pytest.mark.parametrize("newer", [False, True], ids=["older", "newer"])
@pytest.mark.parametrize("kind", onnx_made.MODERN)
def test_newer_kinds_of_networks_come_back_and_are_verified(
    kind: type[nn.Module], newer: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = onnx_made.with_random_state(kind())
    image = torch.randn(1, 3, 32, 32)
    back, _ = read_onnx(onnx_made.export(network, image, tmp_path / "net.onnx", newer=newer))
    more = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(back.eval()(image), network(image), rtol=1e-4, atol=1e-5)
        # The file is made for one image; each of several is treated like it.
        torch.testing.assert_close(back(more), network(more), rtol=1e-4, atol=1e-5)
    theirs, ours = layer_table(network, (2, 3, 32, 32)), layer_table(back, (2, 3, 32, 32))
    assert ours.macs == theirs.macs
    if not isinstance(network, onnx_made.MobileBlock):  # whose normalisation is folded
        assert ours.parameters == theirs.parameters
    checked = verify(back, ours)
    assert checked.holds, (checked.differences, checked.unmeasured)


def test_a_batch_that_the_file_leaves_open_is_followed(tmp_path: Path) -> None:
    network = onnx_made.with_random_state(onnx_made.Transformer())
    file = onnx_made.export(
        network,
        torch.randn(2, 3, 32, 32),
        tmp_path / "net.onnx",
        input_names=["images"],
        dynamic_axes={"images": {0: "batch"}},
    )
    back, _ = read_onnx(file)
    images = torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(back.eval()(images), network(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_network_read_back_is_verified_with_branches_and_folded_normalisation(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    network, image = made("googlenet")
    back, _ = read_onnx(onnx_made.export(network, image, tmp_path / "net.onnx"))
    checked = verify(back, layer_table(back, image.shape))
    assert checked.holds
    assert checked.count("receptive_field") > 500


@pytest.mark.slow
def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, image = made("squeezenet1_1")
    file = tmp_path / "net.onnx"
    onnx_made.export(network, image, file, newer=True, external_data=True)
    assert (tmp_path / "net.onnx.data").is_file()
    back, _ = read_onnx(file)
    with torch.no_grad():
        torch.testing.assert_close(back.eval()(image), network(image), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_modules_have_the_names_that_they_had(tmp_path: Path) -> None:
    network, image = made("resnet20")
    named = {name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    older, _ = read_onnx(onnx_made.export(network, image, tmp_path / "net.onnx"))
    assert named <= {name for name, _ in older.named_modules()}
    newer, _ = read_onnx(onnx_made.export(network, image, tmp_path / "new.onnx", newer=True))
    names_ = {name for name, _ in newer.named_modules()}
    assert {"layer1.0", "layer3.2", "fc"} <= names_
