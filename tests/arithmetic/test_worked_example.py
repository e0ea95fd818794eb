"""Layers worked out by hand against torch, and formulas against the numbers of the notes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convscope.arithmetic import Convention, layer_table
from convscope.arithmetic.formulas import (
    Window,
    convolution_macs,
    output_size,
    window_pair,
)
from convscope.arithmetic.worked_example import (
    convolution_example,
    dense_example,
    pooling_example,
)


@pytest.mark.slow
@given(
    channels=st.integers(1, 4),
    kernels=st.integers(1, 4),
    groups=st.integers(1, 2),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    bias=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_convolution_worked_out_is_the_one_that_torch_runs(
    channels: int,
    kernels: int,
    groups: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    bias: bool,
) -> None:
    channels, kernels = channels * groups, kernels * groups
    example = convolution_example(
        (channels, 13, 11),
        window_pair(kernel, stride=stride, padding=padding, dilation=dilation),
        kernels=kernels,
        groups=groups,
        bias=bias,
    )
    layer = nn.Conv2d(
        channels, kernels, kernel, stride, padding, dilation, groups=groups, bias=bias
    )
    table = layer_table(layer, (channels, 13, 11))
    total = table.rows[0].total
    assert table.rows[0].output_shape == (1, *example.output_shape)
    assert example.line("parameters").result == table.parameters
    assert example.line("multiplications").result == table.macs
    assert example.line("memory of the output").result == total.forward_bytes
    kept = example.line("memory kept for the backward pass: the input").result
    rows = layer_table(nn.Sequential(nn.Identity(), layer), (channels, 13, 11)).rows
    assert kept == rows[0].total.saved_bytes
    flops = Convention(flops=True, kinds=("bias",)).count(total)
    assert example.line("FLOPs, as a layer table counts them").result == flops
    # With a bias there are as many additions as products; without, one fewer for each value.
    values = layer(torch.zeros(1, channels, 13, 11)).numel()
    assert example.line("additions").result == table.macs - (0 if bias else values)
    numbers = example.line("multiplications").numbers
    assert eval(numbers) == table.macs  # what is printed is what is computed


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_worked_out_is_what_torch_runs(ceil_mode: bool) -> None:
    windows = window_pair((2, 3), stride=(2, 3), padding=(0, 1))
    example = pooling_example((3, 12, 14), windows, ceil_mode=ceil_mode)
    layer = nn.MaxPool2d((2, 3), (2, 3), (0, 1), ceil_mode=ceil_mode)
    assert example.output_shape == tuple(layer(torch.zeros(3, 12, 14)).shape)
    rows = layer_table(layer, (3, 12, 14)).rows
    looked_at = example.line("comparisons or additions")
    assert looked_at.result == rows[0].total.pooling_operations == eval(looked_at.numbers)
    trained = nn.Sequential(nn.Conv2d(3, 3, 1), layer)  # else its input needs no gradient
    kept = layer_table(trained, (3, 12, 14)).row("1").own.saved_bytes
    lines = [line for line in example.lines if line.quantity.startswith("memory kept")]
    assert sum(line.result for line in lines) == kept


def test_lenets_dense_layers_are_those_of_the_notes() -> None:
    example = dense_example((16, 5, 5), outputs=120)
    assert example.line("inputs").result == 400
    assert example.line("parameters").result == 48_120
    assert example.line("additions").result == 48_000
    assert example.line("backward: gradient of the input").result == 48_000
    assert example.line("memory kept for the backward pass: the input").result == 1_600
    assert example.line("FLOPs, as a layer table counts them").result == 96_120
    assert dense_example((400,), outputs=120, bias=False).line("parameters").result == 48_000


def test_additions_across_channels_are_counted() -> None:
    """The count of k^2 + k^2 - 1 for each pair of channels leaves them out."""
    example = convolution_example((3, 5, 5), window_pair((5, 5)), kernels=1, bias=False)
    assert example.line("multiplications").result == 3 * 25
    assert example.line("additions").result == 3 * 25 - 1


def test_twice_the_channels_are_four_times_the_macs() -> None:
    once, twice = (convolution_macs(28 * 28, c, c, kernel=(3, 3)) for c in (16, 32))
    assert twice == 4 * once


def test_an_inception_block_saves_weights_by_reducing_channels_first() -> None:
    image = (512, 14, 14)
    padded = window_pair((5, 5), padding=(2, 2))
    directly = convolution_example(image, padded, kernels=64, bias=False)
    reduced = convolution_example(image, window_pair((1, 1)), kernels=24, bias=False)
    after = convolution_example((24, 14, 14), padded, kernels=64, bias=False)
    assert directly.output_shape == after.output_shape == (64, 14, 14)
    assert directly.line("parameters").result == 819_200
    assert reduced.line("parameters").result + after.line("parameters").result == 50_688


def test_twice_the_padding_adds_a_border_of_macs() -> None:
    def macs(padding: int) -> int:
        side = output_size(32, Window(5, padding_before=padding, padding_after=padding))
        return convolution_macs(side * side, 3, 16, kernel=(5, 5))

    assert macs(2) - macs(1) == 148_800


@pytest.mark.parametrize(
    ("kernel", "dilation", "padding"),
    [(3, 1, (1, 1)), (5, 1, (2, 2)), (2, 1, (0, 1)), (2, 2, (1, 1))],
)
def test_the_size_is_kept_by_this_padding(
    kernel: int, dilation: int, padding: tuple[int, int]
) -> None:
    before, after = padding
    window = Window(kernel, padding_before=before, padding_after=after, dilation=dilation)
    assert output_size(32, window) == 32
