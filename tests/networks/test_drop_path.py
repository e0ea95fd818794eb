"""Stochastic depth: what is dropped, how often, and that evaluation knows nothing of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convscope.networks import build
from convscope.networks.residual import BasicBlock, DropPath, add_drop_path


def test_each_image_is_dropped_or_divided_by_the_probability_of_staying() -> None:
    torch.manual_seed(0)
    out = DropPath(0.2)(torch.ones(10_000, 2, 3, 3))
    values = out.flatten(1)
    assert (values == values[:, :1]).all()
    assert values[:, 0].unique().tolist() == [0, pytest.approx(1 / 0.8)]
    assert (values[:, 0] == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_in_evaluation_nothing_is_dropped() -> None:
    x = torch.randn(50, 3)
    assert torch.equal(DropPath(0.9).eval()(x), x)


def test_the_same_seed_drops_the_same_images_and_keeps_the_format() -> None:
    def dropped() -> torch.Tensor:
        torch.manual_seed(4)
        kept: torch.Tensor = DropPath(0.5)(torch.ones(64, 1, dtype=torch.bfloat16))
        return kept

    first = dropped()
    assert torch.equal(first, dropped())
    assert first.dtype == torch.bfloat16
    assert 0 < (first == 0).sum() < 64


def test_of_a_dropped_block_only_the_shortcut_is_left() -> None:
    torch.manual_seed(0)
    block = BasicBlock(4, 4, stride=1, shortcut=nn.Identity(), batch_norm=False)
    add_drop_path(block.requires_grad_(False), 0.5)
    x = torch.randn(40, 4, 5, 5)
    branch = block.conv2(block.relu1(block.conv1(x)))
    out = block(x)
    is_dropped = (out == x.relu()).flatten(1).all(dim=1)
    assert 0 < is_dropped.sum() < 40
    torch.testing.assert_close(out[~is_dropped], (2 * branch + x).relu()[~is_dropped])


@pytest.mark.parametrize(("name", "blocks"), [("resnet18", 8), ("resnet50", 16), ("resnet20", 9)])
def test_the_probability_grows_linearly_to_the_last_block(name: str, blocks: int) -> None:
    with torch.device("meta"):
        network = build(name, drop_path=0.4)
    dropped = [module.dropped for module in network.modules() if isinstance(module, DropPath)]
    assert dropped == pytest.approx([0.4 * block / blocks for block in range(1, blocks + 1)])


def test_a_network_that_drops_evaluates_as_the_one_that_does_not() -> None:
    plain, dropping = build("resnet20"), build("resnet20", drop_path=0.5)
    assert not any(isinstance(module, DropPath) for module in plain.modules())
    dropping.load_state_dict(plain.state_dict())
    images = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(dropping.eval()(images), plain.eval()(images))
        assert not torch.equal(dropping.train()(images), plain.train()(images))
