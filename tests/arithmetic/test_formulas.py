"""Sizes and costs against torch and against numbers from papers and lectures."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convscope.arithmetic.formulas import (
    Window,
    convolution_macs,
    convolution_parameters,
    dense_macs,
    output_size,
)
from convscope.errors import UsageError

small = st.integers(1, 5)
padding = st.integers(0, 6)


@pytest.mark.parametrize(
    ("size", "window", "expected"),
    [
        (32, Window(5), 28),
        (28, Window(2, stride=2), 14),
        (224, Window(7, stride=2, padding_before=3, padding_after=3), 112),
        (224, Window(11, stride=4, padding_before=2, padding_after=2), 55),
        (5, Window(2, padding_before=0, padding_after=1), 5),
        (32, Window(2, dilation=2, padding_before=1, padding_after=1), 32),
    ],
)
def test_known_output_sizes(size: int, window: Window, expected: int) -> None:
    assert output_size(size, window) == expected


@pytest.mark.slow
@given(
    size=st.integers(1, 40),
    kernel=small,
    stride=small,
    dilation=small,
    pads=st.tuples(padding, padding),
)
@settings(max_examples=100, deadline=None)
def test_a_convolution_with_uneven_padding_has_the_size_that_torch_gives_it(
    size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]
) -> None:
    window = Window(kernel, stride, *pads, dilation)
    padded = F.pad(torch.zeros(1, 1, size, device="meta"), pads)
    weight = torch.zeros(1, 1, kernel, device="meta")
    if padded.shape[-1] < window.extent:
        with pytest.raises(UsageError, match="doesn't fit"):
            output_size(size, window)
        return
    expected = F.conv1d(padded, weight, stride=stride, dilation=dilation).shape[-1]
    assert output_size(size, window) == expected


@pytest.mark.slow
@given(
    size=st.integers(1, 40),
    kernel=small,
    stride=small,
    dilation=small,
    pad=padding,
    ceil=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_a_pooling_has_the_size_that_torch_gives_it(
    size: int, kernel: int, stride: int, dilation: int, pad: int, ceil: bool
) -> None:
    pad = min(pad, kernel // 2)
    window = Window(kernel, stride, pad, pad, dilation)
    image = torch.zeros(1, size, 1)
    try:
        pooled = F.max_pool2d(image, (kernel, 1), (stride, 1), (pad, 0), (dilation, 1), ceil)
    except RuntimeError:
        with pytest.raises(UsageError, match="doesn't fit"):
            output_size(size, window, ceil_mode=ceil)
        return
    assert output_size(size, window, ceil_mode=ceil) == pooled.shape[1]


def test_a_last_window_that_would_start_in_the_padding_is_dropped() -> None:
    window = Window(2, stride=2, padding_before=1, padding_after=1)
    assert output_size(3, window, ceil_mode=True) == 2
    assert output_size(4, Window(1, stride=3), ceil_mode=True) == 2


@pytest.mark.parametrize("name", ["kernel", "stride", "dilation"])
def test_a_window_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"`{name}` of a window is `0`") as caught:
        Window(**{"kernel": 3, name: 0})
    assert caught.value.hint == "it must be 1 or larger"


def test_a_window_larger_than_its_input_is_refused_with_both_sizes() -> None:
    with pytest.raises(UsageError) as caught:
        output_size(4, Window(3, dilation=3, padding_before=1))
    assert caught.value.message == "a window of extent `7` doesn't fit into `5` padded values"


def test_lenets_convolutions_have_156_and_2416_parameters() -> None:
    assert convolution_parameters(1, 6, kernel=(5, 5), bias=True) == 156
    assert convolution_parameters(6, 16, kernel=(5, 5), bias=True) == 2416
    assert convolution_macs(28 * 28, 1, 6, kernel=(5, 5)) == 117_600
    assert convolution_macs(10 * 10, 6, 16, kernel=(5, 5)) == 240_000


def test_googlenets_first_convolution_has_9408_weights_and_not_the_papers_2_7_thousand() -> None:
    assert convolution_parameters(3, 64, kernel=(7, 7), bias=False) == 9_408


def test_parameters_are_those_of_torchs_layers() -> None:
    grouped = nn.Conv2d(6, 9, (3, 5), groups=3)
    assert convolution_parameters(6, 9, kernel=(3, 5), groups=3, bias=True) == sum(
        parameter.numel() for parameter in grouped.parameters()
    )
    assert dense_macs(1, 400, 120) == 48_000
