"""Layers worked out by hand against torch, and formulas against the numbers of the notes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convscope.arithmetic import Convention, layer_table
from convscope.arithmetic.composition import composed_kernel
from convscope.arithmetic.formulas import (
    Window,
    composed_size,
    convolution_additions,
    convolution_macs,
    field_backward,
    field_forward,
    output_size,
    same_padding,
)
from convscope.arithmetic.worked import work_out_convolution, work_out_dense, work_out_pooling
from convscope.errors import UsageError


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
    worked = work_out_convolution(
        (channels, 13, 11),
        kernels=kernels,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bias,
    )
    layer = nn.Conv2d(
        channels, kernels, kernel, stride, padding, dilation, groups=groups, bias=bias
    )
    table = layer_table(layer, (channels, 13, 11))
    total = table.rows[0].total
    assert table.rows[0].output_shape == (1, *worked.output_shape)
    assert worked.line("parameters").result == table.parameters
    assert worked.line("multiplications").result == table.macs
    assert worked.line("memory of the output").result == total.forward_bytes
    kept = worked.line("memory kept for the backward pass: the input").result
    rows = layer_table(nn.Sequential(nn.Identity(), layer), (channels, 13, 11)).rows
    assert kept == rows[0].total.saved_bytes
    flops = Convention(flops=True, kinds=("bias",)).count(total)
    assert worked.line("FLOPs, as a layer table counts them").result == flops
    # With a bias there are as many additions as products; without, one fewer for each value.
    values = layer(torch.zeros(1, channels, 13, 11)).numel()
    assert worked.line("additions").result == table.macs - (0 if bias else values)
    numbers = worked.line("multiplications").numbers
    assert eval(numbers) == table.macs  # what is printed is what is computed


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_worked_out_is_what_torch_runs(ceil_mode: bool) -> None:
    worked = work_out_pooling(
        (3, 12, 14), window=(2, 3), stride=(2, 3), padding=(0, 1), ceil_mode=ceil_mode
    )
    layer = nn.MaxPool2d((2, 3), (2, 3), (0, 1), ceil_mode=ceil_mode)
    assert worked.output_shape == tuple(layer(torch.zeros(3, 12, 14)).shape)
    rows = layer_table(layer, (3, 12, 14)).rows
    looked_at = worked.line("comparisons or additions")
    assert looked_at.result == rows[0].total.pooling_operations == eval(looked_at.numbers)
    trained = nn.Sequential(nn.Conv2d(3, 3, 1), layer)  # else its input needs no gradient
    kept = layer_table(trained, (3, 12, 14)).row("1").own.saved_bytes
    lines = [line for line in worked.lines if line.quantity.startswith("memory kept")]
    assert sum(line.result for line in lines) == kept


def test_lenets_dense_layers_are_those_of_the_notes() -> None:
    worked = work_out_dense((16, 5, 5), outputs=120)
    assert worked.line("inputs").result == 400
    assert worked.line("parameters").result == 48_120
    assert worked.line("additions").result == 48_000
    assert worked.line("backward: gradient of the input").result == 48_000
    assert worked.line("memory kept for the backward pass: the input").result == 1_600
    assert worked.line("FLOPs, as a layer table counts them").result == 96_120
    assert work_out_dense((400,), outputs=120, bias=False).line("parameters").result == 48_000


def test_additions_across_channels_are_counted() -> None:
    """The count of k^2 + k^2 - 1 for each pair of channels leaves them out."""
    additions = convolution_additions(1, 3, 1, kernel=(5, 5), bias=False)
    macs = convolution_macs(1, 3, 1, kernel=(5, 5))
    assert macs + additions == 2 * 3 * 25 - 1


def test_twice_the_channels_are_four_times_the_macs() -> None:
    once, twice = (convolution_macs(28 * 28, c, c, kernel=(3, 3)) for c in (16, 32))
    assert twice == 4 * once


def test_an_inception_block_saves_weights_by_reducing_channels_first() -> None:
    image = (512, 14, 14)
    directly = work_out_convolution(image, kernels=64, kernel=(5, 5), padding=(2, 2), bias=False)
    reduced = work_out_convolution(image, kernels=24, kernel=(1, 1), bias=False)
    after = work_out_convolution(
        (24, 14, 14), kernels=64, kernel=(5, 5), padding=(2, 2), bias=False
    )
    assert directly.output_shape == after.output_shape == (64, 14, 14)
    assert directly.line("parameters").result == 819_200
    assert reduced.line("parameters").result + after.line("parameters").result == 50_688


def test_twice_the_padding_adds_a_border_of_macs() -> None:
    def macs(padding: int) -> int:
        side = output_size(32, Window(5, padding_before=padding, padding_after=padding))
        return convolution_macs(side * side, 3, 16, kernel=(5, 5))

    assert macs(2) - macs(1) == 148_800


@pytest.mark.parametrize(
    ("kernel", "dilation", "expected"),
    [(3, 1, (1, 1)), (5, 1, (2, 2)), (2, 1, (0, 1)), (2, 2, (1, 1))],
)
def test_the_size_is_kept_by_this_padding(
    kernel: int, dilation: int, expected: tuple[int, int]
) -> None:
    before, after = same_padding(kernel, dilation=dilation)
    assert (before, after) == expected
    window = Window(kernel, padding_before=before, padding_after=after, dilation=dilation)
    assert output_size(32, window) == 32


windows = st.lists(
    st.builds(
        lambda kernel, stride, dilation: Window(kernel, stride, dilation=dilation),
        st.integers(1, 5),
        st.integers(1, 3),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=6,
)


@given(windows)
def test_the_field_is_the_same_from_either_end(stack: list[Window]) -> None:
    size, jump = field_forward(stack)
    assert field_backward(stack) == size
    assert jump == torch.tensor([window.stride for window in stack]).prod()


@given(windows)
def test_composed_windows_see_what_the_stack_sees(stack: list[Window]) -> None:
    whole = stack[0]
    for window in stack[1:]:
        whole = composed_size(whole, window)
    assert (whole.extent, whole.stride) == field_forward(stack)


@pytest.mark.parametrize(("first_stride", "second_stride"), [(1, 1), (2, 1), (2, 3)])
def test_two_convolutions_in_a_row_are_one_with_the_composed_kernel(
    first_stride: int, second_stride: int
) -> None:
    torch.manual_seed(0)
    first, second = (
        torch.randn(shape, dtype=torch.float64) for shape in ((5, 3, 3, 3), (4, 5, 2, 2))
    )
    image = torch.randn(2, 3, 20, 20, dtype=torch.float64)
    kernel = composed_kernel(first, second, stride=first_stride)
    size = composed_size(Window(3, stride=first_stride), Window(2, stride=second_stride))
    assert kernel.shape == (4, 3, size.kernel, size.kernel)
    in_a_row = torch.conv2d(
        torch.conv2d(image, first, stride=first_stride), second, stride=second_stride
    )
    torch.testing.assert_close(torch.conv2d(image, kernel, stride=size.stride), in_a_row)


def test_kernels_that_do_not_follow_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="kernels for 4 channels can't follow kernels that give 5"):
        composed_kernel(torch.zeros(5, 3, 3, 3), torch.zeros(2, 4, 3, 3))
